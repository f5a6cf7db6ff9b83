"""What finance does with money at Stripe that credited nobody: one person proposes it, another approves."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models import Order
from payments.models.balance_transactions import BalanceTransaction
from payments.models.payments import Payment
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class SuspenseMoveQuerySet(models.QuerySet["SuspenseMove"]):
    def waiting(self) -> Self:
        """Nobody has approved or withdrawn them."""
        return self.filter(approved_at=None, withdrawn_at=None)

    def under_way(self) -> Self:
        """Approved, and Stripe has not said yet how it ends."""
        return self.filter(approved_at__isnull=False, ended_at=None)

    def due(self, *, now: datetime) -> Self:
        """Those about which Stripe is to be asked, the longest waiting first."""
        return self.under_way().filter(ask_at__lte=now).order_by("ask_at")


class SuspenseMove(models.Model):
    """Money at Stripe that waits in suspense, credited to a customer or sent back to the card that paid it."""

    class Kind(models.TextChoices):
        CREDIT = "CREDIT", _("Credit it")
        REFUND = "REFUND", _("Send it back to the card")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", verbose_name=_("in the suspense of")
    )
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="suspense_moves", verbose_name=_("payment")
    )
    """Whose facts did not agree; NULL for a charge that no payment of ours knows."""
    charge = models.ForeignKey(
        BalanceTransaction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="suspense_moves",
        verbose_name=_("charge"),
    )
    to = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("to whom")
    )
    """Whose wallet a charge of nobody's is credited to."""
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    reason = models.CharField(_("reason"), max_length=500)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("proposed by"))
    made_by_name = models.CharField(max_length=254)
    made_at = models.DateTimeField(_("proposed"))
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_by_name = models.CharField(max_length=254, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("withdrawn by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    credited_order = models.ForeignKey(
        Order, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("credited as")
    )
    idempotency_key = models.CharField(_("idempotency key"), max_length=64, null=True, blank=True, unique=True)
    """Of a refund: stored, with the parameters, before Stripe is asked."""
    request = models.JSONField(null=True, blank=True)
    stripe_id = models.CharField(_("Refund at Stripe"), max_length=100, null=True, blank=True, unique=True)
    stripe_status = models.CharField(_("what Stripe said last"), max_length=200, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    ask_at = models.DateTimeField(_("ask Stripe next"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    """When it was credited, or Stripe said how the refund ended."""

    objects: ClassVar[models.Manager["SuspenseMove"]] = SuspenseMoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("movement of card money in suspense")
        verbose_name_plural = _("card money in suspense")
        constraints = [
            models.UniqueConstraint(
                fields=["payment"], condition=Q(withdrawn_at=None, ended_at=None), name="suspense_move_once_per_payment"
            ),
            models.UniqueConstraint(
                fields=["charge"], condition=Q(withdrawn_at=None, ended_at=None), name="suspense_move_once_per_charge"
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, charge=None, to=None)
                | Q(payment=None, charge__isnull=False, kind="REFUND", to=None)
                | Q(payment=None, charge__isnull=False, kind="CREDIT", to__isnull=False),
                name="suspense_move_has_one_source",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="suspense_move_is_positive"),
            models.CheckConstraint(condition=~Q(reason=""), name="suspense_move_has_a_reason"),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("made_by")),
                name="suspense_move_approved_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None, credited_order=None, request=None, ended_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False, withdrawn_at=None, kind="REFUND")
                & Q(request__isnull=False, idempotency_key__isnull=False, credited_order=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False, withdrawn_at=None, kind="CREDIT")
                & Q(request=None, credited_order__isnull=False, ended_at__isnull=False),
                name="suspense_move_done_by_its_approval",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_by=None, withdrawn_at=None)
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False),
                name="suspense_move_withdrawn_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["ask_at"], name="suspense_move_to_ask", condition=Q(ask_at__isnull=False))]

    def __str__(self) -> str:
        source = self.payment.order if self.payment else self.charge
        return f"{source} · {self.get_kind_display()}"

    @property
    def is_waiting(self) -> bool:
        return self.approved_at is None and self.withdrawn_at is None
