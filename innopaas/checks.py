"""System checks for production: what must never be deployed, told by `manage.py check --deploy`."""

from collections.abc import Callable, Sequence
from email.utils import parseaddr
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def production_is_real(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    """Name every setting that belongs to a demo only."""
    return [message for is_wrong, message in _RULES if is_wrong()]


def _has_example_domain(address: str) -> bool:
    return parseaddr(address)[1].endswith("innopaas.example")


def _is_near(host: str) -> bool:
    """Whether nobody listens between: this machine, a socket, or a host that the operator answers for."""
    return host.startswith("/") or host in {"", "localhost", "127.0.0.1", "::1", *settings.PRIVATE_HOSTS}


def _reaches_database_openly() -> bool:
    return any(
        not _is_near(database.get("HOST") or "") and database.get("OPTIONS", {}).get("sslmode") != "verify-full"
        for database in settings.DATABASES.values()
    )


def _reaches_redis_openly() -> bool:
    address = urlsplit(settings.REDIS_URL)
    checks_nothing = parse_qs(address.query).get("ssl_cert_reqs", [""])[0].lower().endswith("none")
    is_open = address.scheme == "redis" or checks_nothing
    return is_open and not _is_near(address.hostname or "")


def _reaches_mail_openly() -> bool:
    return not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or _is_near(settings.EMAIL_HOST))


_PRIVATE: Final = "If no other machine can listen there, name the host in PRIVATE_HOSTS."

_RULES: tuple[tuple[Callable[[], bool], CheckMessage], ...] = (
    (
        lambda: not settings.STAFF_MFA_REQUIRED,
        Error("STAFF_MFA_REQUIRED is off: staff could act without a second factor.", id="innopaas.E002"),
    ),
    (
        lambda: "owner" in settings.DATABASES,
        checks.Warning(
            "DATABASE_OWNER_URL is set for a serving process.",
            hint="Only the migration job needs the owner's role; web, worker and beat get DATABASE_URL alone.",
            id="innopaas.W003",
        ),
    ),
    (
        lambda: not settings.SITE_URL.startswith("https://"),
        Error(
            "SITE_URL must be the public https:// address: it stands in mails and Stripe returns to it.",
            id="innopaas.E004",
        ),
    ),
    (
        lambda: settings.EMAIL_BACKEND.rpartition(".")[2] != "EmailBackend" or ".smtp." not in settings.EMAIL_BACKEND,
        Error("EMAIL_URL sends no mail (it names no SMTP server).", id="innopaas.E005"),
    ),
    (
        lambda: not settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")),
        checks.Warning("STRIPE_SECRET_KEY is a test key: no real money moves.", id="innopaas.W006"),
    ),
    (
        lambda: any(_has_example_domain(address) for address in (settings.DEFAULT_FROM_EMAIL, settings.SUPPORT_EMAIL)),
        Error("DEFAULT_FROM_EMAIL or SUPPORT_EMAIL is still an example's address.", id="innopaas.E007"),
    ),
    (
        lambda: settings.SECURE_SSL_REDIRECT and not settings.TRUSTED_PROXIES,
        checks.Warning(
            "TRUSTED_PROXIES is 0, so no proxy is believed to have served https.",
            hint="Behind a proxy that ends TLS every page would redirect to itself for ever: set at least 1.",
            id="innopaas.W008",
        ),
    ),
    (
        _reaches_database_openly,
        Error(
            "DATABASE_URL (or the owner's, the replica's) leads to another machine without TLS and its certificate.",
            hint="Add ?sslmode=verify-full&sslrootcert=/path/of/the/authority.pem to it. " + _PRIVATE,
            id="innopaas.E009",
        ),
    ),
    (
        _reaches_redis_openly,
        Error(
            "REDIS_URL leads to another machine without TLS and its certificate.",
            hint="Write rediss://…?ssl_cert_reqs=required. " + _PRIVATE,
            id="innopaas.E010",
        ),
    ),
    (
        _reaches_mail_openly,
        Error(
            "EMAIL_URL leads to another machine without TLS.",
            hint="Write submission://… (STARTTLS) or smtps://…. " + _PRIVATE,
            id="innopaas.E011",
        ),
    ),
)
