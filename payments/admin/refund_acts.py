"""What finance decides about refunds: to start one, to approve it, to decline it."""

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import refunds, targets
from billing.forms import NothingForm
from billing.models import Method, Order, Refund
from payments import bank_refunds, desk
from payments.admin import refund_stories
from payments.models import BankRefund
from payments.refund_forms import DeclineForm, StartForm
from wallet.admin.people import find_person
from wallet.models import User
from wallet.money import AmountError, labelled, parse_amount

STARTS = "billing.add_refund"
DECIDES = "billing.change_refund"

_REFUSALS = (refunds.MayNotRefund, refunds.NotRefundable, refunds.TooMuch, bank_refunds.MayNotApprove)
"""Their messages are for whoever tried."""


def start(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`pk` is the order's."""
    by, now = find_person(request, permission=STARTS), timezone.now()
    order = get_object_or_404(Order.objects.select_related("organisation"), pk=pk)
    room = refunds.refundable(order)
    why_not = refunds.why_not_ask(order, by=by, origin=Refund.Origin.FINANCE, now=now)
    form = StartForm(request.POST or None, initial={"amount": room.most.amount})
    if not why_not and form.is_valid() and (made := _start(request, order, form, by=by, now=now)):
        return redirect("admin:billing_refund_change", made.pk)
    explanation = _("The amount is set aside at once. Somebody else has to approve it before anything is paid back.")
    return render_act(
        request,
        title=_("Refund"),
        subject=_describe(order),
        explanation=why_not or explanation,
        facts=[] if why_not else _list_room(order, room),
        button="" if why_not else _("Start the refund"),
        form=NothingForm() if why_not else form,
        form_token=request.POST.get("form_token") or secrets.token_urlsafe(18),
        back=reverse("admin:billing_order_change", args=[order.pk]),
    )


def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, refund = find_person(request, permission=DECIDES), find_refund(pk)
    paid = bank_refunds.find_current(refund) if refund.order.method == Method.OFFLINE else None
    if request.method == "POST":
        _approve(request, refund, paid, by=by, now=timezone.now())
        return redirect(address_of(refund))
    why_not = _why_not_approve(refund, paid, by=by)
    said = _("%(who)s says: %(reason)s") % {"who": refund.asked_by_name, "reason": refund.reason}
    return render_act(
        request,
        title=_("Approve the refund"),
        subject=refund_stories.describe(refund),
        explanation=why_not or f"{said} · {_say_next(refund)}",
        warning=_warn(paid) if paid and not why_not else "",
        facts=[*_list_facts(refund), *(refund_stories.list_facts(paid) if paid else [])],
        button="" if why_not else _("Approve"),
        form=NothingForm(),
        seen=paid.pk if paid else "",
        back=address_of(refund),
    )


def decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, refund = find_person(request, permission=DECIDES), find_refund(pk)
    form = DeclineForm(request.POST or None)
    is_waiting = refund.state == Refund.State.ASKED
    if form.is_valid():
        try:
            refunds.decline(refund_id=refund.pk, by=by, reason=form.cleaned_data["reason"], now=timezone.now())
        except refunds.NotWaiting:
            messages.warning(request, _("It was approved, declined or withdrawn before; nothing was done."))
        except refunds.MayNotRefund as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Declined; the amount is usable again."))
        return redirect(address_of(refund))
    explanation = _("The amount goes back into the balance, and the customer reads the reason.")
    return render_act(
        request,
        title=_("Decline the refund"),
        subject=refund_stories.describe(refund),
        explanation=explanation if is_waiting else _("It was approved, declined or withdrawn before."),
        button=_("Decline") if is_waiting else "",
        form=form if is_waiting else NothingForm(),
        back=address_of(refund),
    )


def say_why_not(refund: Refund, *, by: Any) -> str:
    """Why this person, whose group approves refunds, may not approve one that waits for just that; empty otherwise."""
    paid = bank_refunds.find_current(refund) if refund.order.method == Method.OFFLINE else None
    is_ready = refund.state == Refund.State.ASKED and (paid or refund.order.method != Method.OFFLINE)
    return _why_not_approve(refund, paid, by=by) if is_ready and by.has_perm(DECIDES) else ""


def find_refund(pk: UUID) -> Refund:
    return get_object_or_404(Refund.objects.select_related("order__organisation", "organisation", "asked_by"), pk=pk)


def address_of(refund: Refund) -> str:
    return reverse("admin:billing_refund_change", args=[refund.pk])


def render_act(request: HttpRequest, **context: Any) -> HttpResponse:
    """The page of one act: what it is about, what it does, its form, its button."""
    return render(request, "staff/refund_act.html", admin.site.each_context(request) | context)


def _start(request: HttpRequest, order: Order, form: StartForm, *, by: User, now: datetime) -> Refund | None:
    """None when it was refused; then the form says why."""
    try:
        amount = parse_amount(f"{form.cleaned_data['amount']:f}", order.credited.currency.code)
        made = refunds.ask(
            order_id=order.pk,
            amount=amount,
            reason=form.cleaned_data["reason"],
            by=by,
            origin=Refund.Origin.FINANCE,
            form_token=_read_token(request, by=by),
            now=now,
        )
    except refunds.FormTokenReused:
        form.add_error(None, _("This form was sent before with other content. Open it anew."))
    except AmountError as error:
        form.add_error("amount", str(error))
    except refunds.TooMuch as error:
        most = {"most": labelled(error.room.most)}
        form.add_error("amount", f"{_('At most %(most)s can be refunded.') % most} {error.room.why}")
    except (refunds.MayNotRefund, refunds.NotRefundable) as refusal:
        form.add_error(None, str(refusal))
    else:
        messages.success(request, _("Started. Somebody else has to approve it before anything is paid back."))
        return made
    return None


def _read_token(request: HttpRequest, *, by: User) -> str:
    """Whose form it is and which: the same one sent twice starts one refund."""
    return f"{by.pk.hex}.{request.POST.get('form_token', '')[:30]}"


def _approve(request: HttpRequest, refund: Refund, paid: BankRefund | None, *, by: User, now: datetime) -> None:
    try:
        if refund.order.method == Method.OFFLINE:
            done = _approve_payment(request, paid, by=by, now=now)
        else:
            done = refunds.approve(refund_id=refund.pk, by=by, now=now)
    except (refunds.NotWaiting, bank_refunds.NotWaiting):
        messages.warning(request, _("It was approved, declined, withdrawn or prepared anew; nothing was done."))
    except _REFUSALS as refusal:
        messages.error(request, str(refusal))
    except desk.OwnOrganisation:
        messages.error(request, _("You belong to this organisation."))
    else:
        messages.success(request, _say_done(done))


def _approve_payment(request: HttpRequest, paid: BankRefund | None, *, by: User, now: datetime) -> Refund:
    """Just what the page showed: whoever prepares it anew in between makes another payment of it."""
    if paid is None or request.POST.get("seen") != str(paid.pk):
        raise bank_refunds.NotWaiting(str(paid))
    return bank_refunds.approve(bank_refund_id=paid.pk, by=by, now=now).refund


def _why_not_approve(refund: Refund, paid: BankRefund | None, *, by: User) -> str:
    if refund.state != Refund.State.ASKED:
        return str(_("It was approved, declined or withdrawn before."))
    if why := refunds.why_not_approve(refund, by=by):
        return why
    if refund.order.method != Method.OFFLINE:
        return ""
    if paid is None:
        return str(_("Nobody has prepared its payment at the bank yet."))
    return bank_refunds.why_not_approve(paid, by=by)


def _say_next(refund: Refund) -> str:
    match refund.order.method:
        case Method.CARD:
            return str(_("It goes to the card through Stripe."))
        case Method.OFFLINE:
            return str(_("It is to be paid at the bank then, just as it stands here."))
    return str(_("The money is in the wallet at once."))


def _say_done(refund: Refund) -> str:
    match refund.order.method:
        case Method.CARD:
            return str(_("Approved; it goes to the card through Stripe."))
        case Method.OFFLINE:
            return str(_("Approved; it is to be paid at the bank now."))
    return str(_("Approved; the money is in the wallet."))


def _warn(paid: BankRefund) -> str:
    if paid.is_payer:
        return ""
    why = {"reason": paid.reason}
    return str(_("This is not the account the money came from. Look twice. Reason given: %(reason)s") % why)


def _list_facts(refund: Refund) -> list[tuple[object, str]]:
    return [
        (_("Out of the balance"), f"{labelled(refund.amount)} · {targets.name(refund.order.target)}"),
        (_("The customer gets"), labelled(refund.back)),
    ]


def _list_room(order: Order, room: Any) -> list[tuple[object, str]]:
    facts: list[tuple[object, str]] = [
        (_("Credited"), labelled(order.credited)),
        (_("Can be refunded"), labelled(room.most)),
    ]
    if room.why:
        facts.append((_("Why not more"), room.why))
    return facts


def _describe(order: Order) -> str:
    paid: Money = order.paid
    return f"{order.organisation} · {order} · {labelled(paid)} → {targets.name(order.target)}"
