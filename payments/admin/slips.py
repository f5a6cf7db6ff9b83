"""Slips for finance: their pictures beside the declared facts, and the files to save. Each look is written down."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from payments import desk, slip_responses
from payments.models import DeskAct, Slip
from wallet.admin.people import find_person
from wallet.models import User

SEES = "payments.view_slip"


@require_safe
def preview(request: HttpRequest, pk: UUID, page: int) -> HttpResponseBase:
    """The picture of one page; the first one of a slip counts as the look at it."""
    by = find_person(request, permission=SEES)
    slip = _find(pk)
    if not 1 <= page <= len(slip.preview_names):
        raise Http404
    if page == 1:
        _note(slip, by)
    return _hand_out(slip, slip.preview_names[page - 1])


@require_safe
def download(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    by = find_person(request, permission=SEES)
    slip = _find(pk)
    _note(slip, by)
    return _hand_out(slip, slip.stored_name)


def _find(pk: UUID) -> Slip:
    return get_object_or_404(Slip.objects.select_related("transfer"), pk=pk, removed_at__isnull=True)


def _note(slip: Slip, by: User) -> None:
    desk.log(DeskAct.Kind.LOOKED_AT_SLIP, by=by, now=timezone.now(), transfer=slip.transfer, detail=str(slip))


def _hand_out(slip: Slip, name: str) -> HttpResponseBase:
    try:
        return slip_responses.attachment(name, filename=slip.original_name or slip.transfer.reference)
    except FileNotFoundError:
        raise Http404 from None
