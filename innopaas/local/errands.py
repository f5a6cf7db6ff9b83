"""Commands that work on the demo's data, with its settings, while it is up."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Final

from innopaas.local import environment
from innopaas.local.processes import obey
from innopaas.local.servers import HOME, PROJECT, Servers
from innopaas.local.trouble import Trouble

_KEPT: Final = "settings of the site"
_NAMED: Final = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE"}
"""What leads to another site when the person sets it himself, so the errand has to be told."""


def admit(servers: Servers, settings: Mapping[str, str]) -> None:
    """The site is up with these settings: from here on errands find it."""
    ours = {name: value for name, value in settings.items() if name in _NAMED or name not in os.environ}
    servers.memory.remember(_KEPT, json.dumps(ours))


def close(servers: Servers) -> None:
    """The site is not up, or not yet: no errand is run."""
    servers.memory.remember(_KEPT, "")


def run(command: Sequence[str]) -> int:
    """Runs any command in the project's folder with the settings of the site, and hands its exit code on."""
    servers = Servers(HOME)
    if servers.claim():
        servers.release()
        raise Trouble("The site is not up: start it with `make run` in another terminal, and keep it there.")
    kept = servers.memory.recall(_KEPT)
    if not kept:
        raise Trouble("The site is still starting: wait until `make run` says that it is up.")
    os.chdir(PROJECT)
    return obey(command, env=environment.merge({}) | json.loads(kept))
