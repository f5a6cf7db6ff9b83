"""An offline transfer: one attempt to pay an order by bank, what its customer declared, and its slips."""

from datetime import datetime
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models import Order, State
from payments.models.banks import BankAccount
from wallet import bank_numbers
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User

DECLARABLE = (State.PENDING, State.REJECTED)
"""Their customers may say that they have paid."""

PAYABLE = (State.PENDING, State.IN_REVIEW, State.REJECTED)
"""Their money is still expected, declared or not."""

RECORDABLE = (*PAYABLE, State.FAILED, State.EXPIRED, State.CANCELLED, State.PAID)
"""Money that came for them is credited: expected, late, or further money of an order that is paid."""


class TransferQuerySet(models.QuerySet["Transfer"]):
    def waiting(self) -> Self:
        """Declared by their customers and not decided, the longest waiting first: finance's queue."""
        return self.filter(order__state=State.IN_REVIEW, confirmed_at=None).order_by("declared_at", "id")

    def untaken(self, *, now: datetime) -> Self:
        """Those nobody works on: never taken, given back, taken too long ago, or by somebody who has left."""
        return self.filter(Q(taken_by__isnull=True) | Q(taken_until__lte=now) | Q(taken_by__is_active=False))

    def payable(self) -> Self:
        """Those whose money is still expected, declared or not."""
        return self.filter(order__state__in=PAYABLE)


class Transfer(models.Model):
    """An offline transfer. Where it stands is its order's state; `amount` is what its sheet asks for."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.OneToOneField(Order, models.PROTECT, related_name="transfer", verbose_name=_("order"))
    account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="transfers", verbose_name=_("receiving account")
    )
    """The account its sheet names; the money may come to another."""
    reference = models.CharField(_("reference"), max_length=16, unique=True)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    payer_name = models.CharField(_("payer"), max_length=120, blank=True)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    bank_number = models.CharField(_("bank's number"), max_length=60, blank=True)
    folded_number = models.GeneratedField(
        expression=bank_numbers.folded("bank_number"), output_field=models.CharField(max_length=60), db_persist=True
    )
    declared_at = models.DateTimeField(_("declared"), null=True, blank=True)
    declared_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("declared by")
    )
    corrected_at = models.DateTimeField(_("corrected"), null=True, blank=True)
    """When its customer last changed what he had declared while it waited in the queue."""
    expected_by = models.DateTimeField(_("review expected by"), null=True, blank=True)
    taken_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("taken by")
    )
    taken_until = models.DateTimeField(_("taken until"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))

    objects: ClassVar[models.Manager["Transfer"]] = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="transfer_once_per_organisation"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="transfer_amount_is_positive"),
            models.CheckConstraint(
                condition=Q(declared_at__isnull=True, declared_by__isnull=True)
                | Q(declared_at__isnull=False, declared_by__isnull=False, paid_on__isnull=False) & ~Q(payer_name=""),
                name="transfer_declared_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(taken_by__isnull=True, taken_until__isnull=True)
                | Q(taken_by__isnull=False, taken_until__isnull=False),
                name="transfer_taken_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["declared_at", "id"], name="transfer_queue", condition=Q(confirmed_at__isnull=True)),
            models.Index(fields=["folded_number"], name="transfer_by_number"),
        ]

    def __str__(self) -> str:
        return self.reference

    def is_taken(self, *, now: datetime) -> bool:
        """Whether somebody in finance works on it right now."""
        return bool(self.taken_by and self.taken_by.is_active and self.taken_until and self.taken_until > now)


class Slip(models.Model):
    """A proof of payment a customer uploaded: checked, written anew, kept outside the web root."""

    class Kind(models.TextChoices):
        PNG = "PNG", "PNG"
        JPEG = "JPEG", "JPEG"
        WEBP = "WEBP", "WebP"
        PDF = "PDF", "PDF"

    class Scan(models.TextChoices):
        UNSCANNED = "UNSCANNED", _("Not scanned for viruses")
        CLEAN = "CLEAN", _("Scanned, no virus found")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    transfer = models.ForeignKey(Transfer, models.PROTECT, related_name="slips", verbose_name=_("transfer"))
    kind = models.CharField(_("kind"), max_length=4, choices=Kind)
    pages = models.PositiveSmallIntegerField(_("pages"), default=1)
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    """Of the file as it came: the same slip twice is shown to finance."""
    original_name = models.CharField(_("file"), max_length=120, blank=True)
    stored_name = models.CharField(max_length=200, unique=True, editable=False)
    preview_names = ArrayField(models.CharField(max_length=200), default=list, editable=False)
    scan = models.CharField(_("virus scan"), max_length=10, choices=Scan, default=Scan.UNSCANNED)
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("uploaded by"))
    uploaded_at = models.DateTimeField(_("uploaded"))
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta:
        verbose_name = _("slip")
        verbose_name_plural = _("slips")
        indexes = [models.Index(fields=["transfer", "id"], name="slip_of_transfer")]

    def __str__(self) -> str:
        return self.original_name or f"{self.get_kind_display()} {self.uploaded_at:%Y-%m-%d}"
