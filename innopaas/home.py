"""The first page: balance, TOP UP, products, money on its way, latest orders."""

from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import alerts, explanations, search
from billing.explanations import Explanation
from billing.models import ON_THEIR_WAY, Method, Order, State
from innopaas import product_cards
from wallet import chart
from wallet.calendar import business_date
from wallet.models import Account, Member
from wallet.money import WALLET_CURRENCY

_SHOWN = 5


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    member: Member | None = getattr(request, "member", None)
    if member is None:
        return render(request, "wallet/no_organisation.html")
    now = timezone.now()
    orders = search.with_story(search.own([member]))
    balance = Account.objects.balance(
        organisation_id=member.organisation_id, code=chart.WALLET, currency=WALLET_CURRENCY
    )
    on_their_way = [(order, explanations.explain(order, now=now)) for order in _select_on_their_way(orders)]
    return render(
        request,
        "innopaas/home.html",
        {
            "balance": balance,
            "days_left": alerts.days_left(
                organisation_id=member.organisation_id,
                target=chart.WALLET,
                available=balance,
                today=business_date(now),
            ),
            "cards": product_cards.read(member, now=now),
            "on_their_way": [{"order": order, "explanation": explanation} for order, explanation in on_their_way],
            "wanted": _find_wanted([explanation for _, explanation in on_their_way]),
            "latest": orders.order_by("-id")[:_SHOWN],
            "able": [] if member.may_top_up else Member.objects.able_to_top_up(member.organisation_id),
        },
    )


def _select_on_their_way(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Those that were not accepted stand first: only they wait for their customer."""
    waiting = orders.filter(state__in=ON_THEIR_WAY) | orders.filter(state=State.REJECTED, method=Method.OFFLINE)
    return waiting.order_by(Case(When(state=State.REJECTED, then=0), default=1), "-id")[:_SHOWN]


def _find_wanted(told: list[Explanation]) -> str:
    """What its customer has to pay still: the `rest` of each, of some of them, which is `both`, or nothing."""
    if all(explanation.wants_more for explanation in told):
        return "rest"
    return "both" if any(explanation.wants_more for explanation in told) else ""
