"""The story of one refund, as facts and tables: what finance and ops need to answer for it."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing import targets
from billing.models import OrderEvent, Refund
from payments import outgoing
from payments.models import BankRefund, CardRefund
from wallet.admin.cells import link_to, say_moment
from wallet.models import Entry
from wallet.money import labelled

Cells = Sequence[object]


def tell(refund: Refund) -> list[dict[str, Any]]:
    """Everything that happened to a refund: timeline, payment at the bank or at Stripe, what the ledger says."""
    entries = Entry.objects.filter(
        posting__organisation_id=refund.organisation_id, posting__key__startswith=f"refund:{refund.number}:"
    )
    events = OrderEvent.objects.filter(refund=refund).order_by("id")
    return [
        {
            "title": _("What the customer reads"),
            "headers": (_("when"), _("order's state"), _("text"), _("by")),
            "rows": [_event_cells(event) for event in events],
        },
        *_tell_bank(refund),
        *_tell_card(refund),
        {
            "title": _("Postings"),
            "headers": (_("when"), _("key"), _("account"), _("debit"), _("credit"), _("balance after")),
            "rows": [_entry_cells(entry) for entry in entries.select_related("posting", "account").order_by("id")],
        },
    ]


def show_place(refund: Refund) -> str:
    """Where its money is now."""
    balance = targets.name(refund.order.target)
    match refund.state:
        case Refund.State.ASKED | Refund.State.APPROVED:
            return str(_("Held aside from %(balance)s: %(amount)s") % _facts(balance, refund))
        case Refund.State.SUCCEEDED:
            return str(_("Paid back: %(back)s") % {"back": labelled(refund.back)})
    return str(_("In %(balance)s again: %(amount)s") % _facts(balance, refund))


def list_facts(paid: BankRefund) -> list[tuple[object, str]]:
    """What is typed at the bank, exactly."""
    facts: list[tuple[object, str]] = [
        (_("From our account"), f"{paid.account.code} · {paid.account.legal_entity} · {paid.account.number}"),
        (_("Amount"), labelled(paid.amount)),
        (_("Payee"), paid.payee_name),
        (_("Payee's account"), paid.payee_account),
        (_("Payee's bank"), paid.payee_bank),
        (_("Remittance text"), paid.refund.number),
    ]
    if paid.reason:
        facts.append((_("Why another payee"), paid.reason))
    return facts


def list_fixed(refund: Refund) -> list[tuple[object, str]]:
    """What no preparation chooses."""
    return [(_("Amount"), labelled(refund.back)), (_("Remittance text"), refund.number)]


def describe(refund: Refund) -> str:
    amounts = labelled(refund.amount)
    if refund.back != refund.amount:
        amounts += f" → {labelled(refund.back)}"
    return f"{refund.organisation} · {refund} · {refund.order} · {amounts}"


def _facts(balance: str, refund: Refund) -> dict[str, str]:
    return {"balance": balance, "amount": labelled(refund.amount)}


def _tell_bank(refund: Refund) -> list[dict[str, Any]]:
    """Only what was prepared; a line that may be the payment stands below it."""
    prepared = list(BankRefund.objects.filter(refund=refund).select_related("account", "line").order_by("id"))
    if not prepared:
        return []
    headers = (
        *(_("prepared"), _("by"), _("from"), _("payee"), _("payee's account"), _("payee's bank"), _("approved by")),
        *(_("paid at the bank"), _("state")),
    )
    tables: list[dict[str, Any]] = [
        {"title": _("Payment at the bank"), "headers": headers, "rows": [_bank_cells(paid) for paid in prepared]}
    ]
    found = [one for paid in prepared if not paid.superseded_at for one in outgoing.suggest_lines(paid)]
    if found:
        rows = [
            (
                link_to(reverse("admin:payments_bankline_change", args=[one.line.pk]), one.line.booked_on.isoformat()),
                labelled(one.line.amount),
                one.line.payer_name,
                one.line.bank_reference,
                one.match.label,
            )
            for one in found
        ]
        columns = (_("day"), _("amount"), _("payee"), _("bank's number"), _("why"))
        tables.append({"title": _("Bank lines that may be it"), "headers": columns, "rows": rows})
    return tables


def _tell_card(refund: Refund) -> list[dict[str, Any]]:
    found = CardRefund.objects.filter(refund=refund).first()
    if found is None:
        return []
    said = " · ".join(filter(None, [found.stripe_status, found.failure, found.error]))
    row = (found.stripe_id or "—", labelled(found.amount), said, say_moment(found.asked_at), say_moment(found.ask_at))
    headers = (_("refund at Stripe"), _("amount"), _("what Stripe said last"), _("asked"), _("asked next"))
    return [{"title": _("At Stripe"), "headers": headers, "rows": [row]}]


def _event_cells(event: OrderEvent) -> Cells:
    text = f"{event.get_note_display()}: {event.detail}" if event.detail else event.get_note_display()
    return say_moment(event.at), event.get_state_display(), text, event.by


def _bank_cells(paid: BankRefund) -> Cells:
    payee = paid.payee_name if paid.is_payer else f"{paid.payee_name} ({paid.reason})"
    return (
        say_moment(paid.prepared_at),
        paid.prepared_by_name,
        paid.account.code,
        payee,
        paid.payee_account,
        paid.payee_bank,
        paid.approved_by_name or "—",
        _say_paid(paid),
        _say_state(paid),
    )


def _say_paid(paid: BankRefund) -> object:
    if paid.day_paid is None:
        return "—"
    text = f"{paid.day_paid.isoformat()} · {paid.bank_reference}"
    return link_to(reverse("admin:payments_bankline_change", args=[paid.line_id]), text) if paid.line_id else text


def _say_state(paid: BankRefund) -> object:
    if paid.returned_at:
        return _("came back")
    if paid.refused_at:
        return _("never paid")
    if paid.paid_at:
        return _("paid") if paid.line_id else _("recorded by hand, not yet on a statement")
    if paid.superseded_at:
        return _("replaced")
    return _("to be paid at the bank") if paid.approved_at else _("to be approved")


def _entry_cells(entry: Entry) -> Cells:
    amount = labelled(entry.amount)
    return (
        say_moment(entry.posting.posted_at),
        link_to(reverse("admin:wallet_posting_change", args=[entry.posting_id]), entry.posting.key),
        entry.account.code,
        amount if entry.side == "DEBIT" else "",
        amount if entry.side == "CREDIT" else "",
        labelled(entry.balance_after),
    )
