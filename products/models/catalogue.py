"""What is sold: products are data, and a balance of each has a number."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from wallet import chart
from wallet.ids import new_id
from wallet.models import Organisation
from wallet.money import WALLET_CURRENCY

_SLUG = "^[a-z0-9]+(-[a-z0-9]+)*$"
"""As in the codes of the chart of accounts, of which a slug is a part."""

RESERVED_SLUGS = ("access", "held", "topup")
"""Words that stand where a product's slug would: in our addresses, and at the end of account codes."""


class Icon(models.TextChoices):
    """Our own drawings: symbols of static/innopaas/icons.svg."""

    CHAT = "chat", _("Speech bubble")
    MESSAGE = "message", _("Envelope")
    KEY = "key", _("Key")
    PHONE = "phone", _("Telephone")
    BOX = "box", _("Box")


class Products(models.QuerySet["Product"]):
    """Reads of products."""

    def in_order(self) -> "Products":
        return self.order_by("position", "slug")


class Product(models.Model):
    """Something sold from a prepaid balance of its own. The slug is part of account codes and never changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.CharField(_("slug"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=60)
    name_zh = models.CharField(_("name in Chinese"), max_length=60)
    icon = models.CharField(_("icon"), max_length=10, choices=Icon, default=Icon.BOX)
    currency = models.CharField(_("currency"), max_length=3, default=WALLET_CURRENCY)
    is_active = models.BooleanField(_("active"), default=True)
    """Whether it can be topped up. What was paid in can be used all the same."""
    smallest_top_up = models.DecimalField(_("smallest top-up"), max_digits=14, decimal_places=2, null=True, blank=True)
    largest_top_up = models.DecimalField(_("largest top-up"), max_digits=14, decimal_places=2, null=True, blank=True)
    """Limits of its own, of what is credited, beside those of the method; None leaves it to the method's."""
    smallest_price = models.DecimalField(
        _("smallest unit price"), max_digits=20, decimal_places=6, null=True, blank=True
    )
    """A balance below it cannot pay for anything any more."""
    position = models.PositiveSmallIntegerField(_("position"), default=100)

    objects: ClassVar[Products] = Products.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.CheckConstraint(condition=Q(slug__regex=_SLUG), name="product_slug_is_a_code"),
            models.CheckConstraint(condition=~Q(slug__in=RESERVED_SLUGS), name="product_slug_is_no_word_of_ours"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(name_zh=""), name="product_has_both_names"),
            models.CheckConstraint(condition=Q(icon__in=Icon.values), name="product_icon_is_known"),
            # A wallet's money is moved on without a conversion, so every product counts as wallets do.
            models.CheckConstraint(condition=Q(currency=WALLET_CURRENCY), name="product_counts_as_wallets_do"),
            models.CheckConstraint(
                condition=(Q(smallest_top_up__isnull=True) | Q(smallest_top_up__gt=0, smallest_top_up__lt=10**12))
                & (Q(largest_top_up__isnull=True) | Q(largest_top_up__gt=0, largest_top_up__lt=10**12))
                & (
                    Q(smallest_top_up__isnull=True)
                    | Q(largest_top_up__isnull=True)
                    | Q(largest_top_up__gte=F("smallest_top_up"))
                ),
                name="product_top_ups_are_a_range",
            ),
            models.CheckConstraint(
                condition=Q(smallest_price__isnull=True) | Q(smallest_price__gt=0, smallest_price__lt=10**6),
                name="product_price_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """The name in the reader's language."""
        return self.name_zh if (get_language() or "").startswith("zh") else self.name

    @property
    def code(self) -> str:
        """The account that holds an organisation's balance of it, and so the target of its top-ups."""
        return chart.product(self.slug)

    def money(self, amount: Any) -> Money:
        return Money(amount, self.currency)


class ProductBalance(models.Model):
    """An organisation's balance of one product, by its number; the money itself is in the ledger's account."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="product_balances", verbose_name=_("organisation")
    )
    product = models.ForeignKey(Product, models.PROTECT, related_name="balances", verbose_name=_("product"))
    number = models.CharField(_("product number"), max_length=15, unique=True)
    """15 digits, the last one a check digit (Luhn, ISO/IEC 7812-1); what InnoPaaS' own API calls accountNo."""
    opened_at = models.DateTimeField(_("opened"))

    objects: ClassVar[models.Manager["ProductBalance"]] = models.Manager()

    class Meta:
        verbose_name = _("product balance")
        verbose_name_plural = _("product balances")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "product"], name="product_balance_once"),
            models.CheckConstraint(condition=Q(number__regex="^[1-9][0-9]{14}$"), name="product_number_has_15_digits"),
        ]

    def __str__(self) -> str:
        return self.number
