"""Everything that explains one posting: what an auditor asks, on one page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from djmoney.money import Money

from billing import rates, statements, targets
from billing.models import Correction, Dispute, Order, Refund
from payments.admin import line_stories
from payments.admin.stripe_pages import find_page
from payments.models import Allocation, BankLine, BankRefund, CardRefund, Finding, Payment, Payout, Slip
from wallet.ids import read_id
from wallet.models import HOUSE_ID, Account, Entry, Posting, SealedDay, Side
from wallet.money import MINUS

_KINDS: Final[dict[str, Promise]] = statements.NAMES | {
    "SUSPENSE": gettext_lazy("Put into suspense"),
    "SUSPENSE_OUT": gettext_lazy("Handed over out of suspense"),
    "SUSPENSE_RETURN": gettext_lazy("Sent back out of suspense"),
    "STRIPE_FEE": gettext_lazy("Fee of Stripe's"),
    "BANK_CHARGE": gettext_lazy("Charge of the bank"),
    "PAYOUT": gettext_lazy("Payout of Stripe's"),
    "EXCHANGE": gettext_lazy("Exchange at the bank"),
    "DEBT_WRITE_OFF": gettext_lazy("Debt written off"),
}


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One entry, with its account's balance before and after it: amounts with all their decimals, as texts."""

    account: Account
    debit: str
    credit: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that explains the posting: what it is called, what it says, and its own page where it has one."""

    label: str
    text: str
    address: str = ""
    permission: str = ""
    """Who may not, reads the text without the way to its page."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """A posting with everything that explains it."""

    posting: Posting
    legs: Sequence[Leg]
    facts: Sequence[Fact] = field(default_factory=tuple)
    reasons: Sequence[Fact] = field(default_factory=tuple)
    people: Sequence[Fact] = field(default_factory=tuple)

    @property
    def sections(self) -> list[tuple[str, Sequence[Fact]]]:
        """The facts under their headings; the legs stand between the first and the others."""
        return [(_("Why"), self.reasons), (_("Who"), self.people)]


def tell(posting: Posting) -> Story:
    """Everything that explains one posting."""
    order = Order.objects.filter(number=posting.order_number).select_related("created_by", "follows").first()
    line = _find_line(posting)
    return Story(
        posting=posting,
        legs=_list_legs(posting),
        facts=[*_tell_posting(posting), *_tell_day(posting)],
        reasons=[
            *_tell_reversal(posting),
            *_tell_order(order),
            *_tell_stripe(posting, order),
            *_tell_bank(order, line),
        ],
        people=_tell_people(posting, order),
    )


def say(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s") if moment else "—"


def _list_legs(posting: Posting) -> list[Leg]:
    return [_leg(entry) for entry in posting.entries.select_related("account").order_by("line")]


def _leg(entry: Entry) -> Leg:
    amount = say_exactly(entry.amount)
    is_normal = entry.side == entry.account.normal_side
    before = entry.balance_after - entry.amount if is_normal else entry.balance_after + entry.amount
    return Leg(
        account=entry.account,
        debit=amount if entry.side == Side.DEBIT else "",
        credit=amount if entry.side == Side.CREDIT else "",
        before=say_exactly(before),
        after=say_exactly(entry.balance_after),
    )


def name_kind(posting: Posting) -> str:
    """Its kind in words, with the word that stands in the ledger."""
    name = _KINDS.get(posting.kind)
    return f"{name} · {posting.kind}" if name else posting.kind


def say_exactly(money: Money) -> str:
    """`USD 1,234.5025`: as many decimals as it has, and two at the least."""
    whole, _point, decimals = f"{money.amount.normalize():,f}".replace("-", MINUS).partition(".")
    return f"{money.currency.code} {whole}.{decimals:0<2}"


def _tell_posting(posting: Posting) -> Iterator[Fact]:
    yield Fact(label=pgettext("of a posting", "Key"), text=posting.key)
    yield Fact(label=_("Id"), text=str(posting.pk))
    yield Fact(label=_("Kind"), text=name_kind(posting))
    house = _("the house itself")
    name = str(posting.organisation)
    yield Fact(label=_("Organisation"), text=f"{name} ({house})" if posting.organisation_id == HOUSE_ID else name)
    if posting.memo:
        yield Fact(label=_("Memo"), text=posting.memo)
    yield Fact(
        label=pgettext("moment", "Posted"), text=f"{say(posting.posted_at)} · {posting.posted_at:%Y-%m-%dT%H:%M:%SZ}"
    )
    yield Fact(label=_("Content hash"), text=bytes(posting.content_hash).hex())


def _tell_day(posting: Posting) -> Iterator[Fact]:
    """Seals are a chain: the first one of this day or later holds it."""
    sealed = SealedDay.objects.filter(day__gte=posting.business_date).order_by("day").first()
    if sealed is None:
        yield Fact(label=_("Business date"), text=_("%(day)s, an open day") % {"day": posting.business_date})
        return
    yield Fact(
        label=_("Business date"),
        text=_("%(day)s, sealed with %(sealed)s by %(by)s at %(at)s")
        % {"day": posting.business_date, "sealed": sealed.day, "by": sealed.by, "at": say(sealed.sealed_at)},
    )
    yield Fact(label=_("Hash of the sealed day"), text=bytes(sealed.hash).hex())


def _tell_reversal(posting: Posting) -> Iterator[Fact]:
    if posting.reverses:
        yield Fact(label=_("Reverses"), text=posting.reverses.key, address=address_of(posting.reverses))
    for later in Posting.objects.filter(organisation=posting.organisation_id, reverses=posting):
        yield Fact(label=_("Reversed by"), text=later.key, address=address_of(later))


def _tell_order(order: Order | None) -> Iterator[Fact]:
    if order is None:
        return
    page = reverse("admin:billing_order_change", args=[order.pk])
    said = f"{order.number} · {order.get_method_display()} · {order.get_state_display()}"
    yield Fact(label=_("Order"), text=said, address=page, permission="billing.view_order")
    yield Fact(label=_("For"), text=targets.full_name(organisation_id=order.organisation_id, code=order.target))
    if order.follows:
        before = reverse("admin:billing_order_change", args=[order.follows.pk])
        yield Fact(label=_("Follows order"), text=order.follows.number, address=before, permission="billing.view_order")
    if order.rate:
        yield Fact(label=_("Rate"), text=f"{rates.shown(order.rate)} · {order.rate_source} · {say(order.rate_at)}")


def _tell_stripe(posting: Posting, order: Order | None) -> Iterator[Fact]:
    about = Q(session_id=posting.key.split(":")[1]) if posting.key.startswith("session:") else Q(pk__in=[])
    if order:
        about |= Q(credited_order=order)
    for payment in Payment.objects.filter(about).order_by("id"):
        for stripe_id in filter(None, (payment.session_id, payment.payment_intent_id)):
            yield Fact(label=_("At Stripe"), text=stripe_id, address=find_page(stripe_id))
    for refund in _find_refunds(posting, order) if order else ():
        page = reverse("admin:billing_refund_change", args=[refund.pk])
        said = f"{refund.number} · {refund.get_state_display()} · {refund.reason}"
        yield Fact(label=_("Refund"), text=said, address=page, permission="billing.view_refund")
        for card in CardRefund.objects.filter(refund=refund, stripe_id__isnull=False):
            yield Fact(label=_("At Stripe"), text=str(card.stripe_id), address=find_page(str(card.stripe_id)))
    for dispute in Dispute.objects.filter(order=order) if order and posting.key.startswith("dispute:") else ():
        said = f"{dispute.stripe_id} · {dispute.get_state_display()}"
        yield Fact(label=_("Dispute"), text=said, address=find_page(dispute.stripe_id))
    if posting.key.startswith("payout:"):
        yield from _tell_payout(posting.key.split(":")[1])


def _tell_payout(stripe_id: str) -> Iterator[Fact]:
    yield Fact(label=_("Payout"), text=stripe_id, address=find_page(stripe_id))
    for payout in Payout.objects.filter(stripe_id=stripe_id, line__isnull=False).select_related("line__account"):
        page = reverse("admin:payments_bankline_change", args=[payout.line_id])
        said = line_stories.describe(payout.line) if payout.line else ""
        yield Fact(label=_("Bank line"), text=said, address=page, permission="payments.view_bankline")
        yield Fact(label=_("Found at the bank by"), text=f"{payout.matched_by} · {say(payout.matched_at)}")


def _tell_bank(order: Order | None, line: BankLine | None) -> Iterator[Fact]:
    lines = [line] if line else []
    if order:
        found = Allocation.objects.filter(order=order).select_related("line__account", "line__file")
        lines += [one.line for one in found.order_by("at") if one.line != line]
    for one in lines:
        yield Fact(
            label=_("Bank line"),
            text=f"{line_stories.describe(one)} · {one.bank_reference}".rstrip(" ·"),
            address=reverse("admin:payments_bankline_change", args=[one.pk]),
            permission="payments.view_bankline",
        )
        if one.file:
            page = reverse("admin:payments_statementfile_change", args=[one.file.pk])
            said = f"{one.file} · {one.file.name}"
            yield Fact(label=_("Statement"), text=said, address=page, permission="payments.view_statementfile")
    slips = Slip.objects.filter(transfer__order=order, removed_at=None) if order else Slip.objects.none()
    for slip in slips.order_by("uploaded_at"):
        page = reverse("admin:payments_slip_download", args=[slip.pk])
        said = f"{slip.original_name} · {say(slip.uploaded_at)}"
        yield Fact(label=_("Slip"), text=said, address=page, permission="payments.view_slip")


def _tell_people(posting: Posting, order: Order | None) -> list[Fact]:
    facts = [Fact(label=_("Posted by"), text=posting.by or "—")]
    if order is None:
        return facts
    facts.append(Fact(label=_("Order made by"), text=f"{order.created_by_name} · {say(order.created_at)}"))
    findings: QuerySet[Any] = Finding.objects.filter(credited_order=order).select_related("made_by")
    for finding in findings.prefetch_related("approvals__by"):
        facts.append(Fact(label=_("Received facts given by"), text=f"{finding.made_by} · {say(finding.made_at)}"))
        facts += [Fact(label=_("Approved by"), text=f"{one.by} · {say(one.at)}") for one in finding.approvals.all()]
    facts += [fact for refund in _find_refunds(posting, order) for fact in _tell_refunder(refund)]
    for correction in Correction.objects.filter(Q(order=order) | Q(credited_order=order)):
        page = reverse("admin:billing_correction_change", args=[correction.pk])
        said = f"{correction.made_by_name} · {say(correction.made_at)}"
        view = "billing.view_correction"
        facts.append(Fact(label=_("Correction proposed by"), text=said, address=page, permission=view))
        if correction.approved_at:
            approved = f"{correction.approved_by_name} · {say(correction.approved_at)}"
            facts.append(Fact(label=_("Correction approved by"), text=approved))
    return facts


def _tell_refunder(refund: Refund) -> Iterator[Fact]:
    yield Fact(label=_("Refund asked for by"), text=f"{refund.asked_by_name or 'Stripe'} · {say(refund.asked_at)}")
    if refund.approved_at:
        approved = f"{refund.approved_by_name} · {say(refund.approved_at)}"
        yield Fact(label=_("Refund approved by"), text=approved)
    for paid in BankRefund.objects.current().filter(refund=refund):
        yield Fact(label=_("Payment prepared by"), text=f"{paid.prepared_by_name} · {say(paid.prepared_at)}")
        if paid.approved_at:
            yield Fact(label=_("Payment approved by"), text=f"{paid.approved_by_name} · {say(paid.approved_at)}")
        if paid.paid_at:
            said = f"{paid.paid_by_name} · {say(paid.paid_at)} · {paid.bank_reference}".rstrip(" ·")
            yield Fact(label=_("Payment recorded by"), text=said)


def _find_refunds(posting: Posting, order: Order) -> QuerySet[Refund]:
    """The refund that the key names."""
    parts = posting.key.split(":")
    return Refund.objects.filter(order=order, number=parts[1] if parts[0] == "refund" and len(parts) > 1 else "")


def _find_line(posting: Posting) -> BankLine | None:
    """The bank line that the key names."""
    parts = posting.key.split(":")
    line_id = read_id(parts[1]) if parts[0] == "bankline" and len(parts) > 1 else None
    return BankLine.objects.filter(pk=line_id).select_related("account", "file").first() if line_id else None


def address_of(posting: Posting) -> str:
    """The page that tells its story."""
    return f"{reverse('show_posting')}?q={posting.pk}"
