"""The ledger's rows. Only the database's own functions write them; see wallet/ledger.py and wallet/sql/."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _
from djmoney.models.fields import MoneyField
from djmoney.money import Money

from wallet.ids import new_id
from wallet.models.people import Organisation


class Side(models.TextChoices):
    """The two sides of an account."""

    DEBIT = "DEBIT", _("Debit")
    CREDIT = "CREDIT", _("Credit")


class AccountClass(models.TextChoices):
    """What an account is in the books."""

    ASSET = "ASSET", _("Asset")
    LIABILITY = "LIABILITY", _("Liability")
    INCOME = "INCOME", _("Income")
    EXPENSE = "EXPENSE", _("Expense")
    TRADING = "TRADING", _("Trading")


def _amount(name: Any) -> Any:
    return MoneyField(name, max_digits=20, decimal_places=6, currency_field_name="currency", currency_choices=[])


class Accounts(models.QuerySet["Account"]):
    """Reads of accounts."""

    def of(self, organisation_id: UUID) -> Self:
        return self.filter(organisation_id=organisation_id)

    def balance(self, *, organisation_id: UUID, code: str, currency: str) -> Money:
        """What the account holds, on its normal side; zero while nothing was ever posted to it."""
        found = self.of(organisation_id).filter(code=code, currency=currency).values_list("balance", flat=True)
        return Money(next(iter(found), 0), currency)


class Account(models.Model):
    """Where money is: one code in one currency in one organisation. The balance counts its normal side as plus."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="accounts", db_index=False, verbose_name=_("organisation")
    )
    code = models.CharField(_("code"), max_length=80)
    account_class = models.CharField(_("class"), max_length=10, choices=AccountClass)
    normal_side = models.CharField(_("normal side"), max_length=6, choices=Side)
    guarded = models.BooleanField(_("never below zero"))
    balance: "models.Field[Money, Money]" = _amount(_("balance"))
    entry_count = models.BigIntegerField(_("entries"))
    opened_at = models.DateTimeField(_("opened"))

    objects: ClassVar[Accounts] = Accounts.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "code", "currency"], name="account_once_per_organisation_code_currency"
            ),
            models.UniqueConstraint(fields=["id", "organisation", "currency"], name="account_target_of_entries"),
            models.CheckConstraint(
                condition=models.Q(guarded=False) | models.Q(balance__gte=0), name="account_guarded_never_below_zero"
            ),
            # 'NaN' is above every number in PostgreSQL, so an upper bound refuses it.
            models.CheckConstraint(
                condition=models.Q(balance__gt=-(10**13), balance__lt=10**13), name="account_balance_in_range"
            ),
            models.CheckConstraint(condition=models.Q(currency__regex="^[A-Z]{3}$"), name="account_currency_is_a_code"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.balance.currency}"


class Posting(models.Model):
    """One business fact in the ledger: a set of entries that sums to zero in every currency."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="postings", db_index=False, verbose_name=_("organisation")
    )
    key = models.CharField(_("key"), max_length=200)
    content_hash = models.BinaryField(_("content hash"), max_length=32)
    kind = models.CharField(_("kind"), max_length=40)
    order_number = models.CharField(_("order"), max_length=40, blank=True)
    reverses = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="reversed_by",
        verbose_name=_("reverses"),
    )
    memo = models.CharField(_("memo"), max_length=500, blank=True)
    by = models.CharField(_("by"), max_length=200, blank=True)
    posted_at = models.DateTimeField(_("posted"))
    business_date = models.DateField(_("business date"))

    objects: ClassVar[models.Manager["Posting"]] = models.Manager()

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key"], name="posting_once_per_key"),
            models.UniqueConstraint(fields=["id", "organisation"], name="posting_target_of_entries"),
            models.UniqueConstraint(
                fields=["organisation", "reverses"],
                condition=models.Q(reverses__isnull=False),
                name="posting_reversed_once",
            ),
            models.CheckConstraint(condition=models.Q(key__regex="^[!-~]+$"), name="posting_key_is_printable_ascii"),
            models.CheckConstraint(condition=~models.Q(kind=""), name="posting_kind_is_given"),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "order_number"], condition=~models.Q(order_number=""), name="posting_by_order"
            ),
            models.Index(fields=["business_date", "organisation"], name="posting_by_day"),
        ]

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """One line of a posting: an amount on one side of an account, and the account's balance after it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("organisation"),
    )
    posting = models.ForeignKey(
        Posting,
        models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
        verbose_name=_("posting"),
    )
    line = models.SmallIntegerField(_("line"))
    account = models.ForeignKey(
        Account,
        models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
        verbose_name=_("account"),
    )
    position = models.BigIntegerField(_("position"))
    side = models.CharField(_("side"), max_length=6, choices=Side)
    amount: "models.Field[Money, Money]" = _amount(_("amount"))
    balance_after: "models.Field[Money, Money]" = _amount(_("balance after"))

    objects: ClassVar[models.Manager["Entry"]] = models.Manager()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = [
            models.UniqueConstraint(fields=["posting", "line"], name="entry_once_per_line"),
            models.UniqueConstraint(fields=["account", "position"], name="entry_once_per_position"),
            models.CheckConstraint(condition=models.Q(side__in=Side.values), name="entry_side_is_known"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, amount__lt=10**13), name="entry_amount_above_zero_in_range"
            ),
            models.CheckConstraint(
                condition=models.Q(balance_after__gt=-(10**13), balance_after__lt=10**13),
                name="entry_balance_after_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.amount}"


class SealedDay(models.Model):
    """A day signed off: its hash holds the hash of the day before, its postings and their entries."""

    day = models.DateField(_("day"), primary_key=True)
    posting_count = models.BigIntegerField(_("postings"))
    hash = models.BinaryField(_("hash"), max_length=32)
    by = models.CharField(_("by"), max_length=200)
    sealed_at = models.DateTimeField(_("sealed"))

    class Meta:
        verbose_name = _("sealed day")
        verbose_name_plural = _("sealed days")

    def __str__(self) -> str:
        return str(self.day)
