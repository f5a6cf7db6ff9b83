"""A payment is one attempt to pay an order."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models import Method, Order
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation


class PaymentQuerySet(models.QuerySet["Payment"]):
    def to_ask_about(self, *, now: datetime) -> Self:
        """Open attempts whose turn it is to be looked up at Stripe, the longest waiting first."""
        return self.filter(state__in=Payment.UNDECIDED, ask_at__lte=now).order_by("ask_at")


class Payment(models.Model):
    """One card checkout. What Stripe said of it is written here when it is certain."""

    class State(models.TextChoices):
        OPEN = "OPEN", _("Open")
        PROCESSING = "PROCESSING", _("At the bank")
        CONFIRMED = "CONFIRMED", _("Confirmed")
        FAILED = "FAILED", _("Failed")
        EXPIRED = "EXPIRED", _("Expired")
        MISMATCHED = "MISMATCHED", _("Does not agree")

    UNDECIDED = (State.OPEN, State.PROCESSING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="payments", verbose_name=_("order"))
    credited_order = models.ForeignKey(
        Order, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("credited as")
    )
    """The order that received this payment's money: its own, or the one that follows it."""
    method = models.CharField(_("method"), max_length=10, choices=Method, default=Method.CARD)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.OPEN)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    idempotency_key = models.CharField(_("idempotency key"), max_length=64, unique=True)
    """Sent with the request that makes the session; stored before the call, so that a retry finds the same one."""
    session_request = models.JSONField()
    """The parameters of that request, so that a retry repeats them exactly."""
    session_id = models.CharField(_("Checkout Session"), max_length=100, null=True, blank=True, unique=True)
    """NULL until Stripe has made one."""
    session_url = models.CharField(max_length=2000, blank=True)
    session_expires_at = models.DateTimeField(_("session expires"))
    payment_intent_id = models.CharField(_("Payment Intent"), max_length=100, blank=True, db_index=True)
    cancel_wished_by = models.CharField(_("cancelled by"), max_length=254, blank=True)
    """Who asked to cancel; it is done when Stripe has said that nothing was paid."""
    stripe_status = models.CharField(_("what Stripe said last"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"))
    asked_at = models.DateTimeField(_("Stripe was asked"), null=True, blank=True)
    ask_at = models.DateTimeField(_("ask Stripe next"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)

    objects: ClassVar[models.Manager["Payment"]] = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="payment_amount_is_positive"),
            models.CheckConstraint(
                condition=Q(state="CONFIRMED", confirmed_at__isnull=False, credited_order__isnull=False)
                | (~Q(state="CONFIRMED") & Q(credited_order__isnull=True)),
                name="payment_confirmed_is_credited",
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=["OPEN", "PROCESSING"]),
                name="payment_open_once_per_order",
            ),
            models.UniqueConstraint(fields=["credited_order"], name="payment_credits_an_order_once"),
        ]
        indexes = [
            models.Index(fields=["ask_at"], name="payment_to_ask_about", condition=Q(state__in=["OPEN", "PROCESSING"])),
        ]

    def __str__(self) -> str:
        return f"{self.order} · {self.session_id or self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state in self.UNDECIDED

    @property
    def awaits_its_customer(self) -> bool:
        return self.state == Payment.State.OPEN

    @property
    def is_being_checked(self) -> bool:
        return self.state == Payment.State.MISMATCHED
