"""Money of a product's balance that is set aside for something under way."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from products.models.catalogue import Product
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation


class Holds(models.QuerySet["Hold"]):
    """Reads of holds."""

    def due(self, now: datetime) -> "Holds":
        """Those whose time is over, and whose rest still has to go back."""
        return self.filter(state=Hold.State.OPEN, expires_at__lte=now)


class Hold(models.Model):
    """A hold: in parts or whole it is captured (used) or released (given back); what is left at its end is released."""

    class State(models.TextChoices):
        OPEN = "OPEN", pgettext_lazy("hold", "Open")
        CAPTURED = "CAPTURED", _("Captured")
        RELEASED = "RELEASED", _("Released")
        EXPIRED = "EXPIRED", _("Expired")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="holds", db_index=False, verbose_name=_("organisation")
    )
    product = models.ForeignKey(Product, models.PROTECT, related_name="holds", verbose_name=_("product"))
    request_id = models.CharField(_("request id"), max_length=100)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    captured: "models.Field[Money, Money]" = money_field(_("captured"))
    released: "models.Field[Money, Money]" = money_field(_("released"))
    description = models.CharField(_("description"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    by = models.CharField(_("by"), max_length=100)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects: ClassVar[Holds] = Holds.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "product", "request_id"], name="hold_once_per_request"),
            models.CheckConstraint(
                condition=Q(state__in=["OPEN", "CAPTURED", "RELEASED", "EXPIRED"]), name="hold_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lt=10**12, captured__gte=0, released__gte=0)
                & Q(amount__gte=F("captured") + F("released")),
                name="hold_gives_no_more_than_it_holds",
            ),
            models.CheckConstraint(
                condition=Q(captured_currency=F("amount_currency"), released_currency=F("amount_currency")),
                name="hold_has_one_currency",
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", ended_at__isnull=True, amount__gt=F("captured") + F("released"))
                | ~Q(state="OPEN") & Q(ended_at__isnull=False, amount=F("captured") + F("released")),
                name="hold_ends_when_nothing_is_left",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="hold_expires_after_it_began"),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="OPEN"), name="hold_open_by_expiry"),
            models.Index(
                fields=["organisation", "product", "expires_at"], condition=Q(state="OPEN"), name="hold_open_by_balance"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} ({self.get_state_display()})"

    @property
    def rest(self) -> Money:
        """What is still held."""
        return self.amount - self.captured - self.released
