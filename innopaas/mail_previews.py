"""In DEBUG only: every mail we send, as its readers get it."""

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from innopaas.mail_samples import samples


@login_not_required
def list_mails(request: HttpRequest) -> HttpResponse:
    """All of them, to choose from."""
    _refuse_outside_debug()
    written = [(sample.name, sample.write()) for sample in samples(now=timezone.now())]
    return render(request, "innopaas/mail_previews.html", {"mails": written})


@login_not_required
@csp_replace({"style-src": [UNSAFE_INLINE]})  # type: ignore[arg-type]  # csp knows of no arguments of views
def show_mail(_request: HttpRequest, name: str, form: str) -> HttpResponse:
    """One of them as its reader gets it: its HTML, or its text."""
    _refuse_outside_debug()
    found = [sample for sample in samples(now=timezone.now()) if sample.name == name]
    if not found or form not in {"html", "txt"}:
        raise Http404
    letter = found[0].write()
    if form == "txt":
        return HttpResponse(f"{letter.subject}\n\n{letter.text}", content_type="text/plain; charset=utf-8")
    return HttpResponse(letter.html)


def _refuse_outside_debug() -> None:
    if not settings.DEBUG:
        raise Http404
