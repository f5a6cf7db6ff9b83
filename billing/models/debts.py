"""How what customers owe for disputes and refunds ends: paid by a top-up, or written off."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models.disputes import Dispute
from billing.models.orders import Order
from billing.models.refunds import Refund
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class DebtPayment(models.Model):
    """What a top-up of the wallet paid of what was owed for a dispute, or for a refund made at Stripe, in the
    transaction that credited it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    dispute = models.ForeignKey(
        Dispute, models.PROTECT, null=True, related_name="debt_payments", verbose_name=_("dispute")
    )
    refund = models.ForeignKey(
        Refund, models.PROTECT, null=True, related_name="debt_payments", verbose_name=_("refund")
    )
    order = models.ForeignKey(Order, models.PROTECT, related_name="debt_payments", verbose_name=_("paid by order"))
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    at = models.DateTimeField(_("when"))

    objects: ClassVar[models.Manager["DebtPayment"]] = models.Manager()

    class Meta:
        verbose_name = _("payment of a debt")
        verbose_name_plural = _("payments of debts")
        constraints = [
            models.UniqueConstraint(fields=["order", "dispute"], name="debt_payment_once_per_dispute"),
            models.UniqueConstraint(fields=["order", "refund"], name="debt_payment_once_per_refund"),
            models.CheckConstraint(
                condition=Q(dispute__isnull=False, refund__isnull=True) | Q(dispute__isnull=True, refund__isnull=False),
                name="debt_payment_of_one_debt",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="debt_payment_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.amount}"


class WriteOff(models.Model):
    """What a person of finance decided that a customer need not pay any more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    dispute = models.ForeignKey(
        Dispute, models.PROTECT, null=True, related_name="write_offs", verbose_name=_("dispute")
    )
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, related_name="write_offs", verbose_name=_("refund"))
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    reason = models.CharField(_("reason"), max_length=500)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    by_name = models.CharField(_("name then"), max_length=254)
    at = models.DateTimeField(_("when"))
    form_token = models.CharField(max_length=64, unique=True, editable=False)
    """Of the form that asked for it: sent twice, it is written off once."""

    objects: ClassVar[models.Manager["WriteOff"]] = models.Manager()

    class Meta:
        verbose_name = _("write-off")
        verbose_name_plural = _("write-offs")
        constraints = [
            models.CheckConstraint(
                condition=Q(dispute__isnull=False, refund__isnull=True) | Q(dispute__isnull=True, refund__isnull=False),
                name="write_off_of_one_debt",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="write_off_is_positive"),
            models.CheckConstraint(condition=~Q(reason=""), name="write_off_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.dispute or self.refund}: {self.amount}"
