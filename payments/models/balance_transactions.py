"""What moved in our balance at Stripe, and the payouts that took it to the bank."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from payments.models.banks import BankLine
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation

SETTLEMENT_CURRENCY = "USD"
"""What Stripe settles in; whatever comes in another currency is named and not posted."""


class PayoutQuerySet(models.QuerySet["Payout"]):
    """Reads of payouts."""

    def on_their_way(self) -> Self:
        """Left Stripe, or about to, and not seen at the bank yet; the oldest first."""
        open_ = self.filter(line=None).exclude(state__in=Payout.ENDED_IN_NOTHING)
        return open_.order_by("arrival_on", "id")

    def to_match(self) -> Self:
        """Those whose bank line may be posted as theirs."""
        return self.on_their_way().filter(amount__gt=0, amount_currency=SETTLEMENT_CURRENCY)

    def to_itemise(self) -> Self:
        """Whose transactions Stripe can list now, and we have not asked for."""
        return self.filter(itemised_at=None, is_automatic=True, reconciliation=Payout.Reconciliation.COMPLETED)

    def to_reverse(self) -> Self:
        """Posted, and failed since."""
        return self.filter(state__in=Payout.ENDED_IN_NOTHING, line__isnull=False, reversed_at=None)


class Payout(models.Model):
    """Money that Stripe sends from our balance to the bank. What Stripe says of it changes; that it was found at the
    bank is written once.
    """

    class State(models.TextChoices):
        PENDING = "PENDING", _("Not sent yet")
        IN_TRANSIT = "IN_TRANSIT", pgettext_lazy("payout", "On its way")
        PAID = "PAID", _("Paid, as Stripe says")
        FAILED = "FAILED", _("Failed")
        CANCELLED = "CANCELLED", _("Cancelled")
        OTHER = "OTHER", _("In a state this site does not know")

    ENDED_IN_NOTHING = (State.FAILED, State.CANCELLED)

    class Reconciliation(models.TextChoices):
        COMPLETED = "COMPLETED", _("Itemised by Stripe")
        IN_PROGRESS = "IN_PROGRESS", _("Stripe is itemising it")
        NOT_APPLICABLE = "NOT_APPLICABLE", _("Cannot be itemised: it was started by hand")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    stripe_id = models.CharField(_("payout"), max_length=100, unique=True)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    """Below zero when Stripe takes money from our bank account instead."""
    state = models.CharField(_("state"), max_length=10, choices=State)
    is_automatic = models.BooleanField(_("by schedule"))
    """One started by hand takes any part of the balance, so Stripe cannot say which transactions it holds."""
    reconciliation = models.CharField(_("itemising"), max_length=14, choices=Reconciliation)
    arrival_on = models.DateField(_("expected at the bank"))
    trace = models.CharField(_("trace number"), max_length=200, blank=True)
    """What the bank may show of it."""
    failure = models.CharField(_("why it failed"), max_length=500, blank=True)
    stripe_created_at = models.DateTimeField(_("made at Stripe"))
    asked_at = models.DateTimeField(_("Stripe was asked"))
    itemised_at = models.DateTimeField(_("itemised"), null=True, blank=True)
    """When every transaction that Stripe lists for it was here."""
    line = models.OneToOneField(
        BankLine, models.PROTECT, null=True, blank=True, related_name="payout", verbose_name=_("bank line")
    )
    matched_at = models.DateTimeField(_("found at the bank"), null=True, blank=True)
    matched_by = models.CharField(_("found by"), max_length=254, blank=True)
    reversed_at = models.DateTimeField(_("reversed"), null=True, blank=True)
    """When its posting was reversed, because it failed after all: its money is at Stripe again."""
    back_line = models.OneToOneField(
        BankLine, models.PROTECT, null=True, blank=True, related_name="payout_back", verbose_name=_("taken back by")
    )
    """The bank line by which the bank sent it back, once somebody has found it."""

    objects: ClassVar[models.Manager["Payout"]] = PayoutQuerySet.as_manager()

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=-(10**12), amount__lt=10**12), name="payout_is_finite"),
            models.CheckConstraint(
                condition=Q(line=None, matched_at=None, matched_by="")
                | (Q(line__isnull=False, matched_at__isnull=False, amount__gt=0) & ~Q(matched_by="")),
                name="payout_found_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(reversed_at=None)
                | Q(reversed_at__isnull=False, line__isnull=False, state__in=["FAILED", "CANCELLED"]),
                name="payout_reversed_when_failed",
            ),
            models.CheckConstraint(
                condition=Q(back_line=None) | Q(reversed_at__isnull=False), name="payout_taken_back_when_reversed"
            ),
        ]
        indexes = [
            models.Index(fields=["-arrival_on"], name="payout_by_day"),
            models.Index(fields=["amount"], name="payout_to_match", condition=Q(line=None)),
        ]

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def is_open(self) -> bool:
        """Whether its money is neither at the bank nor at Stripe any more."""
        return self.line_id is None and self.state not in self.ENDED_IN_NOTHING


class BalanceTransactionQuerySet(models.QuerySet["BalanceTransaction"]):
    """Reads of balance transactions."""

    def to_judge(self) -> Self:
        """New ones, and those that did not agree: what they wait for may have come. The oldest first."""
        waiting = (BalanceTransaction.Outcome.NEW, BalanceTransaction.Outcome.DIFFERENCE)
        return self.filter(outcome__in=waiting).order_by("stripe_created_at", "id")

    def differences(self) -> Self:
        return self.filter(outcome=BalanceTransaction.Outcome.DIFFERENCE).order_by("stripe_created_at", "id")

    def besides_payouts(self) -> Self:
        """What makes the balance up, without what takes it to the bank."""
        return self.exclude(type__in=BalanceTransaction.PAYOUT_TYPES)

    def settled(self) -> Self:
        """What the ledger has, as far as Stripe's list goes."""
        return self.filter(outcome__in=[BalanceTransaction.Outcome.POSTED, BalanceTransaction.Outcome.AGREED])


class BalanceTransaction(models.Model):
    """One movement of our balance at Stripe, as Stripe lists it, with what became of it here."""

    PAYOUT_TYPES = ("payout", "payout_failure", "payout_cancel")

    class Outcome(models.TextChoices):
        NEW = "NEW", _("Not looked at yet")
        POSTED = "POSTED", pgettext_lazy("balance transaction", "Posted")
        AGREED = "AGREED", _("Agrees with what is posted")
        DIFFERENCE = "DIFFERENCE", _("A difference")

    class Reason(models.TextChoices):
        """Why nothing was posted for it, and a person has to look if it lasts."""

        UNKNOWN_TYPE = "UNKNOWN_TYPE", _("A type this site does not know")
        OTHER_CURRENCY = "OTHER_CURRENCY", _("Settled in another currency than USD")
        OTHER_AMOUNT = "OTHER_AMOUNT", _("Another amount than the one posted here")
        NOT_CONFIRMED = "NOT_CONFIRMED", _("Its payment is not confirmed here yet")
        UNKNOWN_REFUND = "UNKNOWN_REFUND", _("A refund this site does not know")
        REFUND_OPEN = "REFUND_OPEN", _("Its refund has not come to its end here yet")
        UNKNOWN_DISPUTE = "UNKNOWN_DISPUTE", _("A dispute this site does not know")
        DISPUTE_OPEN = "DISPUTE_OPEN", _("Its movement is not posted with the dispute yet")
        UNKNOWN_PAYOUT = "UNKNOWN_PAYOUT", _("A payout this site does not know")
        NOT_ITS_SUM = "NOT_ITS_SUM", _("Amount less fee is not what Stripe calls net")

    TIMING = (Reason.NOT_CONFIRMED, Reason.REFUND_OPEN, Reason.DISPUTE_OPEN)
    """Differences that should be gone by themselves the next day."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    stripe_id = models.CharField(_("balance transaction"), max_length=100, unique=True)
    type = models.CharField(_("type"), max_length=60)
    category = models.CharField(_("reporting category"), max_length=60)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    """With its sign: what came into our balance, or went out of it."""
    fee = models.DecimalField(_("fee"), max_digits=20, decimal_places=6)
    """What Stripe took; below zero when it gave something back."""
    net = models.DecimalField(_("net"), max_digits=20, decimal_places=6)
    source_id = models.CharField(_("source"), max_length=100, blank=True)
    """The charge, refund, dispute or payout that it is of."""
    payment_intent_id = models.CharField(_("Payment Intent"), max_length=100, blank=True)
    claimed_payment = models.CharField(_("payment, as Stripe's metadata names it"), max_length=100, blank=True)
    description = models.CharField(_("description"), max_length=500, blank=True)
    stripe_created_at = models.DateTimeField(_("made at Stripe"))
    available_at = models.DateTimeField(_("available"))
    """From when on it may be paid out."""
    payout = models.ForeignKey(
        Payout, models.PROTECT, null=True, blank=True, related_name="transactions", verbose_name=_("payout")
    )
    loaded_at = models.DateTimeField(_("loaded"))
    outcome = models.CharField(_("what became of it"), max_length=10, choices=Outcome, default=Outcome.NEW)
    reason = models.CharField(_("difference"), max_length=20, choices=Reason, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("organisation")
    )
    """Whose ledger has it; NULL while nothing agrees."""
    posting_keys: "models.Field[list[str], list[str]]" = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, verbose_name=_("posting keys")
    )
    """What was posted for it, in `organisation`."""
    judged_at = models.DateTimeField(_("looked at"), null=True, blank=True)

    objects: ClassVar[models.Manager["BalanceTransaction"]] = BalanceTransactionQuerySet.as_manager()

    class Meta:
        verbose_name = _("balance transaction")
        verbose_name_plural = _("balance transactions")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=-(10**12), amount__lt=10**12)
                & Q(fee__gt=-(10**12), fee__lt=10**12)
                & Q(net__gt=-(10**12), net__lt=10**12),
                name="balance_transaction_is_finite",
            ),
            models.CheckConstraint(
                condition=(Q(outcome="DIFFERENCE") & ~Q(reason="")) | (~Q(outcome="DIFFERENCE") & Q(reason="")),
                name="balance_transaction_difference_is_named",
            ),
            models.CheckConstraint(
                condition=(Q(outcome="POSTED") & Q(organisation__isnull=False) & ~Q(posting_keys=[]))
                | (~Q(outcome="POSTED") & Q(posting_keys=[])),
                name="balance_transaction_posted_has_keys",
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=["POSTED", "AGREED"]) | Q(net=F("amount") - F("fee")),
                name="balance_transaction_settled_adds_up",
            ),
        ]
        indexes = [
            models.Index(
                fields=["stripe_created_at"],
                name="balance_transaction_to_judge",
                condition=Q(outcome__in=["NEW", "DIFFERENCE"]),
            ),
            models.Index(fields=["-stripe_created_at"], name="balance_transaction_newest"),
            models.Index(fields=["source_id"], name="balance_transaction_source"),
            models.Index(fields=["payment_intent_id"], name="balance_transaction_intent"),
            models.Index(fields=["available_at"], name="balance_transaction_unpaid", condition=Q(payout__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def is_timing(self) -> bool:
        """Whether the difference should be gone by itself the next day."""
        return self.reason in self.TIMING
