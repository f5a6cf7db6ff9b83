"""What every template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "member": getattr(request, "member", None),
        "support_url": settings.SUPPORT_URL,
        "support_email": settings.SUPPORT_EMAIL,
    }
