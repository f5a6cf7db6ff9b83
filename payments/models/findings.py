"""What finance found at the bank for a transfer, who approved it, and what became of the money.

A finding is never changed: who corrects it writes another, and approvals stay with the one they were given to.
"""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.models import Order
from payments.models.banks import BankAccount, BankLine
from payments.models.transfers import Transfer
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class FindingQuerySet(models.QuerySet["Finding"]):
    def open(self) -> Self:
        """Those that wait for approval: neither replaced nor carried out."""
        return self.filter(superseded_at__isnull=True, done_at__isnull=True)


class Finding(models.Model):
    """The received facts of a transfer, or of money that fits no order, as somebody in finance gave them.

    `received` is what of the bank's lines is meant for it; with `fee`, what we bear of the banks' charges, and without
    `surplus`, it is what its order was paid with. `credited` is that in the wallet's currency.
    """

    class Evidence(models.TextChoices):
        STATEMENT = "STATEMENT", _("The bank's statement")
        HAND = "HAND", _("Typed or judged by a person")

    class Rate(models.TextChoices):
        NONE = "NONE", _("No conversion")
        QUOTED = "QUOTED", _("The rate quoted with the order")
        VALUE_DAY = "VALUE_DAY", _("The rate of the bank's value date")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    transfer = models.ForeignKey(
        Transfer, models.PROTECT, null=True, blank=True, related_name="findings", verbose_name=_("transfer")
    )
    """NULL when no order asked for the money: it gets one when it is credited."""
    target = models.CharField(_("for"), max_length=80)
    evidence = models.CharField(_("evidence"), max_length=10, choices=Evidence)
    received: "models.Field[Money, Money]" = money_field(_("received"))
    fee: "models.Field[Money, Money]" = money_field(_("bank fee we bear"))
    surplus: "models.Field[Money, Money]" = money_field(_("more than asked"))
    """The part of `received` that is credited as an order of its own, which follows the first, at `surplus_rate`."""
    credited: "models.Field[Money, Money]" = money_field(_("credited"))
    surplus_credited: "models.Field[Money, Money]" = money_field(_("credited as an order of its own"))
    rate_choice = models.CharField(_("which rate"), max_length=10, choices=Rate, default=Rate.NONE)
    rate = models.DecimalField(_("rate"), max_digits=14, decimal_places=6, null=True, blank=True)
    rate_source = models.CharField(_("source of the rate"), max_length=100, blank=True)
    rate_at = models.DateTimeField(_("time of the rate"), null=True, blank=True)
    is_rule = models.BooleanField(_("the rule's rate"))
    """Whether the rate is the one the rule says, and not one that somebody chose."""
    surplus_rate = models.DecimalField(_("rate of the rest"), max_digits=14, decimal_places=6, null=True, blank=True)
    surplus_rate_source = models.CharField(_("source of the rest's rate"), max_length=100, blank=True)
    surplus_rate_at = models.DateTimeField(_("time of the rest's rate"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    """Why it is credited although it is short or over, with our bearing a fee, or at another rate than the rule's."""
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("given by"))
    made_at = models.DateTimeField(_("given"))
    superseded_at = models.DateTimeField(_("replaced"), null=True, blank=True)
    done_at = models.DateTimeField(_("carried out"), null=True, blank=True)
    credited_order = models.OneToOneField(
        Order, models.PROTECT, null=True, blank=True, related_name="finding", verbose_name=_("credited as")
    )

    objects: ClassVar[models.Manager["Finding"]] = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [
            models.UniqueConstraint(
                fields=["transfer"],
                condition=Q(superseded_at__isnull=True, done_at__isnull=True),
                name="finding_open_once_per_transfer",
            ),
            models.CheckConstraint(
                condition=Q(received__gt=0, received__lt=10**12, fee__gte=0, fee__lt=10**12),
                name="finding_amounts_are_finite",
            ),
            models.CheckConstraint(
                condition=Q(surplus__gte=0, surplus__lt=models.F("received")), name="finding_surplus_is_a_part"
            ),
            models.CheckConstraint(
                condition=Q(credited__gt=0, credited__lt=10**12, surplus_credited__gte=0, surplus_credited__lt=10**12),
                name="finding_credit_is_finite",
            ),
            models.CheckConstraint(
                condition=Q(superseded_at__isnull=True) | Q(done_at__isnull=True), name="finding_ends_once"
            ),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, credited_order__isnull=True)
                | Q(done_at__isnull=False, credited_order__isnull=False),
                name="finding_done_is_credited",
            ),
            models.CheckConstraint(
                condition=Q(evidence="HAND") | Q(transfer__isnull=False, fee__lte=0, is_rule=True),
                name="finding_judged_is_by_hand",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transfer or self.organisation}: {self.received}"

    @property
    def is_open(self) -> bool:
        return self.superseded_at is None and self.done_at is None


class Share(models.Model):
    """How much of one bank line a finding claims. A line that is on no statement yet is described here, and made when
    the finding is carried out.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    finding = models.ForeignKey(Finding, models.PROTECT, related_name="shares", verbose_name=_("finding"))
    amount = models.DecimalField(_("amount"), max_digits=20, decimal_places=6)
    line = models.ForeignKey(
        BankLine, models.PROTECT, null=True, blank=True, related_name="shares", verbose_name=_("bank line")
    )
    account = models.ForeignKey(
        BankAccount, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("receiving account")
    )
    bank_reference = models.CharField(_("bank's number"), max_length=100, blank=True)
    value_on = models.DateField(_("value date"), null=True, blank=True)
    line_amount = models.DecimalField(_("received at the bank"), max_digits=20, decimal_places=6, null=True, blank=True)
    payer_name = models.CharField(_("payer"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("share of a bank line")
        verbose_name_plural = _("shares of bank lines")
        constraints = [
            models.UniqueConstraint(fields=["finding", "line"], name="share_once_per_line"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="share_is_positive"),
            models.CheckConstraint(
                condition=Q(line__isnull=False, account__isnull=True, line_amount__isnull=True, value_on__isnull=True)
                | Q(
                    line__isnull=True,
                    account__isnull=False,
                    line_amount__gte=models.F("amount"),
                    value_on__isnull=False,
                )
                & ~Q(bank_reference=""),
                name="share_is_of_a_line_or_typed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.line or self.bank_reference}"


class Approval(models.Model):
    """Somebody's yes to one finding. Who may not approve it is refused by the database."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    finding = models.ForeignKey(Finding, models.PROTECT, related_name="approvals", verbose_name=_("finding"))
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints = [models.UniqueConstraint(fields=["finding", "by"], name="approval_once_per_person")]

    def __str__(self) -> str:
        return f"{self.by} · {self.finding}"


class Allocation(models.Model):
    """What a bank line's money became, never changed. All of a line's together are at most the line."""

    class Kind(models.TextChoices):
        CREDITED = "CREDITED", _("Credited")
        RETURNED = "RETURNED", _("Sent back")
        SENT = "SENT", _("Money sent back, as the bank shows it")
        SAME = "SAME", _("The same money as another line")
        REFUND = "REFUND", _("A refund")
        BOUNCED = "BOUNCED", _("A refund that came back")
        PAYOUT = "PAYOUT", _("A payout of Stripe")
        CHARGE = "CHARGE", _("Charge or interest of the bank")
        EXCHANGE = "EXCHANGE", _("Exchange of currencies")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    line = models.ForeignKey(BankLine, models.PROTECT, related_name="allocations", verbose_name=_("bank line"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    amount = models.DecimalField(_("amount"), max_digits=20, decimal_places=6)
    order = models.ForeignKey(
        Order, models.PROTECT, null=True, blank=True, related_name="allocations", verbose_name=_("order")
    )
    finding = models.ForeignKey(
        Finding, models.PROTECT, null=True, blank=True, related_name="allocations", verbose_name=_("finding")
    )
    same_as = models.OneToOneField(
        BankLine,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="seen_again",
        verbose_name=_("the same money as"),
    )
    sends = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="sent_as", verbose_name=_("sends back")
    )
    """Of a line of money that went out: what was recorded, and posted, as sent back by it."""
    note = models.CharField(_("note"), max_length=500, blank=True)
    by = models.CharField(_("by"), max_length=254)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="allocation_is_positive"),
            models.CheckConstraint(
                condition=Q(kind="CREDITED", order__isnull=False, finding__isnull=False)
                | (~Q(kind="CREDITED") & Q(order__isnull=True, finding__isnull=True)),
                name="allocation_credited_names_its_order",
            ),
            models.CheckConstraint(
                condition=Q(kind="SAME", same_as__isnull=False) | (~Q(kind="SAME") & Q(same_as__isnull=True)),
                name="allocation_same_names_the_other",
            ),
            models.CheckConstraint(
                condition=Q(kind="SENT", sends__isnull=False) | (~Q(kind="SENT") & Q(sends__isnull=True)),
                name="allocation_sent_names_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.line}: {self.get_kind_display()}"


class Suggestion(models.Model):
    """A transfer that a bank line may be for, and why; gone when the line's pile is decided anew."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    line = models.ForeignKey(BankLine, models.CASCADE, related_name="suggestions", verbose_name=_("bank line"))
    transfer = models.ForeignKey(Transfer, models.CASCADE, related_name="suggestions", verbose_name=_("transfer"))
    reason = models.CharField(_("why"), max_length=20, choices=BankLine.Why)
    detail = models.CharField(_("detail"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        constraints = [models.UniqueConstraint(fields=["line", "transfer"], name="suggestion_once")]

    def __str__(self) -> str:
        return f"{self.line}: {self.transfer}"
