"""What finance decides after disputes: to write a debt off, to let an organisation pay by card again, and the rule of
card blocks; and asking Stripe at once.
"""

import secrets
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from billing import card_blocks, receivables
from billing.forms import NothingForm
from billing.models import CardBlock, Dispute, Refund
from billing.receivables import Debtor
from payments import disputing, stripe_api
from wallet.admin.fields import ReasonField
from wallet.admin.people import find_person
from wallet.models import User
from wallet.money import AmountError, labelled, parse_usage, round_up

WRITES_OFF = "billing.add_writeoff"
LIFTS = "billing.change_cardblock"
RULES = "billing.add_cardrule"
ASKS = "billing.change_dispute"


class ReasonForm(forms.Form):
    reason = ReasonField(label=_("Reason"))


class WriteOffForm(ReasonForm):
    amount = forms.CharField(label=_("Amount"), max_length=40, widget=UnfoldAdminTextInputWidget)
    field_order = ("amount", "reason")


class RuleForm(ReasonForm):
    rule = forms.ChoiceField(
        label=_("Disputed money"),
        choices=[
            (card_blocks.Rule.BLOCKING.name, _("blocks further top-ups by card")),
            (card_blocks.Rule.NOT_BLOCKING.name, _("does not block them")),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    field_order = ("rule", "reason")


def list_acts(dispute: Dispute, user: Any) -> list[dict[str, Any]]:
    """What this person may do about the dispute now."""
    acts = []
    if user.has_perm(WRITES_OFF) and not receivables.why_not_write_off(dispute, by=user):
        acts.append({"title": _("Write off"), "address": reverse("admin:billing_dispute_write_off", args=[dispute.pk])})
    if user.has_perm(ASKS):
        acts.append({"title": _("Ask Stripe now"), "address": reverse("admin:billing_dispute_ask", args=[dispute.pk])})
    return acts


def write_off(request: HttpRequest, pk: UUID) -> HttpResponse:
    by = find_person(request, permission=WRITES_OFF)
    dispute = get_object_or_404(Dispute.objects.select_related("order__organisation"), pk=pk)
    return _write_off(request, dispute, by=by, back=reverse("admin:billing_dispute_change", args=[pk]))


def write_off_refund(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`pk` is that of a refund which Stripe made of money that was spent."""
    by = find_person(request, permission=WRITES_OFF)
    refund = get_object_or_404(Refund.objects.select_related("order__organisation"), pk=pk)
    return _write_off(request, refund, by=by, back=reverse("admin:billing_refund_change", args=[pk]))


def ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let the dispute become what Stripe says, now."""
    find_person(request, permission=ASKS)
    dispute = get_object_or_404(Dispute.objects.select_related("order__organisation"), pk=pk)
    back = reverse("admin:billing_dispute_change", args=[pk])
    if request.method == "POST":
        _ask(request, dispute)
        return redirect(back)
    text = _("What Stripe says of it is taken over: its state, the deadline, and what has moved. Nothing is sent.")
    return _render(
        request, title=_("Ask Stripe now"), subject=_describe(dispute), explanation=text, form=NothingForm(), back=back
    )


def lift(request: HttpRequest, pk: UUID) -> HttpResponse:
    by = find_person(request, permission=LIFTS)
    found = get_object_or_404(CardBlock.objects.select_related("dispute__order__organisation"), pk=pk)
    back = reverse("admin:billing_cardblock_change", args=[pk])
    form = ReasonForm(request.POST or None)
    why_not = card_blocks.why_not_lift(found, by=by)
    if not why_not and form.is_valid():
        _lift(request, found, note=form.cleaned_data["reason"], by=by)
        return redirect(back)
    text = why_not or _("The organisation can top up by card again at once.")
    return _render(
        request,
        title=_("Lift the card block"),
        subject=_describe(found.dispute),
        explanation=text,
        form=NothingForm() if why_not else form,
        button="" if why_not else None,
        back=back,
    )


def decide(request: HttpRequest) -> HttpResponse:
    by = find_person(request, permission=RULES)
    back = reverse("admin:billing_cardrule_changelist")
    now_blocking = card_blocks.is_rule_on()
    form = RuleForm(request.POST or None)
    if form.is_valid():
        given = form.cleaned_data
        made = card_blocks.decide(
            rule=card_blocks.Rule[given["rule"]], reason=given["reason"], by=by, now=timezone.now()
        )
        _log(by, made, ADDITION, str(_("Decided: %(rule)s") % {"rule": made}))
        messages.success(request, _("It counts for disputes from now on."))
        return redirect(back)
    return _render(
        request,
        title=_("Decide anew"),
        subject=_("Disputed money blocks further top-ups by card.")
        if now_blocking
        else _("Disputed money does not block further top-ups by card."),
        explanation=_("It counts for disputes from now on. Blocks in force stay until they are lifted."),
        form=form,
        back=back,
    )


def _write_off(request: HttpRequest, debtor: Debtor, *, by: User, back: str) -> HttpResponse:
    why_not = receivables.why_not_write_off(debtor, by=by)
    owed = Money(debtor.debt, debtor.amount.currency)
    form = WriteOffForm(request.POST or None, initial={"amount": f"{owed.amount.normalize():f}"})
    if not why_not and form.is_valid() and _carry_out(request, debtor, form, by=by):
        return redirect(back)
    text = _("The customer need not pay it any more: it becomes a loss of ours. Owed now: %(owed)s.") % {
        "owed": labelled(round_up(owed))
    }
    return _render(
        request,
        title=_("Write off"),
        subject=_describe(debtor),
        explanation=why_not or text,
        form=NothingForm() if why_not else form,
        button="" if why_not else None,
        seen=secrets.token_urlsafe(18),
        back=back,
    )


def _carry_out(request: HttpRequest, debtor: Debtor, form: WriteOffForm, *, by: User) -> bool:
    """False when it was refused; then the form says why."""
    token = request.POST.get("seen", "")[:64]
    if not token:
        form.add_error(None, _("This form was not complete. Nothing was done; please check it and send it again."))
        return False
    try:
        made = receivables.write_off(
            debtor=debtor,
            amount=parse_usage(form.cleaned_data["amount"].strip(), debtor.amount.currency.code),
            reason=form.cleaned_data["reason"],
            by=by,
            form_token=token,
            now=timezone.now(),
        )
    except AmountError as error:
        form.add_error("amount", str(error))
    except receivables.FormTokenReused:
        form.add_error(None, _("This form was sent before with other content. Nothing was done now."))
    except receivables.MayNotWriteOff as refusal:
        form.add_error(None, str(refusal))
    else:
        _log(by, debtor, CHANGE, str(_("Written off: %(amount)s") % {"amount": labelled(made.amount)}))
        messages.success(request, _("Written off: %(amount)s.") % {"amount": labelled(made.amount)})
        return True
    return False


def _ask(request: HttpRequest, dispute: Dispute) -> None:
    try:
        disputing.follow(object_id=dispute.stripe_id, by=str(request.user), now=timezone.now())
    except stripe_api.StripeUnavailable:
        messages.warning(request, _("Stripe cannot be reached at the moment. Nothing was done; try again later."))
    except (stripe_api.DisputeUnreadable, disputing.PaymentUndecided) as error:
        messages.error(request, _("Stripe's answer cannot be understood: %(error)s") % {"error": error})
    else:
        messages.success(request, _("Asked: what follows is what Stripe says now."))


def _lift(request: HttpRequest, found: CardBlock, *, note: str, by: User) -> None:
    try:
        card_blocks.lift(block_id=found.pk, by=by, note=note, now=timezone.now())
    except card_blocks.NotInForce:
        messages.warning(request, _("It was lifted before; nothing was done."))
    except card_blocks.MayNotLift as refusal:
        messages.error(request, str(refusal))
    else:
        _log(by, found, CHANGE, str(_("Lifted: %(note)s") % {"note": note}))
        messages.success(request, _("The organisation can top up by card again."))


def _describe(debtor: Debtor) -> str:
    return f"{debtor.order.organisation} · {debtor.order} · {labelled(debtor.amount)}"


def _render(request: HttpRequest, *, button: Any = None, **context: Any) -> HttpResponse:
    """The act's page; `button` says what its title says, unless given, and nothing where there is nothing to do."""
    context["button"] = context["title"] if button is None else button
    return render(request, "staff/confirm.html", admin.site.each_context(request) | context)


def _log(by: User, changed: Model, flag: int, said: str) -> None:
    """As the admin logs what it changes itself."""
    LogEntry.objects.create(
        user_id=by.pk,
        content_type=ContentType.objects.get_for_model(changed),
        object_id=str(changed.pk),
        object_repr=str(changed)[:200],
        action_flag=flag,
        change_message=said,
    )
