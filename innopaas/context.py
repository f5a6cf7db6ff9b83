"""What every template knows."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "member": getattr(request, "member", None),
        "passkeys_work": not _is_ip_address(request.get_host()),
        "support_url": settings.SUPPORT_URL,
        "support_email": settings.SUPPORT_EMAIL,
    }


def _is_ip_address(host: str) -> bool:
    """Browsers refuse passkeys on a bare address (WebAuthn wants a domain; localhost is one)."""
    try:
        ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
    return True
