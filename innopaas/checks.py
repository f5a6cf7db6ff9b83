"""System checks for production: what must never be deployed, told by `manage.py check --deploy`."""

from collections.abc import Callable, Sequence
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def production_is_real(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001  # Django's signature
    """Name every setting that belongs to a demo only."""
    return [message for is_wrong, message in _RULES if is_wrong()]


def _has_example_domain(address: str) -> bool:
    return parseaddr(address)[1].endswith("innopaas.example")


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
)
