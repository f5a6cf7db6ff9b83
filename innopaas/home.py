"""The first page: balance, TOP UP, products, money on its way, latest orders."""

from collections.abc import Iterable

from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import alerts, explanations, search, targets
from billing.explanations import Explanation
from billing.models import ON_THEIR_WAY, Method, Order, State
from innopaas import product_cards
from wallet import chart
from wallet.calendar import business_date
from wallet.models import Member

_SHOWN = 5
_ON_THEIR_WAY = Q(state__in=ON_THEIR_WAY) | Q(state=State.REJECTED, method=Method.OFFLINE)


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    member: Member | None = getattr(request, "member", None)
    if member is None and getattr(request.user, "is_staff", False):
        return redirect("admin:index")
    if member is None:
        return render(request, "wallet/no_organisation.html")
    now = timezone.now()
    shelf = product_cards.read(member, now=now)
    orders = _read_orders(search.own([member]))
    on_their_way = [(order, explanations.explain(order, now=now)) for order in _choose_on_their_way(orders)]
    return render(
        request,
        "innopaas/home.html",
        {
            "balance": shelf.wallet,
            "days_left": alerts.days_left(
                organisation_id=member.organisation_id,
                target=chart.WALLET,
                available=shelf.wallet,
                today=business_date(now),
            ),
            "cards": shelf.cards,
            "on_their_way": [{"order": order, "explanation": explanation} for order, explanation in on_their_way],
            "wanted": _find_wanted([explanation for _, explanation in on_their_way]),
            "latest": orders[:_SHOWN],
            "is_new": not (shelf.holds_money or any(order.paid_at for order in orders)),
            "names": targets.name_all(shelf.products),
            "able": [] if member.may_top_up else Member.objects.able_to_top_up(member.organisation_id),
        },
    )


def _read_orders(own: QuerySet[Order]) -> list[Order]:
    """Those on their way and the latest in one, newest first."""
    waiting = own.filter(_ON_THEIR_WAY).order_by(Case(When(state=State.REJECTED, then=0), default=1), "-id")
    either = waiting.values("pk")[:_SHOWN].union(own.order_by("-id").values("pk")[:_SHOWN])
    return list(search.with_hopes(Order.objects.filter(pk__in=either)).order_by("-id"))


def _choose_on_their_way(orders: Iterable[Order]) -> list[Order]:
    """Those that were not accepted stand first: only they wait for their customer."""
    waiting = [order for order in orders if order.is_on_its_way or _may_be_corrected(order)]
    return sorted(waiting, key=_may_be_corrected, reverse=True)[:_SHOWN]


def _may_be_corrected(order: Order) -> bool:
    return order.state == State.REJECTED and order.method == Method.OFFLINE


def _find_wanted(told: list[Explanation]) -> str:
    """What its customer has to pay still: the `rest` of each, of some of them, which is `both`, or nothing."""
    if told and all(explanation.wants_more for explanation in told):
        return "rest"
    return "both" if any(explanation.wants_more for explanation in told) else ""
