"""The daily close: what did not agree on a business day, who looks after it, and who signed the day."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from billing.models import Order
from payments.models.banks import BankLine
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import User


class DayClose(models.Model):
    """One business day, Asia/Shanghai. While it is open it may be drawn up anew; signed, it is never changed but by
    somebody else's withdrawal, which opens owners and notes again and no posting.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", pgettext_lazy("day", "Open")
        SIGNED = "SIGNED", _("Signed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    day = models.DateField(_("business date"), unique=True)
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.OPEN)
    figures = models.JSONField(_("figures"), default=list)
    """The rows of the comparison as drawn up last: what `closing.figures.Row` has, amounts as text."""
    drawn_up_at = models.DateTimeField(_("drawn up"))
    signed_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("signed by")
    )
    signed_at = models.DateTimeField(_("signed"), null=True, blank=True)
    seal = models.CharField(_("hash of the sealed day"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("daily close")
        verbose_name_plural = _("daily closes")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="OPEN", signed_by__isnull=True, signed_at__isnull=True)
                | Q(state="SIGNED", signed_by__isnull=False, signed_at__isnull=False) & ~Q(seal=""),
                name="day_close_signed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}"

    @property
    def is_signed(self) -> bool:
        return self.state == DayClose.State.SIGNED


class CloseAct(models.Model):
    """Who signed a day and who withdrew that, never changed."""

    class Kind(models.TextChoices):
        SIGNED = "SIGNED", _("Signed")
        WITHDRAWN = "WITHDRAWN", _("Signature withdrawn")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    close = models.ForeignKey(DayClose, models.PROTECT, related_name="acts", verbose_name=_("daily close"))
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    by_name = models.CharField(max_length=254)
    at = models.DateTimeField(_("when"))
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("act on a daily close")
        verbose_name_plural = _("acts on daily closes")

    def __str__(self) -> str:
        return f"{self.close}: {self.get_kind_display()}"


class DifferenceQuerySet(models.QuerySet["Difference"]):
    def open(self) -> Self:
        """What still does not agree."""
        return self.filter(gone_at__isnull=True)

    def unexplained(self) -> Self:
        """What keeps its day from being signed: no timing, and nobody said who looks after it and why."""
        return self.open().exclude(is_timing=True).filter(Q(owner__isnull=True) | Q(note=""))


class Difference(models.Model):
    """Something that one side has and another has not, or has otherwise, as found for one daily close.

    `key` is the same in every close that finds it again; `since` is the first business day that found it: its age.
    """

    class Kind(models.TextChoices):
        ORDER_UNPOSTED = "ORDER_UNPOSTED", _("The ledger has no credit of this order, or another amount")
        POSTING_ORPHANED = "POSTING_ORPHANED", _("The ledger has a credit that no paid order has")
        PAYMENT_UNKNOWN_THERE = "PAYMENT_UNKNOWN_THERE", _("Confirmed here, but Stripe lists no such charge")
        CHARGE_UNKNOWN_HERE = "CHARGE_UNKNOWN_HERE", _("Stripe lists a charge that no payment here has")
        CHARGE_HELD = "CHARGE_HELD", _("Paid at Stripe, does not agree with its order, and is in suspense")
        CHARGE_GIVEN_BACK = "CHARGE_GIVEN_BACK", _("Paid at Stripe, credited to nobody, and given back")
        REFUND_UNKNOWN_THERE = "REFUND_UNKNOWN_THERE", _("Refunded here, but Stripe lists no such refund")
        NAMED_TRANSACTION = "NAMED_TRANSACTION", _("A balance transaction of Stripe's that is not posted")
        FEE_AT_STRIPE = "FEE_AT_STRIPE", _("Stripe's fee and the fee in the ledger differ")
        PAYOUT_LATE = "PAYOUT_LATE", _("A payout has not arrived at the bank in time")
        PAYOUT_FAILED = "PAYOUT_FAILED", _("A payout failed after it was at the bank, and was not taken back there yet")
        PAYOUT_UNKNOWN = "PAYOUT_UNKNOWN", _("The bank received a payout of Stripe's that fits none known here")
        STATEMENT_MISSING = "STATEMENT_MISSING", _("No statement of the account covers the day")
        LINE_UNPOSTED = "LINE_UNPOSTED", _("A bank line that is not in the ledger")
        LINE_WAITING = "LINE_WAITING", _("At the bank, and credited to nobody yet")
        LINE_TYPED = "LINE_TYPED", _("Typed by hand, and on no statement yet")
        BANK_REFUND = "BANK_REFUND", _("Refunded by transfer, and on no statement yet")
        SENT_BACK = "SENT_BACK", _("Sent back by transfer, and on no statement yet")
        OTHER_DAY = "OTHER_DAY", _("Counted on another day by the other side")
        SUMS = "SUMS", _("The sums differ, and no single fact says why")
        AUDIT = "AUDIT", _("The audit of the ledger found a difference")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    close = models.ForeignKey(DayClose, models.PROTECT, related_name="differences", verbose_name=_("daily close"))
    key = models.CharField(_("key"), max_length=200)
    kind = models.CharField(_("kind"), max_length=22, choices=Kind)
    is_timing = models.BooleanField(_("timing"), default=False)
    """Only because one side is a day behind: it has to be gone the next day."""
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    subject = models.CharField(_("about"), max_length=200)
    """Order number, charge, payout, bank line: as people search for it."""
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    facts = models.JSONField(_("facts"), default=dict, db_default={}, blank=True)
    """What `closing.words` tells subject and detail from, in its reader's language."""
    since = models.DateField(_("since"))
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("order"))
    line = models.ForeignKey(
        BankLine, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("bank line")
    )
    owner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("owner"))
    note = models.CharField(_("note"), max_length=500, blank=True)
    noted_at = models.DateTimeField(_("noted"), null=True, blank=True)
    found_at = models.DateTimeField(_("found"))
    gone_at = models.DateTimeField(_("gone"), null=True, blank=True)

    objects: ClassVar[models.Manager["Difference"]] = DifferenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints = [
            models.UniqueConstraint(fields=["close", "key"], name="difference_once_per_close"),
            models.CheckConstraint(
                condition=Q(gone_at__isnull=True) | Q(gone_at__gte=F("found_at")), name="difference_gone_after_found"
            ),
        ]
        indexes = [models.Index(fields=["close", "kind"], name="difference_of_close")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.get_kind_display()}"


class DigestMail(models.Model):
    """The morning's mail to one person of finance. Whoever moves `claimed_at` on sends it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    day = models.DateField(_("morning of"))
    person = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("to"))
    claimed_at = models.DateTimeField(_("taken up"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("morning mail")
        verbose_name_plural = _("morning mails")
        constraints = [models.UniqueConstraint(fields=["day", "person"], name="digest_once_a_morning")]
        indexes = [models.Index(fields=["claimed_at"], name="digest_unsent", condition=Q(sent_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.day} → {self.person}"
