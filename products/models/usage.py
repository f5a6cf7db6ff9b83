"""What each day used of a product's balance: sums of the ledger, kept so that a chart need not read every entry."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from products.models.catalogue import Product
from wallet.ids import new_id
from wallet.models import Organisation


class UsageDay(models.Model):
    """A business day that is over: what was spent on it, in how many charges, and the balance at its end."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", db_index=False, verbose_name=_("organisation")
    )
    product = models.ForeignKey(Product, models.PROTECT, related_name="+", verbose_name=_("product"))
    day = models.DateField(_("day"))
    spent = models.DecimalField(_("spent"), max_digits=20, decimal_places=6)
    charge_count = models.BigIntegerField(_("charges"))
    closing = models.DecimalField(_("closing balance"), max_digits=20, decimal_places=6)
    """Available and held together, in the product's currency, as `spent` is."""

    objects: ClassVar[models.Manager["UsageDay"]] = models.Manager()

    class Meta:
        verbose_name = _("day of usage")
        verbose_name_plural = _("days of usage")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "product", "day"], name="usage_once_per_day"),
            models.CheckConstraint(
                condition=Q(spent__gte=0, charge_count__gte=0, closing__gte=0), name="usage_is_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["day"], name="usage_by_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.spent}"
