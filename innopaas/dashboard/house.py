"""What is between us, Stripe and the banks, the daily closes, and the rules that money follows."""

from datetime import datetime, timedelta

from django.db.models import Count as CountOf
from django.db.models import Min
from django.utils.translation import gettext_lazy as _

from billing.models import ExchangeRate, LegalEntity
from innopaas.dashboard.rows import Count, begin, list_of
from payments import card_suspense, clearing, house_moves
from payments.closing import days
from payments.models import DayClose, Difference, HouseMove, Payout
from wallet.calendar import business_date


def count_payouts(now: datetime) -> list[Count]:
    """What is late between us, Stripe and the bank, and should be nothing."""
    late = clearing.list_late_payouts(now).aggregate(number=CountOf("pk"), oldest=Min("arrival_on"))
    unpaid = clearing.list_late_transactions(now).aggregate(number=CountOf("pk"), oldest=Min("available_at"))
    failed = clearing.list_unmatched_failures().aggregate(number=CountOf("pk"), oldest=Min("reversed_at"))
    return [
        Count(
            title=_("Payouts on their way"),
            figure=Payout.objects.on_their_way().count(),
            address=list_of("payments_payout", place="way"),
        ),
        Count(
            title=_("Payouts late at the bank"),
            figure=late["number"],
            address=list_of("payments_payout", place="late"),
            is_bad=late["number"] > 0,
            by="payments.change_payout",
            since=begin(late["oldest"]),
        ),
        Count(
            title=_("Payouts failed, money in suspense"),
            figure=failed["number"],
            address=list_of("payments_payout", place="suspense"),
            is_bad=failed["number"] > 0,
            by="payments.change_payout",
            since=failed["oldest"],
        ),
        Count(
            title=_("At Stripe, late to be paid out"),
            figure=unpaid["number"],
            address=list_of("payments_balancetransaction", attention="unpaid"),
            is_bad=unpaid["number"] > 0,
            by="payments.change_payout",
            since=unpaid["oldest"],
        ),
    ]


def count_transactions(_now: datetime) -> list[Count]:
    found = clearing.list_differences().aggregate(number=CountOf("pk"), oldest=Min("stripe_created_at"))
    return [
        Count(
            title=_("Differences with Stripe's list"),
            figure=found["number"],
            address=list_of("payments_balancetransaction", attention="differences"),
            is_bad=found["number"] > 0,
            by="payments.change_suspensemove",
            since=found["oldest"],
        )
    ]


def count_closes(now: datetime) -> list[Count]:
    unsigned = days.count_unsigned(now=now)
    first = business_date(now) - timedelta(days=unsigned)
    newest = DayClose.objects.order_by("-day").first()  # it carries what is still open of the days before
    unowned = Difference.objects.unexplained().filter(close=newest).aggregate(number=CountOf("pk"), oldest=Min("since"))
    address = list_of("payments_dayclose", state__exact=DayClose.State.OPEN)
    return [
        Count(
            title=_("Days waiting for a signature"),
            figure=unsigned,
            address=address,
            is_bad=unsigned > 1,
            by="payments.change_dayclose",
            since=begin(first),
        ),
        Count(
            title=_("Differences without an owner"),
            figure=unowned["number"],
            address=address,
            is_bad=unowned["number"] > 0,
            by="payments.change_dayclose",
            since=begin(unowned["oldest"]),
        ),
    ]


def count_house_moves(_now: datetime) -> list[Count]:
    """Charges and exchanges that wait for a second person, and money out that nobody has explained."""
    waiting = HouseMove.objects.waiting().aggregate(number=CountOf("pk"), oldest=Min("made_at"))
    unexplained = house_moves.list_unexplained().aggregate(number=CountOf("pk"), oldest=Min("booked_on"))
    return [
        Count(
            title=_("Charges and exchanges waiting"),
            figure=waiting["number"],
            address=list_of("payments_housemove"),
            by="payments.change_housemove",
            since=waiting["oldest"],
        ),
        Count(
            title=_("Money out, unexplained"),
            figure=unexplained["number"],
            address=list_of("payments_bankline", direction__exact="OUT", rest="out"),
            is_bad=unexplained["number"] > 0,
            by="payments.add_housemove",
            since=begin(unexplained["oldest"]),
        ),
    ]


def count_card_suspense(_now: datetime) -> list[Count]:
    """Money at Stripe that credited nobody."""
    waiting = card_suspense.count_held()
    return [
        Count(
            title=_("Card money in suspense"),
            figure=waiting,
            address=list_of("payments_suspensemove"),
            is_bad=waiting > 0,
            by="payments.change_suspensemove",
        )
    ]


def count_rates(_now: datetime) -> list[Count]:
    rates = ExchangeRate.objects.filter(state=ExchangeRate.State.WAITING)
    waiting = rates.aggregate(number=CountOf("pk"), oldest=Min("created_at"))
    return [
        Count(
            title=_("Rates waiting"),
            figure=waiting["number"],
            address=list_of("billing_exchangerate", state__exact=ExchangeRate.State.WAITING),
            by="billing.change_exchangerate",
            since=waiting["oldest"],
        )
    ]


def count_entities(_now: datetime) -> list[Count]:
    """Documents are issued in their names all the same, and stay as they were issued."""
    incomplete = LegalEntity.objects.incomplete().count()
    return [
        Count(
            title=_("Legal entities to complete"),
            figure=incomplete,
            address=list_of("billing_legalentity", lacks="any"),
            is_bad=incomplete > 0,
            by="billing.change_legalentity",
        )
    ]
