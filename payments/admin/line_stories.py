"""One bank line as tables: what it may be for, what is proposed, what its money became, who did what."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from payments.models import Allocation, BankLine, Finding, Share, Suggestion
from wallet.admin.cells import link_to, show_moment
from wallet.money import labelled

_LOOK_ALIKE_DAYS = 3


def tell(line: BankLine) -> list[dict[str, Any]]:
    """Everything about a bank line."""
    suggestions = line.suggestions.select_related("transfer__order", "transfer__organisation").order_by("id")
    shares = Share.objects.filter(line=line).order_by("finding__made_at", "finding_id")
    shares = shares.select_related("finding__transfer", "finding__organisation", "finding__made_by")
    allocations = line.allocations.select_related("order", "organisation").order_by("at", "id")
    acts = line.acts.select_related("by").order_by("-id")[:30]
    return [
        {
            "title": _("May be for"),
            "headers": (_("transfer"), _("organisation"), _("amount"), _("order"), _("why")),
            "rows": [_suggestion_cells(line, suggestion) for suggestion in suggestions],
        },
        {
            "title": _("Proposed"),
            "headers": (_("for"), _("organisation"), _("amount"), _("given by"), _("state")),
            "rows": [_finding_cells(line, share) for share in shares],
        },
        {
            "title": _("What became of it"),
            "headers": (_("when"), _("kind"), _("amount"), _("order"), _("note"), _("by")),
            "rows": [_allocation_cells(line, allocation) for allocation in allocations],
        },
        {
            "title": _("Acts"),
            "headers": (_("when"), _("act"), _("by"), _("detail")),
            "rows": [(show_moment(act.at), act.get_kind_display(), str(act.by), act.detail) for act in acts],
        },
    ]


def describe(line: BankLine) -> str:
    """A bank line as one reads it on a statement."""
    parts = (line.booked_on.isoformat(), labelled(line.amount), line.account.code, line.payer_name, line.text[:80])
    return " · ".join(part for part in parts if part)


def link_to_line(line: BankLine) -> str:
    """The way to a bank line's page."""
    return link_to(reverse("admin:payments_bankline_change", args=[line.pk]), describe(line))


def explain(reason: Any, detail: str) -> str:
    """A reason in the reader's language, with what it is about."""
    return f"{reason}: {detail}" if reason and detail else str(reason or detail)


def list_typed(line: BankLine) -> list[BankLine]:
    """Lines approved by hand that may be the same money."""
    if not line.is_on_statement or line.rest != line.amount:
        return []
    typed = BankLine.objects.incoming().filter(
        account_id=line.account_id, amount=line.amount.amount, file=None, seen_again=None
    )
    return [one for one in typed.order_by("value_on") if abs((one.value_on - line.value_on).days) <= _LOOK_ALIKE_DAYS]


def address_of(finding: Finding) -> str:
    """Where a finding is decided about."""
    if finding.transfer_id:
        return reverse("admin:payments_transfer_desk", args=[finding.transfer_id])
    return reverse("admin:payments_assignment_approve", args=[finding.pk])


def _suggestion_cells(line: BankLine, suggestion: Suggestion) -> tuple[object, ...]:
    transfer = suggestion.transfer
    address = reverse("admin:payments_transfer_desk", args=[transfer.pk])
    return (
        link_to(f"{address}?line={line.pk}", transfer.reference),
        transfer.organisation.name,
        labelled(transfer.amount),
        f"{transfer.order.number} · {transfer.order.get_state_display()}",
        explain(suggestion.get_reason_display(), suggestion.detail),
    )


def _finding_cells(line: BankLine, share: Share) -> tuple[object, ...]:
    finding = share.finding
    what = finding.transfer.reference if finding.transfer else _("Wallet")
    state = _("carried out") if finding.done_at else _("replaced") if finding.superseded_at else _("to be approved")
    return (
        link_to(address_of(finding), what) if finding.is_open else what,
        finding.organisation.name,
        labelled(Money(share.amount, line.amount.currency)),
        str(finding.made_by),
        state,
    )


def _allocation_cells(line: BankLine, allocation: Allocation) -> tuple[object, ...]:
    return (
        show_moment(allocation.at),
        allocation.get_kind_display(),
        labelled(Money(allocation.amount, line.amount.currency)),
        link_to(reverse("admin:billing_order_change", args=[allocation.order_id]), allocation.order.number)
        if allocation.order
        else "",
        allocation.note,
        allocation.by,
    )
