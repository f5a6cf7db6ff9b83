"""In DEBUG only: the newest mail that this browser caused, so that the demo needs no mail server."""

import email
from email import policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from wallet.adapter import MAIL_TO

BETWEEN_MAILS = b"\n" + b"-" * 79 + b"\n"
"""What Django's file backend writes after each mail."""


@never_cache
@login_not_required
def show_newest(request: HttpRequest) -> HttpResponse:
    """Shows nothing but mail to the address in the browser's own session."""
    if not settings.DEBUG:
        raise Http404
    mail = _find_newest(request.session.get(MAIL_TO, ""))
    body = mail.get_body(("plain",)) if mail else None
    return render(request, "wallet/mail.html", {"mail": mail, "text": body.get_content() if body else ""})


def _find_newest(address: str) -> EmailMessage | None:
    folder = Path(settings.EMAIL_FILE_PATH) if settings.EMAIL_FILE_PATH else None
    if not address or folder is None or not folder.is_dir():
        return None
    for path in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True):
        for raw in reversed(path.read_bytes().split(BETWEEN_MAILS)):
            mail = email.message_from_bytes(raw.strip(), policy=policy.default)
            if isinstance(mail, EmailMessage) and address in str(mail["To"] or ""):
                return mail
    return None
