"""The pages of products: all of them, and one with what it holds, used and is set to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.models import AutoFill, LowBalanceAlert
from innopaas import charts, product_cards
from products import access, balances, usage
from products.models import Hold, Product, ProductBalance
from wallet.access import MemberRequest, member_required
from wallet.calendar import business_date
from wallet.models import Account, Entry, Member, Side

_PAGE = 20
_PLACES, _MOST_PLACES = 4, 6
_FINE = Decimal("0.0001")
_HOLDS_SHOWN = 20

_KINDS: dict[str, Promise] = {
    "TOP_UP": _("Top-up"),
    "REVERSAL": _("Taken back"),
    "CHARGE": _("Use"),
    "HOLD": _("Set aside for a hold"),
    "RELEASE": _("Back from a hold"),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """An entry in words."""

    entry: Entry
    what: str | Promise
    is_in: bool


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """Entries of one balance, newest first; `older` leads on, or is 0. All show the decimals that one of them needs."""

    lines: Sequence[Line]
    older: int

    @property
    def places(self) -> int:
        amounts = [amount for line in self.lines for amount in (line.entry.amount, line.entry.balance_after)]
        return _MOST_PLACES if any(amount.amount % _FINE for amount in amounts) else _PLACES


@never_cache
@require_safe
@member_required
def list_products(request: MemberRequest) -> HttpResponseBase:
    now = timezone.now()
    cards = product_cards.read(request.member, now=now).cards
    numbers = product_cards.open_numbers(cards, organisation_id=request.member.organisation_id, now=now)
    return render(
        request,
        "products/products.html",
        {
            "cards": [{"card": card, "number": numbers[card.product.pk]} for card in cards],
            "has_several": sum(card.product.is_active for card in cards) > 1,
            "is_limited": access.is_limited(request.member),
            "able": _find_able(request.member),
        },
    )


@never_cache
@require_safe
@member_required
def show_product(request: MemberRequest, slug: str) -> HttpResponseBase:
    organisation_id = request.member.organisation_id
    opened = ProductBalance.objects.filter(organisation_id=organisation_id, product=OuterRef("pk"))
    usable = access.usable(request.member).annotate(number=Subquery(opened.values("number")))
    product = usable.filter(slug=slug).first()
    if product is None:
        raise Http404
    now = timezone.now()
    before = _read_place(request)
    card = product_cards.read_one(request.member, product, now=now)
    days = usage.read_days(
        organisation_id=organisation_id, product=product, holds=card.holding.total, today=business_date(now)
    )
    holds = _find_holds(request.member, product)
    alert = LowBalanceAlert.objects.filter(organisation_id=organisation_id, target=product.code).first()
    return render(
        request,
        "products/product.html",
        {
            "card": card,
            "smallest_price": product.money(product.smallest_price or 0),
            "number": product.number
            or balances.open_balance(organisation_id=organisation_id, product=product, now=now).number,
            "chart": charts.draw(days),
            "page": _read_entries(request.member, product, before=before),
            "is_first_page": not before,
            "holds": holds[:_HOLDS_SHOWN],
            "has_more_holds": len(holds) > _HOLDS_SHOWN,
            "auto_fill": AutoFill.objects.filter(organisation_id=organisation_id, product=product).first(),
            "alert": alert,
            "is_low": alert is not None and alert.is_on and card.holding.available < alert.counts_as_low,
            "able": _find_able(request.member),
        },
    )


def _read_place(request: HttpRequest) -> int:
    """Where the page of entries ends, by the address; anything odd counts as not given."""
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _read_entries(member: Member, product: Product, *, before: int) -> EntryPage:
    """Of what is available: holds take from it, and what they release comes back."""
    account = Account.objects.of(member.organisation_id).filter(code=product.code, currency=product.currency)
    entries = Entry.objects.filter(account=Subquery(account.values("pk"))).select_related("posting")
    entries = entries.filter(position__lt=before) if before else entries
    found = list(entries.order_by("-position")[: _PAGE + 1])
    shown = found[:_PAGE]
    return EntryPage(lines=[_put(entry) for entry in shown], older=shown[-1].position if len(found) > _PAGE else 0)


def _put(entry: Entry) -> Line:
    kind = entry.posting.kind
    return Line(entry=entry, what=_KINDS.get(kind, kind), is_in=entry.side == Side.CREDIT)


def _find_holds(member: Member, product: Product) -> list[Hold]:
    """One more than is shown."""
    found = Hold.objects.filter(organisation_id=member.organisation_id, product=product, state=Hold.State.OPEN)
    return list(found.order_by("expires_at")[: _HOLDS_SHOWN + 1])


def _find_able(member: Member) -> Sequence[Member] | QuerySet[Member]:
    return () if member.may_top_up else Member.objects.able_to_top_up(member.organisation_id)
