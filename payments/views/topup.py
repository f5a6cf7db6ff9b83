"""TOP UP: the form, and sending it on to Stripe's page or to the bank sheet."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing import form_tokens, limits, orders, rates
from billing.models import Method, Order, TopUpLimit
from payments import checkout, transfers
from payments.forms import CARD, OFFLINE, PRESETS, TopUpForm
from payments.views import offers
from payments.views.acting import refuse
from payments.views.orders import SeeOther, send_to_stripe
from wallet import chart
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Account, Member
from wallet.money import WALLET_CURRENCY, AmountError, parse_amount


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest) -> HttpResponseBase:
    """The wallet's top-up. A form counts for the organisation it was shown for, whichever one is current now."""
    if request.method == "POST":
        return _submit(request)
    if not request.member.may_top_up:
        return refuse(request, request.member)
    form = TopUpForm(initial=_read_initial(request))
    return _render(request, form, acting=request.member, token=_issue(request, request.member), status=200)


@never_cache
@require_safe
@member_required
def show_conversion(request: MemberRequest) -> HttpResponseBase:
    """What a typed amount of RMB gives: a fragment for htmx."""
    context: dict[str, Any] = {}
    try:
        amount = parse_amount(request.GET.get("amount", ""), rates.QUOTED)
        context["conversion"] = offers.convert(amount, rates.quote(now=timezone.now()))
    except AmountError:
        pass
    except rates.RateStale as stale:
        context["stale"] = stale
    return render(request, "payments/_conversion.html", context)


def _read_initial(request: MemberRequest) -> dict[str, str]:
    """What a link to the page asks for; anything else counts as not given."""
    method, currency = request.GET.get("method"), request.GET.get("currency")
    return {
        "method": OFFLINE if method == OFFLINE else CARD,
        "currency": rates.QUOTED if method == OFFLINE and currency == rates.QUOTED else WALLET_CURRENCY,
        "amount": request.GET.get("amount", "")[:40],
    }


def _submit(request: MemberRequest) -> HttpResponseBase:
    form = TopUpForm(request.POST)
    text = request.POST.get("form_token", "")
    try:
        token = form_tokens.read(text, user_id=request.user.pk)
    except form_tokens.BadFormToken:
        return _show_anew(request, form)
    if token.target != chart.WALLET:
        return _show_anew(request, form)
    acting = memberships_of(request).get(token.organisation_id)
    if acting is None or not acting.may_top_up:
        return refuse(request, acting or request.member)
    if not form.is_valid():
        return _render(request, form, acting=acting, token=text, status=422)
    wish = orders.TopUp(
        organisation_id=acting.organisation_id,
        target=token.target,
        method=Method.OFFLINE if form.is_offline else Method.CARD,
        amount=form.wish,
        form_token=token.id,
    )
    return _begin(request, wish, form, acting=acting, token=text)


def _begin(
    request: MemberRequest, wish: orders.TopUp, form: TopUpForm, *, acting: Member, token: str
) -> HttpResponseBase:
    try:
        return _open(request, wish)
    except limits.OutsideLimits as error:
        form.add_error("amount", str(error))
    except rates.RateStale as stale:
        form.add_error("currency", str(stale))
    except (transfers.NoReceivingAccount, TopUpLimit.DoesNotExist):
        form.add_error("currency", offers.NO_ACCOUNT)
    except orders.FormTokenReused as reused:
        return render(request, "payments/already_sent.html", {"order": reused.order}, status=409)
    return _render(request, form, acting=acting, token=token, status=422)


def _open(request: MemberRequest, wish: orders.TopUp) -> HttpResponseBase:
    """Commit the order, and lead to where it is paid."""
    now = timezone.now()
    if wish.method == Method.OFFLINE:
        transfer = transfers.begin(wish, by=request.user, now=now)
        return SeeOther(reverse("payments:transfer", args=[transfer.order.number]))
    payment = checkout.begin(
        wish, by=request.user, now=now, language=get_language() or "en", return_url=_return_address(request)
    )
    return send_to_stripe(request, payment, now=now)


def _show_anew(request: MemberRequest, form: TopUpForm) -> HttpResponseBase:
    """The token is too old or not this person's: nothing happened, and what was typed is kept."""
    if not request.member.may_top_up:
        return refuse(request, request.member)
    form.is_valid()
    form.add_error(None, _("This form was open too long. Nothing was charged; please check it and send it again."))
    return _render(request, form, acting=request.member, token=_issue(request, request.member), status=422)


def _render(request: MemberRequest, form: TopUpForm, *, acting: Member, token: str, status: int) -> HttpResponseBase:
    chosen = {field: form[field].value() or "" for field in PRESETS.values()}
    context: dict[str, Any] = {
        "form": form,
        "acting": acting,
        "form_token": token,
        "offers": offers.read(chosen, now=timezone.now()),
        "balance": Account.objects.balance(
            organisation_id=acting.organisation_id, code=chart.WALLET, currency=WALLET_CURRENCY
        ),
    }
    return render(request, "payments/topup.html", context, status=status)


def _issue(request: MemberRequest, member: Member) -> str:
    return form_tokens.issue(user_id=request.user.pk, organisation_id=member.organisation_id, target=chart.WALLET)


def _return_address(request: HttpRequest) -> Callable[[Order], str]:
    """Back to the host the customer came from, where he is logged in; ALLOWED_HOSTS says which ones exist."""
    return lambda order: request.build_absolute_uri(reverse("payments:return", args=[order.number]))
