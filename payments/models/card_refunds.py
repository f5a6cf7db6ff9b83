"""A refund as Stripe carries it out: back to the card that paid."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models import Refund
from payments.models.payments import Payment
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation


class CardRefundQuerySet(models.QuerySet["CardRefund"]):
    def to_send(self, *, now: datetime) -> Self:
        """Approved ones of which Stripe has not said that it has them, the longest waiting first."""
        approved = self.filter(stripe_id__isnull=True, refund__state=Refund.State.APPROVED)
        return approved.filter(ask_at__lte=now).order_by("ask_at")

    def to_ask_about(self, *, now: datetime) -> Self:
        """Those at Stripe whose turn it is to be looked up, the longest waiting first."""
        return self.filter(stripe_id__isnull=False, ask_at__lte=now).order_by("ask_at")


class CardRefund(models.Model):
    """One refund at Stripe. The row stands, with its key and its parameters, before Stripe is asked to make it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    refund = models.OneToOneField(Refund, models.PROTECT, related_name="at_stripe", verbose_name=_("refund"))
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds", verbose_name=_("payment"))
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    """In the currency that was paid; what Stripe is asked to give back, or gave back."""
    idempotency_key = models.CharField(  # NULL: made in Stripe's dashboard, by no request of ours
        _("idempotency key"), max_length=64, null=True, blank=True, unique=True
    )
    request = models.JSONField(null=True, blank=True)
    """The parameters sent with that key, so that a retry repeats them exactly."""
    stripe_id = models.CharField(  # NULL: Stripe has not said yet that it has it
        _("Refund at Stripe"), max_length=100, null=True, blank=True, unique=True
    )
    stripe_status = models.CharField(_("what Stripe said last"), max_length=40, blank=True)
    failure = models.CharField(_("why it failed"), max_length=200, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    """How often Stripe was asked to make it."""
    error = models.CharField(_("last error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"))
    asked_at = models.DateTimeField(_("Stripe was asked"), null=True, blank=True)
    ask_at = models.DateTimeField(_("ask Stripe next"), null=True, blank=True)
    """NULL when nothing can change any more."""

    objects: ClassVar[models.Manager["CardRefund"]] = CardRefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("card refund")
        verbose_name_plural = _("card refunds")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="card_refund_amount_is_positive"),
            models.CheckConstraint(
                condition=Q(idempotency_key__isnull=False, request__isnull=False) | Q(stripe_id__isnull=False),
                name="card_refund_is_sent_or_found",
            ),
        ]
        indexes = [
            models.Index(fields=["ask_at"], name="card_refund_to_ask", condition=Q(ask_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.refund} · {self.stripe_id or self.idempotency_key}"
