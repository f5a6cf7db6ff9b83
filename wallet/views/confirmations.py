"""Confirming an e-mail address: allauth's page, which takes a link opened twice for a broken one."""

from allauth.account import app_settings
from allauth.account.models import EmailAddress
from allauth.account.views import confirm_email
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache


@never_cache
@login_not_required
def confirm(request: HttpRequest, key: str) -> HttpResponseBase:
    if address := _find_confirmed(key):
        return render(request, "wallet/already_confirmed.html", {"address": address.email})
    page: HttpResponseBase = confirm_email(request, key=key)
    return page


def _find_confirmed(key: str) -> EmailAddress | None:
    """Only to somebody whose link is genuine and young enough: it was mailed to this very address."""
    try:
        pk = signing.loads(key, max_age=app_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS * 24 * 3600, salt=app_settings.SALT)
    except signing.BadSignature:
        return None
    return EmailAddress.objects.filter(pk=pk, verified=True).first()
