"""Whom a refund is paid to at the bank: the account its money came from, unless finance has a reason."""

from dataclasses import dataclass

from django.db.models import Q

from billing.models import Order, Refund
from payments.models import Allocation, BankAccount, BankLine, Transfer
from wallet import bank_numbers, details
from wallet.models import BillingDetails, PayerName


@dataclass(frozen=True, kw_only=True)
class Payee:
    """Who gets the money, at which bank; what is not known is empty."""

    name: str
    account: str
    bank: str = ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the money of a refund's order came from, as the bank said, and how to send it back."""

    account: BankAccount | None
    """The account of ours that it arrived at."""
    payee: Payee
    names: tuple[str, ...]
    """Every name the organisation is known to pay under, as given."""


def find_origin(refund: Refund) -> Origin:
    """What a payment is prepared with: the newest bank line that paid the order, and the account it arrived at; of an
    order that several lines paid, the largest.
    """
    order = refund.order
    lines = _list_lines(order)
    line = max(lines, key=lambda one: one.amount.amount, default=None)
    declared = _list_declared(order)
    names = [*(one.payer_name for one in lines), *declared, *_list_known(order)]
    accounts = BankAccount.objects.filter(currency=order.paid.currency.code)
    return Origin(
        account=line.account if line else accounts.first(),
        payee=Payee(
            name=next(filter(None, names), ""), account=line.payer_account if line else "", bank=_find_bank(order)
        ),
        names=tuple(dict.fromkeys(filter(None, names))),
    )


def is_payer(payee: Payee, *, refund: Refund) -> bool:
    """Whether the money goes back where it came from: to the account that paid, or, of a bank that names none, to a
    name the organisation pays under.
    """
    lines = _list_lines(refund.order)
    numbers = {bank_numbers.loosen(line.payer_account) for line in lines if line.payer_account}
    if numbers:
        return bank_numbers.loosen(payee.account) in numbers
    names = {details.fold(name) for name in find_origin(refund).names}
    return details.fold(payee.name) in names - {""}


def _list_lines(order: Order) -> list[BankLine]:
    """A corrected order was paid by the lines of the order before it."""
    paid = Allocation.objects.filter(Q(order=order) | Q(order_id=order.follows_id), kind=Allocation.Kind.CREDITED)
    lines = BankLine.objects.filter(pk__in=paid.values("line_id")).select_related("account")
    return list(lines.order_by("-booked_on", "-id"))


def _list_declared(order: Order) -> list[str]:
    transfers = Transfer.objects.filter(Q(order=order) | Q(order_id=order.follows_id)).order_by("-id")
    return [name for name in transfers.values_list("payer_name", flat=True) if name]


def _list_known(order: Order) -> list[str]:
    """Its legal names as they are now, and the names it pays under besides."""
    latest = BillingDetails.objects.filter(organisation_id=order.organisation_id).order_by("-version").first()
    legal = [latest.legal_name_zh, latest.legal_name_en] if latest else []
    return [*legal, *PayerName.objects.live(order.organisation_id).values_list("name", flat=True)]


def _find_bank(order: Order) -> str:
    """The payee's bank as it was given for an earlier refund of the organisation."""
    given = order.organisation.orders.filter(refunds__bank_refunds__is_payer=True)
    return given.order_by("-id").values_list("refunds__bank_refunds__payee_bank", flat=True).first() or ""
