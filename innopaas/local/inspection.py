"""`make check`: every tool is run, also after one has failed, and the failed ones are named at the end."""

import subprocess
from collections.abc import Mapping

from innopaas.local.servers import PROJECT

_TOOLS = {
    "lint": "ruff check .",
    "format": "ruff format --check .",
    "imports": "lint-imports --no-cache",
    "templates": "find templates -name '*.html' -exec djade --check {} +",
    "types": "mypy .",
    "translations": "python manage.py translations --check",
    "migrations": "python manage.py makemigrations --check --dry-run",
    "production": "python manage.py check --deploy --fail-level WARNING",
}
_PRODUCTION = {
    "DEBUG": "0",
    "ALLOWED_HOSTS": "topup.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://topup.example.com",
    "SITE_URL": "https://topup.example.com",
    "EMAIL_URL": "submission://user:password@mail.example.com:587",
    "DEFAULT_FROM_EMAIL": "InnoPaaS <no-reply@topup.example.com>",
    "SUPPORT_EMAIL": "support@topup.example.com",
    "TRUSTED_PROXIES": "1",
    "SECRET_KEY": "a-value-only-for-this-check-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "STRIPE_SECRET_KEY": "sk_live_check",
    "STRIPE_API_BASE": "",
    "DATABASE_OWNER_URL": "",
}


def inspect(settings: Mapping[str, str]) -> int:
    failed = []
    for name, command in _TOOLS.items():
        print(f"--- {name}: {command}", flush=True)
        env = {**settings, **_PRODUCTION} if name == "production" else settings
        if subprocess.run(["/bin/sh", "-c", command], env=env, cwd=PROJECT, check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0
