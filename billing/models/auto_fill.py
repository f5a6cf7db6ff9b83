"""Rules by which a product's balance is filled from the wallet without anybody asking."""

from datetime import datetime
from typing import ClassVar, Final

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from products.models import Product
from wallet import chart
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Account, Organisation, User

ACTOR: Final = "Auto-fill"
"""Who acts when a rule does, in timelines."""


class AutoFills(models.QuerySet["AutoFill"]):
    """Reads of rules."""

    def due(self, now: datetime) -> "AutoFills":
        """Those that are on, wait for nothing, and whose balance is below the threshold.

        What is not open yet is empty. As a condition, so that the database may join all rules with all accounts at
        once.
        """
        filled = Account.objects.filter(
            organisation_id=OuterRef("organisation_id"),
            code=Concat(Value(chart.product("")), OuterRef("product__slug"), output_field=models.CharField()),
            currency=OuterRef("threshold_currency"),
            balance__gte=OuterRef("threshold"),
        )
        return self.filter(
            Q(waits_until__isnull=True) | Q(waits_until__lte=now),
            Q(retry_at__isnull=True) | Q(retry_at__lte=now),
            ~Exists(filled),
            is_on=True,
        )


class AutoFill(models.Model):
    """When the product's balance falls below `threshold`, the wallet adds `amount`, or what is missing up to `fill_to`.

    Never more than `daily_cap` a business day, and the wallet keeps `floor`. A rule that fails stops and tells why.
    """

    class StopReason(models.TextChoices):
        WALLET_TOO_LOW = "WALLET_TOO_LOW", _("The wallet does not hold enough above its floor")
        OUTSIDE_LIMITS = "OUTSIDE_LIMITS", _("The amount is outside the limits of a top-up")
        NOT_OFFERED = "NOT_OFFERED", _("The product cannot be topped up any more")
        NOT_ALLOWED = "NOT_ALLOWED", _("Whoever set it may not top up the product any more")
        UNDONE = "UNDONE", _("One of its moves was undone")
        FAILED = "FAILED", _("It failed for a reason we are looking into")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    product = models.ForeignKey(Product, models.PROTECT, related_name="+", verbose_name=_("product"))
    threshold: "models.Field[Money, Money]" = money_field(_("when the balance falls below"))
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True, blank=True)
    fill_to = models.DecimalField(_("fill up to"), max_digits=14, decimal_places=2, null=True, blank=True)
    floor = models.DecimalField(_("left in the wallet"), max_digits=14, decimal_places=2, default=0)
    daily_cap = models.DecimalField(_("at most a day"), max_digits=14, decimal_places=2)
    """In the product's currency, as `amount`, `fill_to` and `floor` are."""
    is_on = models.BooleanField(_("on"), default=True)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("set by"))
    set_by_name = models.CharField(_("name then"), max_length=254)
    set_at = models.DateTimeField(_("set"))
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True)
    stop_reason = models.CharField(_("why it stopped"), max_length=20, choices=StopReason, blank=True)
    waits_until = models.DateTimeField(_("waits until"), null=True, blank=True)
    """The day's cap is reached: the beginning of the next business day."""
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    """It failed for no reason we know, and is not looked at again before then."""
    move_count = models.PositiveIntegerField(_("moves"), default=0)

    objects: ClassVar[AutoFills] = AutoFills.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("auto-fill")
        verbose_name_plural = _("auto-fills")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "product"], name="auto_fill_once"),
            models.CheckConstraint(
                condition=Q(amount__isnull=False, amount__gt=0, amount__lt=10**12, fill_to__isnull=True)
                | Q(amount__isnull=True, fill_to__isnull=False, fill_to__gt=F("threshold"), fill_to__lt=10**12),
                name="auto_fill_by_amount_or_up_to",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gt=0, threshold__lt=10**12, floor__gte=0, floor__lt=10**12)
                & Q(daily_cap__gt=0, daily_cap__lt=10**12),
                name="auto_fill_amounts_in_range",
            ),
            models.CheckConstraint(
                condition=Q(is_on=True, stopped_at__isnull=True, stop_reason="") | Q(is_on=False),
                name="auto_fill_on_has_not_stopped",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product}: {self.threshold}"
