"""Fapiao of orders paid in RMB: asked for here, made in the tax office's own system, and handed out here."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from billing.models.documents import LegalEntity
from billing.models.orders import Order
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class Fapiaos(models.QuerySet["Fapiao"]):
    """Reads of fapiao."""

    def light(self) -> "Fapiaos":
        """Without the files, which only whoever saves one needs."""
        return self.defer("file")

    def waiting(self) -> "Fapiaos":
        """Finance has to issue or reject them."""
        return self.filter(state=Fapiao.State.REQUESTED)

    def counting(self) -> "Fapiaos":
        """What was issued and stands, and what is asked for."""
        return self.filter(state__in=Fapiao.COUNTING)


class Fapiao(models.Model):
    """One fapiao, of a part of an order's money or all of it. What was asked for and what was issued never changes;
    only how far it got does.
    """

    class Kind(models.TextChoices):
        PLAIN = "PLAIN", _("Plain VAT fapiao")
        SPECIAL = "SPECIAL", _("Special VAT fapiao")

    class Buyer(models.TextChoices):
        COMPANY = "COMPANY", _("A company or organisation")
        INDIVIDUAL = "INDIVIDUAL", _("An individual, without a tax number")

    class State(models.TextChoices):
        REQUESTED = "REQUESTED", pgettext_lazy("fapiao", "Asked for")
        ISSUED = "ISSUED", pgettext_lazy("fapiao", "Issued")
        REVERSED = "REVERSED", _("Reversed by a red-letter fapiao")
        REJECTED = "REJECTED", _("Rejected")
        WITHDRAWN = "WITHDRAWN", _("Withdrawn")

    class FileKind(models.TextChoices):
        PDF = "PDF", "PDF"
        OFD = "OFD", "OFD"

    COUNTING = (State.REQUESTED, State.ISSUED)

    LARGEST_FILE = 2 * 1024 * 1024
    """In bytes, as it is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="fapiaos", verbose_name=_("order"))
    place = models.PositiveSmallIntegerField(_("sequence"))
    """Counted from one within the order: its name in addresses."""
    entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+", verbose_name=_("issued by"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REQUESTED)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    buyer = models.CharField(_("made out to"), max_length=10, choices=Buyer)
    title = models.CharField(pgettext_lazy("fapiao", "title"), max_length=200)
    """抬头: the buyer's name as the fapiao bears it."""
    tax_number = models.CharField(_("taxpayer number"), max_length=18, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    phone = models.CharField(_("telephone"), max_length=40, blank=True)
    bank = models.CharField(_("bank and branch"), max_length=200, blank=True)
    bank_account = models.CharField(_("bank account"), max_length=40, blank=True)
    amount: "models.Field[Money, Money]" = money_field(_("amount"))
    """As charged, tax included."""
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("asked for by"))
    asked_by_name = models.CharField(_("name then"), max_length=254)
    asked_at = models.DateTimeField(_("asked for"))
    form_token = models.CharField(max_length=64, unique=True, editable=False)
    number = models.CharField(_("fapiao number"), max_length=20, null=True, blank=True, unique=True)  # NULL: none yet
    issued_on = models.DateField(_("date of the fapiao"), null=True, blank=True)
    issued_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("recorded by")
    )
    issued_by_name = models.CharField(_("recorder's name then"), max_length=254, blank=True)
    issued_at = models.DateTimeField(_("recorded"), null=True, blank=True)
    file_kind = models.CharField(_("kind of file"), max_length=3, choices=FileKind, blank=True)
    file = models.BinaryField(_("file"), null=True, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    """Of the file as it is kept."""
    ended_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended by")
    )
    ended_by_name = models.CharField(_("ender's name then"), max_length=254, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    """When it was rejected, withdrawn, or reversed."""
    red_number = models.CharField(_("red-letter number"), max_length=20, null=True, blank=True, unique=True)
    red_on = models.DateField(_("date of the red-letter fapiao"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    """Why it was rejected or reversed; the customer reads it."""

    objects: ClassVar[Fapiaos] = Fapiaos.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("fapiao")
        verbose_name_plural = pgettext_lazy("plural", "fapiao")
        constraints = [
            models.UniqueConstraint(fields=["order", "place"], name="fapiao_once_per_place"),
            models.CheckConstraint(
                condition=Q(state__in=["REQUESTED", "ISSUED", "REVERSED", "REJECTED", "WITHDRAWN"]),
                name="fapiao_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lt=10**12, amount_currency="CNY"), name="fapiao_amount_is_in_rmb"
            ),
            models.CheckConstraint(condition=~Q(title=""), name="fapiao_has_a_title"),
            models.CheckConstraint(
                condition=Q(kind="PLAIN", buyer="INDIVIDUAL", tax_number="")
                | Q(
                    kind__in=["PLAIN", "SPECIAL"],
                    buyer="COMPANY",
                    tax_number__regex="^[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}$",
                ),
                name="fapiao_company_has_a_tax_number",
            ),
            models.CheckConstraint(
                condition=~Q(kind="SPECIAL") | ~(Q(address="") | Q(phone="") | Q(bank="") | Q(bank_account="")),
                name="fapiao_special_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["ISSUED", "REVERSED"],
                    number__isnull=False,
                    issued_on__isnull=False,
                    issued_by__isnull=False,
                    issued_at__isnull=False,
                    file__isnull=False,
                    file_kind__in=["PDF", "OFD"],
                )
                | Q(
                    state__in=["REQUESTED", "REJECTED", "WITHDRAWN"],
                    number__isnull=True,
                    issued_on__isnull=True,
                    issued_by__isnull=True,
                    issued_at__isnull=True,
                    file__isnull=True,
                    file_kind="",
                ),
                name="fapiao_issued_with_all_its_facts",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["REQUESTED", "ISSUED"], ended_by__isnull=True, ended_at__isnull=True)
                | Q(state__in=["REVERSED", "REJECTED", "WITHDRAWN"], ended_by__isnull=False, ended_at__isnull=False),
                name="fapiao_ended_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state="REVERSED", red_number__isnull=False, red_on__isnull=False)
                | Q(~Q(state="REVERSED"), red_number__isnull=True, red_on__isnull=True),
                name="fapiao_reversed_by_a_red_letter",
            ),
            models.CheckConstraint(
                condition=Q(~Q(reason=""), state__in=["REVERSED", "REJECTED"])
                | Q(reason="", state__in=["REQUESTED", "ISSUED", "WITHDRAWN"]),
                name="fapiao_ended_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(number__isnull=True) | Q(number__regex="^([0-9]{8}|[0-9]{20})$"),
                name="fapiao_number_is_digits",
            ),
            models.CheckConstraint(
                condition=Q(red_number__isnull=True) | Q(red_number__regex="^([0-9]{8}|[0-9]{20})$"),
                name="fapiao_red_number_is_digits",
            ),
        ]
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(state="REQUESTED"), name="fapiao_waiting"),
        ]

    def __str__(self) -> str:
        return self.number or f"{self.order} · {self.place}"

    @property
    def may_be_withdrawn(self) -> bool:
        return self.state == self.State.REQUESTED
