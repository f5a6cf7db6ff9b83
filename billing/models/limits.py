"""What a top-up may amount to: data that finance edits, checked before anybody pays."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models.orders import Method
from wallet.ids import new_id


class TopUpLimit(models.Model):
    """Smallest and largest top-up of one method and currency, with the amounts offered."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    method = models.CharField(_("method"), max_length=10, choices=Method)
    currency = models.CharField(_("currency"), max_length=3)
    minimum = models.DecimalField(_("minimum"), max_digits=14, decimal_places=2)
    maximum = models.DecimalField(_("maximum"), max_digits=14, decimal_places=2)
    presets = ArrayField(
        models.DecimalField(max_digits=14, decimal_places=2), verbose_name=_("amounts offered"), blank=True
    )
    days_to_pay = models.PositiveSmallIntegerField(
        _("days to pay"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    """After so many an unpaid order expires; None where somebody else decides (Stripe) or nothing is waited for."""

    class Meta:
        verbose_name = _("top-up limit")
        verbose_name_plural = _("top-up limits")
        constraints = [
            models.UniqueConstraint(fields=["method", "currency"], name="limit_once_per_method_and_currency"),
            models.CheckConstraint(
                condition=Q(minimum__gt=0, maximum__gte=F("minimum"), maximum__lt=10**12),
                name="limit_is_a_range",
            ),
            models.CheckConstraint(
                condition=Q(method=Method.OFFLINE, days_to_pay__isnull=False, days_to_pay__gte=1, days_to_pay__lte=60)
                | ~Q(method=Method.OFFLINE) & Q(days_to_pay__isnull=True),
                name="limit_has_days_when_offline",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()} {self.currency}: {self.minimum}–{self.maximum}"

    @property
    def lowest(self) -> Money:
        return Money(self.minimum, self.currency)

    @property
    def highest(self) -> Money:
        return Money(self.maximum, self.currency)

    @property
    def offers(self) -> list[Money]:
        return [Money(amount, self.currency) for amount in self.presets]
