"""What finance does next about a dispute: by when, where, and what it costs."""

from datetime import datetime

from django.utils.translation import gettext as _

from billing.models import Dispute
from wallet import sentences
from wallet.admin import cells
from wallet.money import labelled


def advise(dispute: Dispute, *, now: datetime) -> str:
    """Two or three sentences, for every state there is."""
    if dispute.is_undecided:
        return _advise_undecided(dispute, now=now)
    match dispute.state:
        case Dispute.State.WON if dispute.is_withdrawn:
            return _("It is won, but Stripe has not given the money back yet. Ask Stripe again in a few days.")
        case Dispute.State.WON:
            return _("It is won and the money is back. Lift the card block if one is left; nothing else is to do.")
        case Dispute.State.LOST if dispute.debt:
            return _(
                "It is lost. The customer's next top-up of the wallet pays what is owed; a finance lead writes off "
                "what will not come, and lifts the card block."
            )
        case Dispute.State.LOST:
            return _("It is lost and nothing is owed. A finance lead lifts the card block if one is left.")
    return _("The bank asks no more, and no money has moved. Nothing is to do.")


def _advise_undecided(dispute: Dispute, *, now: datetime) -> str:
    if dispute.has_evidence:
        return _(
            "Evidence was sent. The card's bank decides, which may take three months; until then nothing is to do."
        )
    due = dispute.evidence_due_at
    if due and due <= now:
        return _(
            "The time for evidence is over, and without any the card's bank usually decides for the card's holder. "
            "Only the holder himself can still withdraw it at his bank."
        )
    return sentences.join(_say_what_happened(dispute), _say_how(due), _say_costs(dispute))


def _say_what_happened(dispute: Dispute) -> str:
    if dispute.state == Dispute.State.INQUIRY:
        return _("The card's bank asks; no money has moved. Unanswered, this may become a dispute.")
    return _("Ask the customer first: if it was a mistake, he has his bank withdraw it, and says so in writing.")


def _say_how(due: datetime | None) -> str:
    how = _(
        "Then answer on Stripe's page, which the line “at Stripe” leads to. Evidence can be sent once only: the order "
        "with its timeline, the receipt, what was used since, and what the customer wrote."
    )
    until = _("It counts until %(at)s.") % {"at": cells.say_moment(due)} if due else ""
    return sentences.join(how, until)


def _say_costs(dispute: Dispute) -> str:
    if not dispute.fee.amount:
        return _("Stripe's fee for a dispute is not given back, whoever wins.")
    return _("The fee of %(fee)s is not given back, whoever wins.") % {"fee": labelled(dispute.fee)}
