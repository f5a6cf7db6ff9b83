"""What card holders dispute at their banks, and the money that moved for it."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from billing.models.orders import Order
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation

PARTS = ("from_target", "from_wallet", "debt", "written_off")
"""The columns that say where the money that is away was taken from."""


class Disputes(models.QuerySet["Dispute"]):
    """Reads of disputes."""

    def undecided(self) -> "Disputes":
        """The card's bank has not decided them yet."""
        return self.filter(state__in=Dispute.UNDECIDED)

    def unsettled(self) -> "Disputes":
        """Of these Stripe has more to tell: undecided, or won and the money is not back yet."""
        return self.filter(Q(state__in=Dispute.UNDECIDED) | Q(state=Dispute.State.WON, is_withdrawn=True))

    def to_answer(self) -> "Disputes":
        """Those for which evidence can still be sent, and was not."""
        return self.filter(state__in=Dispute.UNDECIDED, has_evidence=False, evidence_due_at__isnull=False)


class Dispute(models.Model):
    """A card payment that its holder disputes, as Stripe has it. While the money is away (`is_withdrawn`) the columns
    `from_target`, `from_wallet`, `debt` and `written_off` sum to it: where it was taken from here.
    """

    class State(models.TextChoices):
        INQUIRY = "INQUIRY", _("The card's bank asks")
        OPEN = "OPEN", pgettext_lazy("dispute", "Open")
        WON = "WON", _("Won")
        LOST = "LOST", _("Lost")
        CLOSED = "CLOSED", _("Closed without a dispute")

    UNDECIDED = (State.INQUIRY, State.OPEN)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="disputes", verbose_name=_("order"))
    stripe_id = models.CharField(_("dispute at Stripe"), max_length=100, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    reason = models.CharField(_("reason given to the bank"), max_length=60, blank=True)
    """Stripe's word, such as `fraudulent`."""
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    fee: "models.Field[Money, Money]" = money_field(_("fee"))
    """What Stripe has charged us for it so far; the customer never bears it."""
    code = models.CharField(_("taken from"), max_length=80)
    """The balance that the payment credited, as account code; `suspense` when it never was."""
    is_withdrawn = models.BooleanField(_("money is with the card's bank"), default=False)
    from_target = models.DecimalField(max_digits=20, decimal_places=6, default=Decimal(0))
    """Taken from the balance `code`, where that is not the wallet."""
    from_wallet = models.DecimalField(max_digits=20, decimal_places=6, default=Decimal(0))
    """Taken from the wallet, or paid out of it later by top-ups."""
    debt = models.DecimalField(_("owed"), max_digits=20, decimal_places=6, default=Decimal(0))
    """What the customer still owes: this dispute's part of the account `receivable`."""
    written_off = models.DecimalField(_("written off"), max_digits=20, decimal_places=6, default=Decimal(0))
    opened_at = models.DateTimeField(_("opened"))
    evidence_due_at = models.DateTimeField(_("evidence until"), null=True, blank=True)
    has_evidence = models.BooleanField(_("evidence sent"), default=False)
    asked_at = models.DateTimeField(_("Stripe was asked"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects: ClassVar[Disputes] = Disputes.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="dispute_once_per_organisation"),
            models.CheckConstraint(
                condition=Q(state__in=["INQUIRY", "OPEN", "WON", "LOST", "CLOSED"]), name="dispute_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lt=10**12, fee_currency=F("amount_currency")),
                name="dispute_amount_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(from_target__gte=0, from_wallet__gte=0, debt__gte=0, written_off__gte=0)
                & Q(from_target__lt=10**12, from_wallet__lt=10**12, debt__lt=10**12, written_off__lt=10**12),
                name="dispute_parts_in_range",
            ),
            models.CheckConstraint(
                condition=Q(is_withdrawn=False, from_target=0, from_wallet=0, debt=0, written_off=0)
                | (
                    Q(is_withdrawn=True)
                    & (Q(from_target__gt=0) | Q(from_wallet__gt=0) | Q(debt__gt=0) | Q(written_off__gt=0))
                ),
                name="dispute_withdrawn_has_its_parts",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["INQUIRY", "OPEN"], ended_at__isnull=True)
                | (~Q(state__in=["INQUIRY", "OPEN"]) & Q(ended_at__isnull=False)),
                name="dispute_ended_has_its_time",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "id"], condition=Q(debt__gt=0), name="dispute_with_debt"),
            models.Index(fields=["asked_at"], condition=Q(state__in=["INQUIRY", "OPEN"]), name="dispute_undecided"),
        ]

    def __str__(self) -> str:
        return f"{self.order} · {self.get_state_display()}"

    @property
    def is_undecided(self) -> bool:
        return self.state in self.UNDECIDED

    @property
    def owed(self) -> Money:
        return self.money(self.debt)

    @property
    def away(self) -> Money:
        """What the card's bank holds of it now."""
        return self.money(sum((getattr(self, part) for part in PARTS), Decimal(0)))

    def money(self, amount: Decimal) -> Money:
        return Money(amount, self.amount.currency)


class DisputeMovement(models.Model):
    """Money of a dispute that moved at Stripe: one of its balance transactions, booked here once."""

    class Kind(models.TextChoices):
        WITHDRAWN = "WITHDRAWN", _("Taken back by the card's bank")
        REINSTATED = "REINSTATED", _("Given back by the card's bank")
        FEE = "FEE", _("A fee alone")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    dispute = models.ForeignKey(Dispute, models.PROTECT, related_name="movements", verbose_name=_("dispute"))
    transaction_id = models.CharField(_("balance transaction"), max_length=100, unique=True)
    kind = models.CharField(_("what happened"), max_length=10, choices=Kind)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    fee: "models.Field[Money, Money]" = money_field(_("fee"))
    """Above zero what Stripe took for it, below zero what it gave back."""
    owed = models.DecimalField(_("owed after it"), max_digits=20, decimal_places=6)
    at = models.DateTimeField(_("booked"))

    objects: ClassVar[models.Manager["DisputeMovement"]] = models.Manager()

    class Meta:
        verbose_name = _("movement of a dispute")
        verbose_name_plural = _("movements of disputes")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["WITHDRAWN", "REINSTATED"], amount__gt=0) | Q(kind="FEE", amount=0),
                name="dispute_movement_of_its_kind",
            ),
            models.CheckConstraint(condition=Q(owed__gte=0), name="dispute_movement_owes_no_less_than_nothing"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.transaction_id}"
