"""What a receipt says: lines for a page, and the paper that is kept as issued."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import explanations, targets
from billing.models import Method, Note, Order
from billing.papers import Paper, Party
from wallet import details
from wallet.calendar import BOOKS
from wallet.models import Organisation
from wallet.money import labelled


def lines(order: Order, *, readable: QuerySet[Order]) -> list[tuple[str, str]]:
    """What the receipt says, label and value, in the reader's language. It names no order that he may not read."""
    is_move = order.method == Method.BALANCE
    said = [
        (_("Order number"), order.number),
        (_("Organisation") if is_move else _("Received from"), order.organisation.name),
        (_("Moved at") if is_move else _("Paid at"), _moment(order)),
        (_("Paid by"), order.get_method_display()),
        *_describe_paid(order),
        (_("Credited"), labelled(order.credited)),
        *_describe_target(order),
    ]
    if rate := explanations.explain_rate(order):
        said.append((_("Rate"), rate))
    if reference := _reference(order):
        said.append((_("Reference"), reference))
    said += [(_("Follows order"), followed.number) for followed in readable.filter(followers=order)]
    return [*said, *describe_return(order, readable=readable)]


def _describe_target(order: Order) -> list[tuple[str, str]]:
    said = [(_("Credited to"), targets.name(order.target))]
    if number := targets.number(organisation_id=order.organisation_id, code=order.target):
        said.append((_("Product number"), number))
        said.append((_("Use"), _("Only within %(product)s") % {"product": targets.name(order.target)}))
    return said


def _describe_paid(order: Order) -> list[tuple[str, str]]:
    fee = explanations.fee_we_bear(order)
    if order.method == Method.BALANCE:
        return [(_("Moved from the wallet"), labelled(order.paid))]
    if fee is None:
        return [(_("Amount paid"), labelled(order.paid))]
    return [
        (_("Amount received"), labelled(explanations.received(order))),
        (_("Bank fee borne by us"), labelled(fee)),
    ]


def _reference(order: Order) -> str:
    """Of its transfer, or of the one of the order that it follows; these lie one layer up, the relation is data."""
    transfer = getattr(order, "transfer", None) or getattr(order.follows, "transfer", None)
    return str(transfer.reference) if transfer else ""


def disclaimer(order: Order) -> str:
    if order.method == Method.BALANCE:
        return _("This receipt confirms a move between balances. It is not a tax invoice (fapiao).")
    return _("This receipt confirms a prepayment. It is not a tax invoice (fapiao).")


def compose(order: Order, *, number: str, issuer: Party, now: datetime) -> Paper:
    """The receipt as it is issued now. It names no order but those of the same balance, which all who may read this
    one may read.
    """
    same = Order.objects.filter(organisation_id=order.organisation_id, target=order.target)
    facts = [(_("Receipt number"), number), (_("Issued at"), show_moment(now)), *lines(order, readable=same)]
    return Paper(
        title=_("Receipt"),
        number=number,
        issuer=issuer,
        reader=describe_reader(order.organisation),
        facts=facts,
        notes=[disclaimer(order)],
    )


def describe_reader(organisation: Organisation) -> Party:
    """Whom a document is for, by the billing details of today; only the name until there are any."""
    facts = details.read(details.current(organisation.pk))
    names = list(dict.fromkeys(filter(None, [facts.legal_name_zh, facts.legal_name_en]))) or [organisation.name]
    tax_number = [_("Tax number: %(number)s") % {"number": facts.tax_number}] if facts.tax_number else []
    return Party(label=_("Issued to"), name=names[0], details=[*names[1:], *facts.address.splitlines(), *tax_number])


def describe_return(order: Order, *, readable: QuerySet[Order]) -> list[tuple[str, str]]:
    """That the money did not stay there; with the order that has it, if one does."""
    labels = {Note.UNDONE: _("Undone at"), Note.TAKEN_BACK: _("Taken back at")}
    returned = max(order.events.filter(note__in=labels), key=lambda event: event.pk, default=None)
    if returned is None:
        return []
    instead = readable.filter(follows=order, events__note=Note.CORRECTED)
    return [
        (labels[Note(returned.note)], show_moment(returned.at)),
        *((_("Credited instead by order"), follower.number) for follower in instead),
    ]


def show_moment(at: datetime) -> str:
    return f"{timezone.localtime(at, BOOKS):%Y-%m-%d %H:%M:%S} (UTC+8)"


def _moment(order: Order) -> str:
    if order.paid_at is None:
        raise ValueError(f"{order.number} was never paid, so it has no receipt")
    return show_moment(order.paid_at)
