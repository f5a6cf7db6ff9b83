"""Several products topped up from the wallet in one step; and what is said when it holds too little."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from djmoney.money import Money

from billing import form_tokens, limits, moves, numbers, search, top_ups
from billing.models import Method, TopUpLimit
from payments.forms import MovesForm
from payments.views import offers
from payments.views.acting import refuse
from payments.views.orders import SeeOther
from products import access, balances, catalogue
from products.models import Product
from wallet import chart
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Account, Member
from wallet.money import WALLET_CURRENCY, labelled

_TARGET: Final = "products"
"""What the token of this form is for: no balance has such a code, so it serves no other form."""

_MOST_SHOWN: Final = 100


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """How much the wallet lacks, and where to add it: `asked` is that, or the smallest top-up."""

    missing: Money
    asked: Money
    address: str

    @property
    def sentence(self) -> str:
        if self.missing.amount == 0:
            return _("The wallet held too little a moment ago. Please send it again.")
        return _("%(missing)s is missing in the wallet.") % {"missing": labelled(self.missing)}


def read_shortage(missing: Money, *, product: Product | None = None) -> Shortage:
    """`product` is the one that the top-up of the wallet leads back to."""
    smallest = TopUpLimit.objects.filter(method=Method.CARD, currency=missing.currency.code).first()
    asked = max(missing, smallest.lowest) if smallest else missing
    query = {"amount": f"{asked.amount:.2f}"} | ({"next": product.slug} if product else {})
    if smallest and asked > smallest.highest:
        query |= {"method": "offline", "currency": missing.currency.code}
    return Shortage(missing=missing, asked=asked, address=f"{reverse('payments:topup')}?{urlencode(query)}")


@dataclass(frozen=True, kw_only=True)
class _Page:
    """What is being filled in, and by whom."""

    request: MemberRequest
    acting: Member
    products: Sequence[Product]
    form: MovesForm
    token: str

    def render(self, *, status: int, shortage: Shortage | None = None) -> HttpResponse:
        wallet = Account.objects.balance(
            organisation_id=self.acting.organisation_id, code=chart.WALLET, currency=WALLET_CURRENCY
        )
        limit = TopUpLimit.objects.filter(method=Method.BALANCE, currency=WALLET_CURRENCY).first()
        held = balances.read_all(organisation_id=self.acting.organisation_id, products=list(self.products))
        context = {
            "form": self.form,
            "acting": self.acting,
            "form_token": self.token,
            "rows": [
                (product, self.form[product.code], held[product.pk].available, self._tell_range(limit, product, wallet))
                for product in self.products
            ],
            "wallet": wallet,
            "shortage": shortage,
        }
        return render(self.request, "payments/moves.html", context, status=status)

    @staticmethod
    def _tell_range(limit: TopUpLimit | None, product: Product, wallet: Money) -> str:
        return offers.find_range(limit, product=product, wallet=wallet).sentence if limit else ""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest) -> HttpResponseBase:
    """A form counts for the organisation it was shown for, whichever one is current now."""
    if request.method == "POST":
        return _submit(request)
    if not request.member.may_top_up:
        return refuse(request, request.member)
    return _make_page(request, request.member, None, token=_issue(request)).render(status=200)


@never_cache
@require_safe
@member_required
def show_done(request: MemberRequest) -> HttpResponseBase:
    """The orders that one step made, as the address names them; 404 unless the reader may see every one."""
    wanted = {numbers.read(text) for text in request.GET.getlist("order")[:_MOST_SHOWN]}
    made = search.readable(request.memberships).filter(number__in=wanted - {None}, method=Method.BALANCE)
    found = list(made.order_by("id"))
    if not found or len(found) != len(wanted):
        raise Http404
    return render(request, "payments/moved.html", {"orders": found, "organisation": found[0].organisation})


def _submit(request: MemberRequest) -> HttpResponseBase:
    text = request.POST.get("form_token", "")
    try:
        token = form_tokens.read(text, user_id=request.user.pk)
    except form_tokens.BadFormToken:
        return _show_anew(request)
    if token.target != _TARGET:
        return _show_anew(request)
    acting = memberships_of(request).get(token.organisation_id)
    if acting is None or not acting.may_top_up:
        return refuse(request, acting or request.member)
    return _begin(_make_page(request, acting, request.POST, token=text), token)


def _begin(page: _Page, token: form_tokens.FormToken) -> HttpResponseBase:
    shortage = None
    try:
        if page.form.is_valid():
            return _move(page, token)
    except limits.OutsideLimits as error:
        page.form.add_error(None, str(error))
    except TopUpLimit.DoesNotExist:
        page.form.add_error(None, offers.NO_MOVES)
    except catalogue.NotOffered:
        page.form.add_error(None, _("One of the products cannot be topped up any more. Nothing was moved."))
    except moves.WalletTooLow as error:
        shortage = read_shortage(error.missing)
        page.form.add_error(None, shortage.sentence)
    except top_ups.FormTokenReused as reused:
        return render(page.request, "payments/already_sent.html", {"order": reused.order}, status=409)
    return page.render(status=422, shortage=shortage)


def _move(page: _Page, token: form_tokens.FormToken) -> HttpResponseBase:
    """At once, unless the form asks to see it first and was not sent before."""
    request = page.request
    wishes = [
        top_ups.TopUp(
            organisation_id=token.organisation_id,
            target=code,
            method=Method.BALANCE,
            amount=amount,
            form_token=token.id,
        )
        for code, amount in page.form.amounts.items()
    ]
    if "step" in request.POST and not moves.was_sent(token.id):
        context = {
            "acting": page.acting,
            "wishes": wishes,
            "changes": moves.foresee(wishes),
            "total": sum((wish.amount for wish in wishes[1:]), start=wishes[0].amount),
            "form_token": page.token,
        }
        return render(request, "payments/moves_review.html", context)
    made = moves.move_several(wishes, by=request.user, now=timezone.now())
    return SeeOther(f"{reverse('payments:moved_several')}?{urlencode([('order', order.number) for order in made])}")


def _show_anew(request: MemberRequest) -> HttpResponseBase:
    """The token is too old or not this person's: nothing happened, and what was typed is kept."""
    if not request.member.may_top_up:
        return refuse(request, request.member)
    page = _make_page(request, request.member, request.POST, token=_issue(request))
    page.form.add_error(None, _("This form was open too long. Nothing was moved; please check it and send it again."))
    return page.render(status=422)


def _make_page(request: MemberRequest, acting: Member, given: QueryDict | None, *, token: str) -> _Page:
    products = list(access.usable(acting).filter(is_active=True))
    form = MovesForm(given, products=products)
    return _Page(request=request, acting=acting, products=products, form=form, token=token)


def _issue(request: MemberRequest) -> str:
    return form_tokens.issue(user_id=request.user.pk, organisation_id=request.member.organisation_id, target=_TARGET)
