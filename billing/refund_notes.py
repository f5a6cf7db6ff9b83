"""What a refund note says: what went back of which order, out of which balance."""

from datetime import datetime

from django.utils.translation import gettext as _

from billing import receipts, targets
from billing.models import Method, Refund
from billing.papers import Paper, Party
from wallet.money import labelled


def compose(refund: Refund, *, number: str, issuer: Party, receipt_number: str, now: datetime) -> Paper:
    """The note as it is issued now, of a refund that succeeded."""
    order = refund.order
    facts = [
        (_("Refund note number"), number),
        (_("Issued at"), receipts.show_moment(now)),
        (_("Refund number"), refund.number),
        (_("Order number"), order.number),
        (_("Receipt number"), receipt_number),
        (_("Refunded to"), order.organisation.name),
        *_describe_moment(refund),
        (_("Paid by"), order.get_method_display()),
        (_("Amount paid"), labelled(order.paid)),
        (_("Refunded"), labelled(refund.back)),
        (_("Taken from the balance"), labelled(refund.amount)),
        (_("Balance"), targets.full_name(organisation_id=order.organisation_id, code=order.target)),
        (_("Reason"), refund.reason),
    ]
    return Paper(
        title=_("Refund note"),
        number=number,
        issuer=issuer,
        reader=receipts.describe_reader(order.organisation),
        facts=facts,
        notes=[_describe_way(refund), _("This note confirms a refund. It is not a red-letter tax invoice (fapiao).")],
    )


def _describe_moment(refund: Refund) -> list[tuple[str, str]]:
    return [(_("Refunded at"), receipts.show_moment(refund.succeeded_at))] if refund.succeeded_at else []


def _describe_way(refund: Refund) -> str:
    if refund.order.method == Method.CARD:
        return _("The money goes to the card that paid. The card's bank may take several days to show it.")
    if refund.order.method == Method.OFFLINE:
        return _("The money was sent by bank transfer.")
    return _("The money is back in the wallet.")
