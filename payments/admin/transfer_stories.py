"""What finance did with the transfer of an order, as tables for the order's page."""

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing import rates
from billing.models import Order
from payments import references
from payments.admin.stories import Cells, Table, table
from payments.models import Allocation, DeskAct, Finding, Transfer
from wallet.admin.cells import link_to, say_moment
from wallet.money import labelled


def tell(order: Order) -> list[Table]:
    """The transfer, the bank lines credited, the findings and who approved them, and every act; nothing without any."""
    findings = Finding.objects.filter(Q(transfer__order=order) | Q(credited_order=order)).order_by("made_at")
    allocations = Allocation.objects.filter(order=order).select_related("line__account").order_by("at")
    transfers = Transfer.objects.filter(order=order).select_related("account", "declared_by")
    acts = DeskAct.objects.filter(transfer__order=order).select_related("by").order_by("id")
    told = [
        table(
            _("Transfer"),
            (_("reference"), _("amount"), _("receiving account"), _("payer"), _("bank's number"), _("declared")),
            map(_transfer_cells, transfers),
        ),
        table(
            _("Received facts"),
            (_("given"), _("evidence"), _("received"), _("credited"), _("rate"), _("approved by"), _("carried out")),
            map(_finding_cells, findings.select_related("made_by").prefetch_related("approvals__by")),
        ),
        table(
            _("Bank lines"),
            (_("bank line"), _("payer"), _("value date"), _("amount"), _("of the line"), _("by")),
            map(_allocation_cells, allocations),
        ),
        table(_("Acts of finance"), (_("when"), _("act"), _("detail"), _("by")), map(_act_cells, acts)),
    ]
    return told if any(part["rows"] for part in told) else []


def _transfer_cells(transfer: Transfer) -> Cells:
    desk = reverse("admin:payments_transfer_desk", args=[transfer.pk])
    return (
        link_to(desk, references.spaced(transfer.reference)),
        labelled(transfer.amount),
        transfer.account.code,
        transfer.payer_name,
        transfer.bank_number,
        f"{say_moment(transfer.declared_at)} {transfer.declared_by or ''}",
    )


def _finding_cells(finding: Finding) -> Cells:
    done = _("replaced") if finding.superseded_at else say_moment(finding.done_at)
    return (
        f"{say_moment(finding.made_at)} {finding.made_by}",
        finding.get_evidence_display(),
        labelled(finding.received),
        labelled(finding.credited + finding.surplus_credited),
        f"{rates.shown(finding.rate)} · {finding.rate_source}" if finding.rate else "",
        ", ".join(str(approval.by) for approval in finding.approvals.all()),
        done,
    )


def _allocation_cells(allocation: Allocation) -> Cells:
    line = allocation.line
    return (
        f"{line.account.code} {line.bank_reference}",
        line.payer_name,
        line.value_on.isoformat(),
        f"{allocation.amount:,.2f}",
        labelled(line.amount),
        allocation.by,
    )


def _act_cells(act: DeskAct) -> Cells:
    return say_moment(act.at), act.get_kind_display(), act.detail, str(act.by)
