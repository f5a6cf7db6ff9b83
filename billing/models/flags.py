"""Doubt is a flag: somebody has to look, and the reason says why."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.orders import Order
from wallet.ids import new_id
from wallet.models import Organisation, User


class Flag(models.Model):
    """A doubt about an order, open until somebody resolves it."""

    class Reason(models.TextChoices):
        LATE_MONEY = "LATE_MONEY", _("Paid after the order had ended; credited")
        EXTRA_PAYMENT = "EXTRA_PAYMENT", _("Paid more than once; credited as an order of its own")
        WRONG_AMOUNT = "WRONG_AMOUNT", _("Stripe reports another amount than the order's")
        WRONG_CURRENCY = "WRONG_CURRENCY", _("Stripe reports another currency than the order's")
        NOTHING_HELD = "NOTHING_HELD", _("Stripe reports a payment, but holds no money of it")
        WRONG_ORDER = "WRONG_ORDER", _("Stripe reports the session of another order")
        WRONG_MODE = "WRONG_MODE", _("Live and test mode do not agree")
        UNKNOWN_STATUS = "UNKNOWN_STATUS", _("Stripe reports a payment status we do not know")
        UNREADABLE = "UNREADABLE", _("Stripe's answer about the payment cannot be understood")
        NO_SUCH_SESSION = "NO_SUCH_SESSION", _("Stripe does not know the payment's session")
        REFUSED_BY_STRIPE = "REFUSED_BY_STRIPE", _("Stripe refused to start the payment")
        REFUND_MISMATCH = "REFUND_MISMATCH", _("Stripe reports of a refund what does not agree with it")
        REFUNDED_AT_STRIPE = "REFUNDED_AT_STRIPE", _("Refunded at Stripe, not here; booked as it happened")
        DISPUTED = "DISPUTED", _("The card's bank took the money back, or asks about it")
        DISPUTE_UNCLEAR = "DISPUTE_UNCLEAR", _("Stripe reports something about a dispute that we cannot book")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="flags", verbose_name=_("order"))
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    since = models.DateTimeField(_("since"))
    owner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("owner"))
    resolved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("resolved by")
    )
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        constraints = [
            models.UniqueConstraint(
                fields=["order", "reason"], condition=Q(resolved_at__isnull=True), name="flag_once_while_open"
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolved_by__isnull=True)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="flag_resolved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.get_reason_display()}"
