"""Slips of a customer's transfer: taken with his declaration, handed out to his organisation, removed."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from payments import slip_files, slip_responses, slips, transfers
from payments.models import Slip, Transfer
from payments.sandbox.limits import MAX_BYTES
from payments.views.acting import find_order, refuse
from payments.views.orders import SeeOther, sheet_address
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import User

logger = logging.getLogger(__name__)


def attach_all(files: "Sequence[UploadedFile[Any]]", *, transfer: Transfer, by: User, now: datetime) -> Iterator[str]:
    """Attach one file after the other and say what is wrong with those that are refused; the good ones are kept.

    Raises `transfers.AlreadyTaken` and `transfers.CannotBeDeclared`.
    """
    for file in files:
        name = file.name or ""
        try:
            slips.attach(file.read(MAX_BYTES + 1), name=name, transfer_id=transfer.pk, by=by, now=now)
        except slip_files.SlipRefused as refused:
            yield f"{name}: {refused}"
        except slips.TooManySlips:
            yield _("%(name)s: there are %(most)d slips already. Remove one first.") % {
                "name": name,
                "most": slips.MOST,
            }
        except slip_files.SandboxBroken:
            logger.exception("slips cannot be read")
            yield _("%(name)s: files cannot be taken at the moment. You can go on without it.") % {"name": name}


@never_cache
@require_safe
@member_required
def download(request: MemberRequest, number: str, place: str) -> HttpResponseBase:
    slip = _find_slip(request, number, place)
    if slip.removed_at is not None:
        raise Http404
    try:
        return slip_responses.attachment(slip.stored_name, filename=slip.original_name or f"{number}-{place}")
    except FileNotFoundError:
        raise Http404 from None


@require_POST
@member_required
def remove(request: MemberRequest, number: str, place: str) -> HttpResponseBase:
    """Repeating it changes nothing."""
    slip = _find_slip(request, number, place)
    acting = memberships_of(request)[slip.organisation_id]
    if not acting.may_top_up:
        return refuse(request, acting)
    try:
        slips.remove(slip_id=slip.pk, now=timezone.now())
    except transfers.AlreadyTaken:
        messages.warning(request, _("Our finance team is working on this transfer, so its slips stay as they are."))
    except transfers.CannotBeDeclared:
        messages.warning(request, _("This order is not waiting for a transfer any more."))
    else:
        messages.success(request, _("The slip is removed."))
    return SeeOther(sheet_address(slip.transfer.order))


def _find_slip(request: MemberRequest, number: str, place: str) -> Slip:
    transfer: Transfer | None = getattr(find_order(request, number), "transfer", None)
    every = list(transfer.slips.order_by("id")) if transfer else []
    if int(place) > len(every):
        raise Http404
    return every[int(place) - 1]
