"""When a balance counts as low, and who is told."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from wallet.ids import new_id
from wallet.models import Account, Organisation, Role
from wallet.money import WALLET_CURRENCY


def _first_roles() -> list[str]:
    return [Role.OWNER.value, Role.BILLING.value]


class LowBalanceAlerts(models.QuerySet["LowBalanceAlert"]):
    """Reads of alerts."""

    def of(self, organisation_id: UUID) -> "LowBalanceAlerts":
        return self.filter(organisation_id=organisation_id)

    def newly_low(self) -> "LowBalanceAlerts":
        """The balance is below what counts as low, and nobody was told of this dip. Zero is never undercut."""
        watching = self.filter(Q(threshold__gt=0) | Q(threshold__isnull=True, default_threshold__gt=0), is_on=True)
        return watching.filter(Exists(_accounts().filter(balance__lt=_counts_as_low())), dipped_at__isnull=True)

    def low_no_more(self) -> "LowBalanceAlerts":
        """It was told of, and is over."""
        return self.filter(Exists(_accounts().filter(balance__gte=_counts_as_low())), dipped_at__isnull=False)


def _accounts() -> models.QuerySet[Account]:
    """The alert's account. As a condition, so that the database may join all alerts with all accounts at once."""
    return Account.objects.filter(
        organisation_id=OuterRef("organisation_id"), code=OuterRef("target"), currency=WALLET_CURRENCY
    )


def _counts_as_low() -> Coalesce:
    return Coalesce(OuterRef("threshold"), OuterRef("default_threshold"))


class LowBalanceAlert(models.Model):
    """Tells once per dip: set when the balance falls below the threshold, re-armed when it is at or above it again."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", db_index=False, verbose_name=_("organisation")
    )
    target = models.CharField(_("balance"), max_length=80)
    """Its account code: `wallet` or `product:<slug>`."""
    threshold = models.DecimalField(_("threshold"), max_digits=14, decimal_places=2, null=True, blank=True)
    """None: the default, taken from the average daily use."""
    default_threshold = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    refreshed_on = models.DateField(null=True, editable=False)
    """The business day on which the default was taken last."""
    is_on = models.BooleanField(_("on"), default=True)
    roles = ArrayField(models.CharField(max_length=10, choices=Role), default=_first_roles, verbose_name=_("roles"))
    dipped_at = models.DateTimeField(_("low since"), null=True, blank=True)

    objects: ClassVar[LowBalanceAlerts] = LowBalanceAlerts.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("low-balance alert")
        verbose_name_plural = _("low-balance alerts")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "target"], name="alert_once_per_balance"),
            models.CheckConstraint(
                condition=(Q(threshold__isnull=True) | Q(threshold__gte=0, threshold__lt=10**12))
                & Q(default_threshold__gte=0, default_threshold__lt=10**12),
                name="alert_threshold_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.target

    @property
    def counts_as_low(self) -> Money:
        """Below it the balance is low; zero means that it never is."""
        return Money(self.default_threshold if self.threshold is None else self.threshold, WALLET_CURRENCY)
