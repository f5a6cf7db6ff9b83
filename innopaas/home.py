"""The first page: balance, TOP UP, money on its way, latest orders."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import explanations, search
from billing.models import ON_THEIR_WAY, Order
from wallet import chart
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
    orders = search.with_story(Order.objects.filter(organisation_id=member.organisation_id)).order_by("-id")
    return render(
        request,
        "innopaas/home.html",
        {
            "balance": Account.objects.balance(
                organisation_id=member.organisation_id, code=chart.WALLET, currency=WALLET_CURRENCY
            ),
            "on_their_way": [
                {"order": order, "explanation": explanations.explain(order, now=now)}
                for order in orders.filter(state__in=ON_THEIR_WAY)[:_SHOWN]
            ],
            "latest": orders[:_SHOWN],
            "able": [] if member.may_top_up else Member.objects.able_to_top_up(member.organisation_id),
        },
    )
