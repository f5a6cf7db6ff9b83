"""The settings that children find in their environment. What the person set himself always wins."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from innopaas.local.memory import Memory
from innopaas.local.trouble import Trouble


def merge(made: Mapping[str, str]) -> dict[str, str]:
    """Ours beneath, the person's own above; a variable set to nothing counts as not set."""
    own = {name: value for name, value in os.environ.items() if value or name not in made}
    tools = str(Path(sys.executable).parent)
    return {**made, **own, "PATH": os.pathsep.join([tools, os.environ.get("PATH", os.defpath)])}


def keys(memory: Memory) -> dict[str, str]:
    """Made once and kept, so that sessions and signed links outlive a restart."""
    return {
        "SECRET_KEY": memory.secret("SECRET_KEY"),
        "DATA_KEYS": memory.secret("DATA_KEYS"),
        "STRIPE_SECRET_KEY": memory.secret("STRIPE_SECRET_KEY", prefix="sk_test_"),
        "STRIPE_WEBHOOK_SECRETS": memory.secret("STRIPE_WEBHOOK_SECRETS", prefix="whsec_"),
        "DEBUG": "1",
        "PYTHONUNBUFFERED": "1",
    }


def read_port() -> int:
    given = os.environ.get("PORT") or "8000"
    if not (given.isascii() and given.isdigit() and 0 < int(given) < 65536):
        raise Trouble(f"PORT is {given}, which is no port: give a number from 1 to 65535.")
    return int(given)


def read_host() -> str:
    return os.environ.get("HOST") or "127.0.0.1"


def is_wildcard(host: str) -> bool:
    return host in {"0.0.0.0", "::"}  # noqa: S104 -- asked for by the person through HOST, never our default
