"""Refunds at the bank: whom a refund is paid to, what is to be paid, and what the bank did with it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.forms import NothingForm
from billing.models import Refund
from payments import bank_refunds, desk, outgoing, payees, refund_lines
from payments.admin import refund_stories
from payments.admin.refund_acts import address_of, find_refund, render_act
from payments.models import BankLine, BankRefund
from payments.refund_forms import PaidForm, PaymentForm, RefusedForm, ReturnedForm
from wallet.admin import cells
from wallet.admin.people import find_person
from wallet.calendar import business_date
from wallet.ids import read_id
from wallet.models import User

PREPARES = "payments.add_bankrefund"
RECORDS = "payments.change_bankrefund"
SEES = "payments.view_bankrefund"

_MOST = 100
"""Payments on one page."""


def prepare(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, refund = find_person(request, permission=PREPARES), find_refund(pk)
    before, origin = bank_refunds.find_current(refund), payees.find_origin(refund)
    form = PaymentForm(request.POST or None, currency=refund.back.currency.code, initial=_first(before, origin))
    why_not = bank_refunds.why_not_prepare(refund)
    if not why_not and form.is_valid() and _prepare(request, refund, form, by=by):
        return redirect(address_of(refund))
    explanation = _("Somebody else approves it just as it stands here: neither who prepares it nor who asked for it.")
    return render_act(
        request,
        title=_("Prepare the payment"),
        subject=refund_stories.describe(refund),
        explanation=why_not or explanation,
        facts=[] if why_not else _list_origin(refund, origin),
        button="" if why_not else _("Prepare"),
        form=NothingForm() if why_not else form,
        seen=before.pk if before else "",
        back=address_of(refund),
    )


def list_to_pay(request: HttpRequest) -> HttpResponse:
    """What has to be typed at the bank, and what was typed and is on no statement yet."""
    person = find_person(request, permission=SEES)
    found = {one.paid.pk: one for one in outgoing.suggest_waiting()}
    several = ("refund__order", "organisation", "account")
    to_pay = BankRefund.objects.to_pay().select_related(*several)[:_MOST]
    by_hand = BankRefund.objects.paid_by_hand().select_related(*several).order_by("paid_on", "id")[:_MOST]
    groups = [
        {
            "title": _("To be paid at the bank"),
            "rows": [_row(paid, found.get(paid.pk)) for paid in to_pay],
            "empty": _("Nothing is to be paid at the bank."),
        },
        {
            "title": _("Recorded by hand, not yet on a statement"),
            "rows": [_row(paid, found.get(paid.pk)) for paid in by_hand],
            "empty": _("Every payment recorded by hand is on a statement."),
        },
    ]
    context = admin.site.each_context(request) | {
        "title": _("Refunds to be paid at the bank"),
        "groups": groups,
        "may_record": person.has_perm(RECORDS),
        "back": reverse("admin:billing_refund_changelist"),
    }
    return render(request, "staff/refunds_to_pay.html", context)


def record_paid(request: HttpRequest, pk: UUID) -> HttpResponse:
    """By hand; a bank line that is the payment stands beside it, with a button of its own."""
    by, refund, now = find_person(request, permission=RECORDS), find_refund(pk), timezone.now()
    paid = _find_paid(refund)
    form = PaidForm(request.POST or None, today=business_date(now), initial={"paid_on": business_date(now)})
    if request.method == "POST" and form.is_valid():
        number = form.cleaned_data["bank_reference"]
        line = refund_lines.find_payment(paid, bank_reference=number)
        return _tell(
            request,
            refund,
            _("Recorded as paid, with its bank line.") if line else _("Recorded as paid; the statement confirms it."),
            bank_refunds.record_paid,
            bank_refund_id=paid.pk,
            paid_on=line.booked_on if line else form.cleaned_data["paid_on"],
            bank_reference=number,
            by=by,
            now=now,
            line_id=line.pk if line else None,
        )
    explanation = _("Only after the bank has carried it out. What was set aside leaves the books by this account.")
    return render_act(
        request,
        title=_("Record as paid"),
        subject=refund_stories.describe(refund),
        explanation=explanation if paid.is_to_be_paid else _("It is recorded as paid already."),
        facts=refund_stories.list_facts(paid),
        lines=[_suggestion(one) for one in outgoing.suggest_lines(paid)],
        confirm=reverse("admin:billing_refund_line", args=[refund.pk]),
        button=_("Record as paid") if paid.is_to_be_paid else "",
        form=form if paid.is_to_be_paid else NothingForm(),
        back=address_of(refund),
    )


def confirm_line(request: HttpRequest, pk: UUID) -> HttpResponse:
    """POST only, from a page that shows the line."""
    by, refund = find_person(request, permission=RECORDS), find_refund(pk)
    paid = _find_paid(refund)
    if request.method != "POST":
        return redirect("admin:billing_refund_paid", refund.pk)
    line = _find_line(request.POST.get("line", ""))
    return _tell(
        request,
        refund,
        _("The bank line is this payment; the refund is paid."),
        bank_refunds.confirm_by_line,
        bank_refund_id=paid.pk,
        line_id=line.pk,
        by=by,
        now=timezone.now(),
    )


def refuse(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, refund = find_person(request, permission=RECORDS), find_refund(pk)
    paid, form = _find_paid(refund), RefusedForm(request.POST or None)
    if form.is_valid():
        return _tell(
            request,
            refund,
            _("Recorded: it was never paid. The amount is usable again."),
            bank_refunds.refuse,
            bank_refund_id=paid.pk,
            failure=form.cleaned_data["failure"],
            by=by,
            now=timezone.now(),
        )
    explanation = _("Only when no money has left and none will. The amount goes back into the balance.")
    return render_act(
        request,
        title=_("The bank did not pay it"),
        subject=refund_stories.describe(refund),
        explanation=explanation if paid.is_to_be_paid else _("It does not wait for the bank any more."),
        facts=refund_stories.list_facts(paid),
        button=_("Record that it was not paid") if paid.is_to_be_paid else "",
        form=form if paid.is_to_be_paid else NothingForm(),
        back=address_of(refund),
    )


def record_returned(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, refund = find_person(request, permission=RECORDS), find_refund(pk)
    paid = _find_paid(refund)
    lines = refund_lines.list_returns(paid)
    form = ReturnedForm(request.POST or None, lines=lines, paid=paid.amount)
    if form.is_valid():
        return _tell(
            request,
            refund,
            _("Recorded: it came back. The amount is in the balance again."),
            bank_refunds.record_returned,
            bank_refund_id=paid.pk,
            line_id=UUID(form.cleaned_data["line"]),
            failure=form.cleaned_data["failure"],
            by=by,
            now=timezone.now(),
        )
    explanation = _("The balance is credited again in full; what the bank kept of it is our charge.")
    none = _("No incoming line on this account can be it. Import the statement that shows it first.")
    return render_act(
        request,
        title=_("It came back"),
        subject=refund_stories.describe(refund),
        explanation=explanation if lines else none,
        facts=refund_stories.list_facts(paid),
        button=_("Record that it came back") if lines else "",
        form=form if lines else NothingForm(),
        back=address_of(refund),
    )


def _prepare(request: HttpRequest, refund: Refund, form: PaymentForm, *, by: User) -> bool:
    """False when it was refused; then the form says why."""
    seen = request.POST.get("seen", "")
    try:
        paid = bank_refunds.prepare(refund_id=refund.pk, facts=form.facts, by=by, now=timezone.now(), seen=seen)
    except desk.OwnOrganisation:
        form.add_error(None, _("You belong to this organisation."))
    except bank_refunds.PreparedMeanwhile:
        form.add_error(None, _("Somebody else has prepared it since this page was shown. Look at the refund again."))
    except (bank_refunds.FactsRefused, bank_refunds.NotPreparable) as refusal:
        form.add_error(None, str(refusal))
    else:
        messages.success(request, _("Prepared. Somebody else has to approve it."))
        if not paid.is_payer:
            messages.warning(request, _("It goes to another account than the money came from."))
        return True
    return False


def _tell(request: HttpRequest, refund: Refund, done: Any, verb: Any, **facts: Any) -> HttpResponse:
    """Call the verb, say what came of it on the refund's page."""
    try:
        verb(**facts)
    except bank_refunds.NotWaiting:
        messages.warning(request, _("It does not wait for this any more; nothing was done."))
    except refund_lines.NotThisPayment as refusal:
        messages.error(request, str(refusal))
    except desk.OwnOrganisation:
        messages.error(request, _("You belong to this organisation."))
    else:
        messages.success(request, done)
    return redirect(address_of(refund))


def _find_paid(refund: Refund) -> BankRefund:
    paid = bank_refunds.find_current(refund)
    if paid is None:
        raise Http404
    paid.refund = refund
    return paid


def _find_line(text: str) -> BankLine:
    line_id = read_id(text)
    if line_id is None:
        raise PermissionDenied
    return get_object_or_404(BankLine, pk=line_id)


def _first(before: BankRefund | None, origin: payees.Origin) -> dict[str, Any]:
    """What was prepared last, else the way the money came."""
    if before:
        names = ("account", "payee_name", "payee_account", "payee_bank", "reason")
        return {name: getattr(before, name) for name in names}
    payee = origin.payee
    return {
        "account": origin.account,
        "payee_name": payee.name,
        "payee_account": payee.account,
        "payee_bank": payee.bank,
    }


def _list_origin(refund: Refund, origin: payees.Origin) -> list[tuple[object, str]]:
    unknown = str(_("The bank did not say"))
    return [
        *refund_stories.list_fixed(refund),
        (_("The money came from"), origin.payee.name or unknown),
        (_("from the account"), origin.payee.account or unknown),
        (_("Names it pays under"), ", ".join(origin.names) or unknown),
    ]


def _row(paid: BankRefund, found: outgoing.Suggestion | None) -> dict[str, Any]:
    return {
        "paid": paid,
        "address": address_of(paid.refund),
        "facts": refund_stories.list_facts(paid),
        "since": cells.say_moment(paid.paid_at or paid.approved_at),
        "line": found.line if found else None,
        "why": found.match.label if found else "",
        "confirm": reverse("admin:billing_refund_line", args=[paid.refund_id]),
        "record": reverse("admin:billing_refund_paid", args=[paid.refund_id]) if paid.is_to_be_paid else "",
    }


def _suggestion(one: outgoing.Suggestion) -> dict[str, Any]:
    line = one.line
    facts = (line.booked_on.isoformat(), line.payer_name, line.bank_reference, one.match.label)
    return {"pk": line.pk, "text": " · ".join(str(fact) for fact in facts if fact)}
