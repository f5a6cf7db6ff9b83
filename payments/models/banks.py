"""What happens at the bank: our receiving accounts, the statements imported of them, and their lines."""

from decimal import Decimal
from typing import ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from payments.statements import lines
from payments.statements.columns import Profile
from wallet import bank_numbers, chart
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class BankAccount(models.Model):
    """One of our accounts that customers transfer to; the ledger's account is `bank:<code>`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(
        _("code"),
        max_length=30,
        unique=True,
        validators=[
            RegexValidator(
                r"\A[a-z0-9]+(-[a-z0-9]+)*\Z", _("Lower-case letters and digits, with hyphens between them.")
            )
        ],
    )
    """Its name in the ledger; it never changes."""
    currency = models.CharField(_("currency"), max_length=3, choices=[("CNY", "CNY ¥"), ("USD", "USD $")])
    legal_entity = models.CharField(_("legal entity"), max_length=120)
    payee_zh = models.CharField(_("payee in Chinese"), max_length=120, blank=True)
    payee_en = models.CharField(_("payee in English"), max_length=120, blank=True)
    bank_zh = models.CharField(_("bank and branch in Chinese"), max_length=160, blank=True)
    bank_en = models.CharField(_("bank and branch in English"), max_length=160, blank=True)
    bank_address = models.CharField(_("bank's address"), max_length=240, blank=True)
    number = models.CharField(_("account number"), max_length=40)
    cnaps = models.CharField(
        _("CNAPS code"),
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"\A[0-9]{12}\Z", _("A CNAPS code has 12 digits."))],
    )
    swift = models.CharField(
        _("SWIFT code"),
        max_length=11,
        blank=True,
        validators=[
            RegexValidator(
                r"\A[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?\Z", _("A SWIFT code has 8 or 11 capital letters and digits.")
            )
        ],
    )
    profile = models.CharField(_("CSV export"), max_length=10, choices=Profile, default=Profile.GENERIC)
    """How the bank's CSV export looks; MT940 and CAMT.053 need none."""
    columns = models.JSONField(_("CSV columns"), default=dict, blank=True)
    """The column mapping of a generic CSV, as last used."""
    fee_tolerance = models.DecimalField(_("bank fee we bear at most"), max_digits=14, decimal_places=2, default=0)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    """Customers are shown the first open account of their currency."""
    is_open = models.BooleanField(_("shown to customers"), default=True)

    class Meta:
        verbose_name = _("receiving account")
        verbose_name_plural = _("receiving accounts")
        ordering = ["currency", "position", "code"]
        constraints = [
            models.UniqueConstraint(fields=["id", "currency"], name="bank_account_has_one_currency"),
            models.CheckConstraint(condition=~Q(payee_zh="", payee_en=""), name="bank_account_names_its_payee"),
            models.CheckConstraint(condition=~Q(bank_zh="", bank_en=""), name="bank_account_names_its_bank"),
            models.CheckConstraint(condition=~Q(cnaps="", swift=""), name="bank_account_can_be_reached"),
            models.CheckConstraint(
                condition=Q(fee_tolerance__gte=0, fee_tolerance__lt=10**12), name="bank_account_tolerance_is_finite"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.currency} · …{self.number[-4:]}"

    @property
    def ledger_code(self) -> str:
        return chart.bank(self.code)

    @property
    def tolerance(self) -> Money:
        return Money(self.fee_tolerance, self.currency)


class StatementFile(models.Model):
    """A statement that was imported, whole. How many of its lines the ledger has is asked of the lines."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(BankAccount, models.PROTECT, related_name="files", verbose_name=_("receiving account"))
    name = models.CharField(_("file"), max_length=200)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    size = models.PositiveIntegerField(_("bytes"))
    format = models.CharField(_("format"), max_length=20)
    first_day = models.DateField(_("from"))
    last_day = models.DateField(_("to"))
    opening = models.DecimalField(_("opening balance"), max_digits=20, decimal_places=2)
    closing = models.DecimalField(_("closing balance"), max_digits=20, decimal_places=2)
    lines_read = models.PositiveIntegerField(_("lines read"))
    lines_added = models.PositiveIntegerField(_("new lines"))
    imported_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("imported by"))
    imported_at = models.DateTimeField(_("imported"))

    class Meta:
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")
        constraints = [models.UniqueConstraint(fields=["account", "sha256"], name="statement_file_once_per_account")]
        indexes = [models.Index(fields=["account", "-last_day"], name="statement_file_newest")]

    def __str__(self) -> str:
        return f"{self.account.code} {self.first_day}–{self.last_day}"


class BankLineQuerySet(models.QuerySet["BankLine"]):
    def incoming(self) -> Self:
        return self.filter(direction=BankLine.Direction.IN)

    def with_rest(self) -> Self:
        """Lines whose money is not spoken for, or not all of it."""
        return self.incoming().filter(allocated__lt=F("amount"))

    def numbered(self, bank_reference: str) -> Self:
        """Lines with the bank's number, however it is written."""
        return self.filter(folded_number=bank_numbers.fold(bank_reference)).exclude(folded_number="")

    def to_hold(self) -> Self:
        """Lines that the ledger does not know yet."""
        return self.with_rest().filter(held_by__isnull=True).order_by("id")


class BankLine(models.Model):
    """One movement at the bank, which becomes money once. Its allocations never exceed it.

    A line typed by hand has no `file`, until a statement confirms it.
    """

    Direction = lines.Direction

    class Pile(models.TextChoices):
        BOOKED = "BOOKED", _("Already booked")
        EXACT = "EXACT", _("Exact")
        NEAR = "NEAR", _("Near")
        NONE = "NONE", _("Fits no order")
        OTHER = "OTHER", _("Not from customers")

    class Why(models.TextChoices):
        """Why a line lies in its pile, or why a transfer is suggested for it; `detail` says how much or which."""

        QUOTED = "QUOTED", _("It quotes the reference, and the amount agrees")
        SHORT = "SHORT", _("It quotes the reference, but is short")
        OVER = "OVER", _("It quotes the reference, but is over")
        OTHER_CURRENCY = "OTHER_CURRENCY", _("It quotes a reference of another currency")
        LATE = "LATE", _("It quotes the reference of an order that has ended")
        PAID_BEFORE = "PAID_BEFORE", _("It quotes the reference of an order that is paid already")
        QUOTED_TWICE = "QUOTED_TWICE", _("Another bank line quotes the same reference")
        MISTYPED = "MISTYPED", _("It quotes a reference with one character wrong")
        BANK_NUMBER = "BANK_NUMBER", _("The customer declared the bank's number")
        PAYER = "PAYER", _("The payer is known, and the amount agrees")
        SEVERAL = "SEVERAL", _("It may be one of several transfers")
        MAYBE_TYPED = "MAYBE_TYPED", _("It may be a transfer that was approved by hand")
        TYPED_OTHERWISE = "TYPED_OTHERWISE", _("It was typed by hand with another amount")
        MONEY_OUT = "MONEY_OUT", _("Money went out")
        REVERSAL = "REVERSAL", _("The bank takes back an earlier line")
        CHARGE = "CHARGE", _("Charges or interest of the bank")
        PAYOUT = "PAYOUT", _("A payout of Stripe")

    BY_REFERENCE = (
        *(Why.QUOTED, Why.SHORT, Why.OVER, Why.OTHER_CURRENCY, Why.LATE, Why.PAID_BEFORE, Why.QUOTED_TWICE),
    )
    """Reasons that name whose money it is beyond doubt: the customer wrote our reference himself."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(BankAccount, models.PROTECT, related_name="lines", verbose_name=_("receiving account"))
    direction = models.CharField(_("direction"), max_length=3, choices=Direction)
    is_reversal = models.BooleanField(_("reversal"), default=False)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    allocated = models.DecimalField(_("allocated"), max_digits=20, decimal_places=6, default=0)
    """How much of it its allocations have used; only the database writes it, with each allocation."""
    booked_on = models.DateField(_("booked on"))
    value_on = models.DateField(_("value date"))
    bank_reference = models.CharField(_("bank's number"), max_length=100, blank=True)
    folded_number = models.GeneratedField(
        expression=bank_numbers.folded("bank_reference"), output_field=models.CharField(max_length=100), db_persist=True
    )
    occurrence = models.PositiveIntegerField(_("occurrence"), default=1)
    """Its number among equal lines of its file: two equal transfers on one day exist."""
    payer_name = models.CharField(_("payer"), max_length=200, blank=True)
    payer_account = models.CharField(_("payer's account"), max_length=60, blank=True)
    text = models.CharField(_("text"), max_length=2000, blank=True)
    file = models.ForeignKey(
        StatementFile, models.PROTECT, null=True, blank=True, related_name="lines", verbose_name=_("bank statement")
    )
    line_number = models.PositiveIntegerField(_("line in the file"), null=True, blank=True)
    entered_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("typed by")
    )
    created_at = models.DateTimeField(_("known since"))
    pile = models.CharField(_("pile"), max_length=6, choices=Pile)
    pile_reason = models.CharField(_("why"), max_length=20, choices=Why, blank=True)
    pile_detail = models.CharField(_("detail"), max_length=200, blank=True)
    sorted_at = models.DateTimeField(_("sorted"), null=True, blank=True)
    """When its pile was decided; a transfer that is newer may change it."""
    held_by = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("in the suspense of")
    )
    """Whose suspense account holds what is not allocated; NULL while the ledger does not know the line."""
    kept_for = models.ForeignKey(
        "payments.Transfer", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("kept for")
    )
    """The transfer whose other parts are waited for: its organisation's suspense holds what is left."""

    objects: ClassVar[models.Manager["BankLine"]] = BankLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("bank line")
        verbose_name_plural = _("bank lines")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "bank_reference", "amount", "direction", "booked_on", "occurrence"],
                name="bank_line_once",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lt=10**12), name="bank_line_amount_is_positive"),
            models.CheckConstraint(
                condition=Q(allocated__gte=0, allocated__lte=F("amount")), name="bank_line_is_spent_once"
            ),
            models.CheckConstraint(
                condition=Q(file__isnull=False) | Q(entered_by__isnull=False), name="bank_line_has_a_source"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-booked_on"], name="bank_line_by_day"),
            models.Index(fields=["pile", "booked_on"], name="bank_line_pile", condition=~Q(pile="BOOKED")),
            models.Index(fields=["id"], name="bank_line_to_hold", condition=Q(held_by__isnull=True, direction="IN")),
            models.Index(
                fields=["amount"], name="bank_line_with_rest", condition=Q(direction="IN", allocated__lt=F("amount"))
            ),
            models.Index(fields=["folded_number"], name="bank_line_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.account.code} {self.booked_on} {self.amount} {self.bank_reference}"

    @property
    def rest(self) -> Money:
        """What nobody has been credited with, and nobody been sent back."""
        return Money(self.amount.amount - Decimal(self.allocated), self.amount.currency)

    @property
    def is_on_statement(self) -> bool:
        return self.file_id is not None
