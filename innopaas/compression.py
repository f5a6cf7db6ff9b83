"""Pages go out compressed; docs/security.md says why nobody learns their secrets from their length."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

SHOWING_SECRETS: Final = (
    "products:keys",
    "admin:products_apikey_issue",
    "billing:callbacks",
    "mfa_activate_totp",
    "mfa_view_recovery_codes",
)
"""Views that show what is secret for longer than one form: keys, callbacks' secrets, seeds and recovery codes."""


class PageCompressionMiddleware(GZipMiddleware):
    """HTML only: static files lie compressed already, and files to keep are small or compressed by their kind. No page
    that shows a secret: every page repeats its own address, which a stranger can word, and a shorter answer would tell
    him that he guessed right (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        if request.resolver_match and request.resolver_match.view_name in SHOWING_SECRETS:
            return response
        return super().process_response(request, response)
