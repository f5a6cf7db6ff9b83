"""The catalogue, which staff edit; and what organisations hold of it, to read."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import DecimalField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money
from unfold.widgets import UnfoldAdminTextInputWidget

from products.models import Hold, Product, ProductBalance
from products.models.catalogue import RESERVED_SLUGS
from wallet import chart
from wallet.admin.cells import link_to, show_moment
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.models import Account
from wallet.money import WALLET_CURRENCY, labelled, parse_amount, parse_usage

_SLUG = RegexValidator(
    r"^[a-z0-9]+(-[a-z0-9]+)*\Z", _("Small letters a to z and digits, with single hyphens between them: whatsapp-2.")
)
_BALANCE = DecimalField(max_digits=20, decimal_places=6)


class AmountField(forms.CharField):
    """A decimal typed by staff, read by one of the site's strict parsers; empty is None."""

    def __init__(self, *, parse: Callable[[str], Money], places: int, **kwargs: Any) -> None:
        super().__init__(required=False, strip=False, widget=UnfoldAdminTextInputWidget, **kwargs)
        self._parse = parse
        self._places = places

    def to_python(self, value: object) -> Any:
        text = (super().to_python(value) or "").strip(" \t")
        if not text:
            return None
        try:
            return self._parse(text).amount
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def prepare_value(self, value: object) -> object:
        return f"{value:.{self._places}f}" if isinstance(value, Decimal) else value


_Amount = partial(AmountField, parse=partial(parse_amount, currency=WALLET_CURRENCY), places=2)
_Price = partial(AmountField, parse=partial(parse_usage, currency=WALLET_CURRENCY), places=6)


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    smallest_top_up = _Amount(
        label=_("Smallest top-up"), help_text=_("In USD. Empty: as small as the method of payment allows.")
    )
    largest_top_up = _Amount(
        label=_("Largest top-up"), help_text=_("In USD. Empty: as large as the method of payment allows.")
    )
    smallest_price = _Price(
        label=_("Smallest unit price"),
        help_text=_("In USD, with up to 6 decimals. A balance below it is shown as used up."),
    )

    class Meta:
        model = Product
        fields = (
            "slug",
            "name",
            "name_zh",
            "icon",
            "is_active",
            "smallest_top_up",
            "largest_top_up",
            "smallest_price",
            "position",
        )
        help_texts = {
            "slug": _("Part of addresses and of account codes. It never changes again."),
            "is_active": _("Whether it can be topped up. What was paid in can be used all the same."),
            "position": _("Products with smaller numbers stand first."),
        }

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        _SLUG(slug)
        if slug in RESERVED_SLUGS:
            raise ValidationError(_("“%(slug)s” is a word of the site's own addresses."), params={"slug": slug})
        return slug

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        lowest, highest = given.get("smallest_top_up"), given.get("largest_top_up")
        if lowest is not None and highest is not None and highest < lowest:
            self.add_error("largest_top_up", _("The largest top-up has to be at least the smallest."))
        return given


@admin.register(Product)
class ProductAdmin(ModelAdmin):
    """What is sold. A product is never deleted: its slug stands in the ledger; it is set inactive."""

    form = ProductForm
    list_display = ("slug", "name", "name_zh", "is_active", "smallest_top_up", "largest_top_up", "position")
    list_filter = ("is_active",)
    search_fields = ("slug", "name", "name_zh")
    ordering = ("position", "slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:  # noqa: ARG002  # Django's contract
        return ("slug",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:  # noqa: ARG002  # never
        return False


@admin.register(ProductBalance)
class ProductBalanceAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What each organisation holds of each product, by the number it names when it asks."""

    list_display = ("number", "organisation", "product", "available", "held", "opened")
    list_filter = ("product",)
    list_select_related = ("organisation", "product")
    search_fields = ("=number", "organisation__name")
    ordering = ("-opened_at",)
    show_full_result_count = False
    fields = ("number", "organisation", "product", "available", "held", "opened", "leads_to")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductBalance]:
        rows: QuerySet[ProductBalance] = super().get_queryset(request)
        code = Concat(Value(chart.product("")), OuterRef("product__slug"))
        return rows.annotate(
            available_amount=_read_balance(code), held_amount=_read_balance(Concat(code, Value(chart.held(""))))
        )

    @admin.display(description=_("available"), ordering="available_amount")
    def available(self, row: Any) -> str:
        return labelled(row.product.money(row.available_amount))

    @admin.display(description=_("held"), ordering="held_amount")
    def held(self, row: Any) -> str:
        return labelled(row.product.money(row.held_amount))

    @admin.display(description=_("see also"))
    def leads_to(self, row: ProductBalance) -> str:
        """Its entries are on two accounts: what is available, and what is held."""
        found = Account.objects.of(row.organisation_id).filter(currency=row.product.currency)
        accounts = dict(found.values_list("code", "pk"))
        code = row.product.code
        places = [
            (_("orders"), "billing_order", row.number),
            (_("holds"), "products_hold", row.number),
            (_("entries"), "wallet_entry", accounts.get(code)),
            (_("entries of what is held"), "wallet_entry", accounts.get(chart.held(code))),
        ]
        links = ((link_to(_list_of(model, text), title),) for title, model, text in places if text)
        return format_html_join(" · ", "{}", links)

    @admin.display(description=_("opened"), ordering="opened_at")
    def opened(self, row: ProductBalance) -> str:
        return show_moment(row.opened_at)


def _read_balance(code: Concat) -> Coalesce:
    accounts = Account.objects.filter(
        organisation=OuterRef("organisation"), code=code, currency=OuterRef("product__currency")
    )
    return Coalesce(Subquery(accounts.values("balance"), output_field=_BALANCE), Decimal(0), output_field=_BALANCE)


def _list_of(model: str, text: object) -> str:
    return reverse(f"admin:{model}_changelist") + "?" + urlencode({"q": str(text)})


@admin.register(Hold)
class HoldAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What is set aside. Captured and released by the product's back end, or at its end; never here."""

    list_display = ("request_id", "organisation", "product", "state", "amount", "captured", "released", "expires")
    list_filter = ("state", "product")
    list_select_related = ("organisation", "product")
    search_fields = ("=request_id", "organisation__name")
    search_help_text = _("Request id, product number or organisation")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "request_id",
        "organisation",
        "product",
        "state",
        "amount",
        "captured",
        "released",
        "description",
        "by",
        "created",
        "expires",
        "ended",
    )
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Hold], search_term: str
    ) -> tuple[QuerySet[Hold], bool]:
        balance = ProductBalance.objects.filter(number=search_term.strip()).first()
        if balance is None:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(organisation=balance.organisation_id, product=balance.product_id), False

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, hold: Hold) -> str:
        return show_moment(hold.created_at)

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, hold: Hold) -> str:
        return show_moment(hold.expires_at)

    @admin.display(description=_("ended"), ordering="ended_at")
    def ended(self, hold: Hold) -> str:
        return show_moment(hold.ended_at)
