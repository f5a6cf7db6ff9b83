"""Refunds of offline orders as payments from one of our bank accounts."""

from datetime import date
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models import Refund
from payments.models.banks import BankAccount, BankLine
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class BankRefundQuerySet(models.QuerySet["BankRefund"]):
    """Reads of payments that carry refunds."""

    def current(self) -> Self:
        """The one preparation of each refund that was not replaced."""
        return self.filter(superseded_at=None)

    def to_pay(self) -> Self:
        """Approved and not yet paid at the bank, the longest waiting first."""
        waiting = self.current().filter(approved_at__isnull=False, paid_at=None, refused_at=None)
        return waiting.order_by("approved_at", "id")

    def paid_by_hand(self) -> Self:
        """Recorded as paid by somebody, and on no statement yet."""
        return self.current().filter(paid_at__isnull=False, line=None)


class BankRefund(models.Model):
    """A refund as one payment at the bank: prepared by one person, approved by another, then paid and recorded.

    Its facts are never changed: whoever prepares the refund anew replaces the row, while nobody has approved it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    refund = models.ForeignKey(Refund, models.PROTECT, related_name="bank_refunds", verbose_name=_("refund"))
    account = models.ForeignKey(BankAccount, models.PROTECT, related_name="+", verbose_name=_("our account"))
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    """What the customer gets: `back` of the refund."""
    payee_name = models.CharField(_("payee"), max_length=200)
    payee_account = models.CharField(_("payee's account"), max_length=60)
    payee_bank = models.CharField(_("payee's bank"), max_length=200)
    is_payer = models.BooleanField(_("to the account the money came from"))
    reason = models.CharField(_("why another payee"), max_length=500, blank=True)
    prepared_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("prepared by"))
    prepared_by_name = models.CharField(max_length=254)
    prepared_at = models.DateTimeField(_("prepared"))
    superseded_at = models.DateTimeField(_("replaced"), null=True, blank=True)
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_by_name = models.CharField(max_length=254, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    paid_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("recorded as paid by")
    )
    paid_by_name = models.CharField(max_length=254, blank=True)
    paid_at = models.DateTimeField(_("recorded as paid"), null=True, blank=True)
    paid_on = models.DateField(_("paid at the bank on"), null=True, blank=True)
    bank_reference = models.CharField(_("bank's number"), max_length=100, blank=True)
    line = models.OneToOneField(
        BankLine, models.PROTECT, null=True, blank=True, related_name="bank_refund", verbose_name=_("bank line")
    )
    """The outgoing line of a statement; a payment recorded by hand has none until the statement confirms it."""
    refused_at = models.DateTimeField(_("not paid"), null=True, blank=True)
    """When somebody recorded that the bank never paid it."""
    returned_line = models.ForeignKey(
        BankLine, models.PROTECT, null=True, blank=True, related_name="returned_refunds", verbose_name=_("came back as")
    )
    returned_at = models.DateTimeField(_("came back"), null=True, blank=True)

    objects: ClassVar[models.Manager["BankRefund"]] = BankRefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund by bank")
        verbose_name_plural = _("refunds by bank")
        constraints = [
            models.UniqueConstraint(
                fields=["refund"], condition=Q(superseded_at=None), name="bank_refund_prepared_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="bank_refund_is_positive"),
            models.CheckConstraint(
                condition=~Q(payee_name="") & ~Q(payee_account="") & ~Q(payee_bank=""),
                name="bank_refund_names_its_payee",
            ),
            models.CheckConstraint(
                condition=Q(is_payer=True) | ~Q(reason=""), name="bank_refund_to_another_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("prepared_by")),
                name="bank_refund_approved_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None, approved_by=None)
                | Q(approved_at__isnull=False, approved_by__isnull=False, superseded_at=None),
                name="bank_refund_approved_by_its_approver",
            ),
            models.CheckConstraint(
                condition=Q(paid_at=None, paid_by=None, paid_on=None, line=None, bank_reference="")
                | (
                    Q(paid_at__isnull=False, paid_by__isnull=False, paid_on__isnull=False, refused_at=None)
                    & Q(approved_at__isnull=False)
                    & (~Q(bank_reference="") | Q(line__isnull=False))
                ),
                name="bank_refund_paid_with_its_facts",
            ),
            models.CheckConstraint(
                condition=Q(refused_at=None) | Q(approved_at__isnull=False), name="bank_refund_refused_when_approved"
            ),
            models.CheckConstraint(
                condition=Q(returned_at=None, returned_line=None)
                | Q(returned_at__isnull=False, returned_line__isnull=False, paid_at__isnull=False),
                name="bank_refund_returned_when_paid",
            ),
        ]
        indexes = [
            models.Index(
                fields=["approved_at"],
                name="bank_refund_to_pay",
                condition=Q(approved_at__isnull=False, paid_at=None, refused_at=None, superseded_at=None),
            ),
            models.Index(
                fields=["account", "paid_on"],
                name="bank_refund_by_hand",
                condition=Q(paid_at__isnull=False, line=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.refund} → {self.payee_name}"

    @property
    def is_to_be_paid(self) -> bool:
        return self.approved_at is not None and self.paid_at is None and self.refused_at is None

    @property
    def day_paid(self) -> date | None:
        """The bank's own day, once a statement has said it."""
        return self.line.booked_on if self.line else self.paid_on
