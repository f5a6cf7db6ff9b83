"""`make check`: every tool is run, two at a time, also after one has failed; the failed ones are named at the end."""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from innopaas.local.servers import PROJECT

_TOOLS = {
    "types": "mypy .",  # first: it takes as long as all the others
    "lint": "ruff check .",
    "format": "ruff format --check .",
    "imports": "lint-imports --no-cache",
    "templates": "find templates -name '*.html' -exec djade --check {} +",
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

    def use(name: str) -> subprocess.CompletedProcess[bytes]:
        env = {**settings, **_PRODUCTION} if name == "production" else settings
        command = ["/bin/sh", "-c", _TOOLS[name]]
        return subprocess.run(
            command, env=env, cwd=PROJECT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        for (name, command), used in zip(_TOOLS.items(), pool.map(use, _TOOLS), strict=True):
            print(f"--- {name}: {command}", flush=True)
            print(used.stdout.decode(errors="replace"), end="", flush=True)
            if used.returncode:
                failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0
