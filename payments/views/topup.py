"""TOP UP: the form for the wallet or a product, and sending it on to where it is paid."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from djmoney.money import Money

from billing import card_blocks, form_tokens, limits, moves, origins, rates, targets, top_ups
from billing.models import Method, Order, TopUpLimit
from payments import checkout, transfers
from payments.forms import BALANCE, CARD, OFFLINE, PRESETS, ProductTopUpForm, TopUpForm
from payments.views import offers
from payments.views.acting import refuse
from payments.views.moves import Shortage, read_shortage
from payments.views.orders import SeeOther, order_address, send_to_stripe
from products import access, balances, catalogue
from products.models import Product
from wallet import chart
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Account, Member
from wallet.money import WALLET_CURRENCY, AmountError, parse_amount

_SLUG: Final = re.compile(r"[-a-zA-Z0-9_]{1,50}")


@dataclass(frozen=True, kw_only=True)
class _Page:
    """What is being filled in, by whom, and for what: a product, or None for the wallet."""

    request: MemberRequest
    acting: Member
    product: Product | None
    form: TopUpForm
    token: str

    @property
    def code(self) -> str:
        return self.product.code if self.product else chart.WALLET

    @property
    def next(self) -> Product | None:
        """The product whose top-up the wallet held too little for, as the address or the form says."""
        text = self.request.POST.get("next", "") or self.request.GET.get("next", "")
        if self.product or not _SLUG.fullmatch(text):
            return None
        return access.find_usable(self.acting, text)

    def balance(self, code: str) -> Money:
        return Account.objects.balance(organisation_id=self.acting.organisation_id, code=code, currency=WALLET_CURRENCY)

    def render(self, *, status: int, shortage: Shortage | None = None) -> HttpResponse:
        chosen = {name: self.form[name].value() or "" for name in PRESETS.values() if name in self.form.fields}
        products = [self.product] if self.product else []
        purse = balances.read_purse(organisation_id=self.acting.organisation_id, products=products)
        context = {
            "form": self.form,
            "acting": self.acting,
            "form_token": self.token,
            "product": self.product,
            "product_limits": limits.tell_product(self.product) if self.product else "",
            "number": targets.number(organisation_id=self.acting.organisation_id, code=self.code),
            "offers": offers.read(
                chosen,
                organisation_id=self.acting.organisation_id,
                product=self.product,
                wallet=purse.wallet,
                now=timezone.now(),
            ),
            "balance": purse.holdings[self.product.pk].available if self.product else purse.wallet,
            "wallet": purse.wallet,
            "next": self.next,
            "has_several": access.usable(self.acting).filter(is_active=True).count() > 1,
            "shortage": shortage,
        }
        return render(self.request, "payments/topup.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest, slug: str = "") -> HttpResponseBase:
    """The top-up of the wallet, or of the product of this slug. A form counts for the organisation it was shown for,
    whichever one is current now.
    """
    if request.method == "POST":
        return _submit(request, slug)
    product = _find(request.member, slug)
    if not request.member.may_top_up:
        return refuse(request, request.member)
    if product and not product.is_active:
        return _say_not_offered(request, product, status=200)
    form = _form_of(product)(initial=_read_initial(request, product))
    token = _issue(request, product)
    return _Page(request=request, acting=request.member, product=product, form=form, token=token).render(status=200)


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


def _find(member: Member, slug: str) -> Product | None:
    """None for the wallet; 404 for a product that the member may not use, or that is none."""
    if not slug:
        return None
    product = access.find_usable(member, slug)
    if product is None:
        raise Http404
    return product


def _form_of(product: Product | None) -> type[TopUpForm]:
    return ProductTopUpForm if product else TopUpForm


def _read_initial(request: MemberRequest, product: Product | None) -> dict[str, str]:
    """What a link to the page asks for; anything else counts as not given."""
    method, currency = request.GET.get("method"), request.GET.get("currency")
    how = request.GET.get("how", "")
    known = {OFFLINE, BALANCE} if product else {OFFLINE}
    return {
        "method": method if method in known else CARD,
        "currency": rates.QUOTED if method == OFFLINE and currency == rates.QUOTED else WALLET_CURRENCY,
        "amount": request.GET.get("amount", "")[:40],
        "how": how if how in ProductTopUpForm.HOW else "",
        "fill_to": request.GET.get("fill_to", "")[:40],
    }


def _submit(request: MemberRequest, slug: str) -> HttpResponseBase:
    text = request.POST.get("form_token", "")
    try:
        token = form_tokens.read(text, user_id=request.user.pk)
    except form_tokens.BadFormToken:
        return _show_anew(request, slug)
    if token.target != (chart.product(slug) if slug else chart.WALLET):
        return _show_anew(request, slug)
    acting = memberships_of(request).get(token.organisation_id)
    if acting is None or not acting.may_top_up:
        return refuse(request, acting or request.member)
    product = _find(acting, slug)
    form = _form_of(product)(request.POST)
    page = _Page(request=request, acting=acting, product=product, form=form, token=text)
    if form.is_valid() and isinstance(form, ProductTopUpForm) and form.is_to_be_reckoned:
        form.reckon(wallet=page.balance(chart.WALLET), holds=page.balance(page.code))
    if not form.is_valid():
        return page.render(status=422)
    wish = top_ups.TopUp(
        organisation_id=acting.organisation_id,
        target=token.target,
        method=form.paid_by,
        amount=form.wish,
        form_token=token.id,
    )
    return _begin(page, wish)


def _begin(page: _Page, wish: top_ups.TopUp) -> HttpResponseBase:
    shortage = None
    try:
        return _open(page, wish)
    except limits.OutsideLimits as error:
        page.form.add_error(page.form.amount_field, str(error))
    except card_blocks.CardBlocked as blocked:
        page.form.add_error("method", str(blocked))
    except rates.RateStale as stale:
        page.form.add_error("currency", str(stale))
    except (transfers.NoReceivingAccount, TopUpLimit.DoesNotExist):
        is_move = wish.method == Method.BALANCE
        page.form.add_error(*(("method", offers.NO_MOVES) if is_move else ("currency", offers.NO_ACCOUNT)))
    except moves.WalletTooLow as error:
        shortage = read_shortage(error.missing, product=page.product)
        page.form.add_error(page.form.amount_field, shortage.sentence)
    except catalogue.NotOffered:
        return _say_not_offered(page.request, page.product, status=409)
    except top_ups.FormTokenReused as reused:
        return render(page.request, "payments/already_sent.html", {"order": reused.order}, status=409)
    return page.render(status=422, shortage=shortage)


def _open(page: _Page, wish: top_ups.TopUp) -> HttpResponseBase:
    """Commit the order, and lead to where it is paid; a move from the wallet is paid with it."""
    request, now = page.request, timezone.now()
    if wish.method == Method.OFFLINE:
        transfer = transfers.begin(wish, by=request.user, now=now)
        _remember(page, transfer.order)
        return SeeOther(reverse("payments:transfer", args=[transfer.order.number]))
    if wish.method == Method.BALANCE:
        return _move(page, wish)
    payment = checkout.begin(
        wish, by=request.user, now=now, language=get_language() or "en", return_url=_return_address(request)
    )
    _remember(page, payment.order)
    return send_to_stripe(request, payment, now=now)


def _remember(page: _Page, order: Order) -> None:
    if product := page.next:
        origins.remember(page.request.session, order=order, product=product)


def _move(page: _Page, wish: top_ups.TopUp) -> HttpResponseBase:
    """At once, unless the form asks to see it first, or told only how to reckon the amount."""
    request, form = page.request, page.form
    wants_review = "step" in request.POST or (isinstance(form, ProductTopUpForm) and form.is_to_be_reckoned)
    if wants_review and not moves.was_sent(wish.form_token):
        context = {
            "acting": page.acting,
            "product": page.product,
            "number": targets.number(organisation_id=wish.organisation_id, code=wish.target),
            "amount": wish.amount,
            "changes": moves.foresee([wish]),
            "form_token": page.token,
            "typed": _write_query(page.form),
        }
        return render(request, "payments/move_review.html", context)
    order = moves.move(wish, by=request.user, now=timezone.now())
    return SeeOther(order_address(order))


def _write_query(form: TopUpForm) -> str:
    """What leads back to the form as it was filled in."""
    if form.amount_field == "amount":
        return urlencode({"method": BALANCE, "amount": f"{form.wish.amount:.2f}"})
    return urlencode({"method": BALANCE} | {name: form.data.get(name, "") for name in ("how", "fill_to")})


def _show_anew(request: MemberRequest, slug: str) -> HttpResponseBase:
    """The token is too old or not this person's: nothing happened, and what was typed is kept."""
    product = _find(request.member, slug)
    if not request.member.may_top_up:
        return refuse(request, request.member)
    form = _form_of(product)(request.POST)
    form.is_valid()
    form.add_error(None, _("This form was open too long. Nothing was charged; please check it and send it again."))
    token = _issue(request, product)
    return _Page(request=request, acting=request.member, product=product, form=form, token=token).render(status=422)


def _say_not_offered(request: MemberRequest, product: Product | None, *, status: int) -> HttpResponse:
    return render(request, "payments/not_offered.html", {"product": product}, status=status)


def _issue(request: MemberRequest, product: Product | None) -> str:
    target = product.code if product else chart.WALLET
    return form_tokens.issue(user_id=request.user.pk, organisation_id=request.member.organisation_id, target=target)


def _return_address(request: HttpRequest) -> Callable[[Order], str]:
    """Back to the host the customer came from, where he is logged in; ALLOWED_HOSTS says which ones exist."""
    return lambda order: request.build_absolute_uri(reverse("payments:return", args=[order.number]))
