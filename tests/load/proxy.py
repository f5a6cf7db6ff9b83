"""What granian serves: the site, with the one header that the proxy before it sets where TLS ends."""

from collections.abc import Callable, Iterable
from typing import Any

from innopaas.wsgi import application as site


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    answer: Iterable[bytes] = site({**environ, "HTTP_X_FORWARDED_PROTO": "https"}, start_response)
    return answer
