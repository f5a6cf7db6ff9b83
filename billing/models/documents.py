"""Receipts and refund notes as they were issued, who issues them, and how far each series of numbers has come."""

from typing import ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from billing.models.orders import Order
from wallet.ids import new_id
from wallet.models import Organisation


class DocumentKind(models.TextChoices):
    RECEIPT = "RECEIPT", _("Receipt")
    REFUND_NOTE = "REFUND_NOTE", _("Refund note")


class LegalEntityQuerySet(models.QuerySet["LegalEntity"]):
    """Reads of legal entities."""

    def incomplete(self) -> Self:
        """Their documents lack what a reader looks for in them: they are issued all the same."""
        return self.filter(Q(address="") | Q(tax_number=""))


class LegalEntity(models.Model):
    """One of our companies. Its documents are numbered by its code."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(
        _("code"),
        max_length=8,
        unique=True,
        validators=[RegexValidator(r"\A[A-Z][A-Z0-9]*\Z", _("Capital letters and digits, beginning with a letter."))],
    )
    """Part of the numbers of its documents; it never changes."""
    name_zh = models.CharField(_("name in Chinese"), max_length=120, blank=True)
    name_en = models.CharField(_("name in English"), max_length=120, blank=True)
    address = models.CharField(_("address"), max_length=240, blank=True)
    tax_number = models.CharField(_("tax number"), max_length=30, blank=True)
    issues_by_default = models.BooleanField(_("issues for cards and moves"), default=False)
    """One row: transfers are documented by the entity of the bank account that received them, all else by this one."""

    objects: ClassVar[models.Manager["LegalEntity"]] = LegalEntityQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("company", "legal entity")
        verbose_name_plural = _("legal entities")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(name_zh="", name_en=""), name="entity_has_a_name"),
            models.CheckConstraint(condition=Q(code__regex="^[A-Z][A-Z0-9]*$"), name="entity_code_is_plain"),
            models.UniqueConstraint(
                fields=["issues_by_default"],
                condition=Q(issues_by_default=True),
                name="entity_default_is_one",
                violation_error_message=_("Another legal entity issues for cards and moves now"),
            ),
            models.UniqueConstraint(fields=["name_zh"], condition=~Q(name_zh=""), name="entity_once_per_name_zh"),
            models.UniqueConstraint(fields=["name_en"], condition=~Q(name_en=""), name="entity_once_per_name_en"),
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.name}"

    @property
    def lacks(self) -> list[str | Promise]:
        """What is missing on its documents, in words."""
        said = {_("address"): self.address, _("tax number"): self.tax_number}
        return [name for name, value in said.items() if not value]

    @property
    def name(self) -> str:
        """In the reader's language where there is one."""
        names = (self.name_en, self.name_zh)
        return next(filter(None, reversed(names) if (get_language() or "").startswith("zh") else names), "")


class DocumentSeries(models.Model):
    """The last number of one kind in one year of one legal entity. Issuing locks the row, so that no number is lost."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="series")
    kind = models.CharField(max_length=12, choices=DocumentKind)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager["DocumentSeries"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "kind", "year"], name="series_once_per_entity_kind_year"),
        ]

    def __str__(self) -> str:
        return f"{self.entity_id} {self.kind} {self.year}: {self.last}"


class IssuingMark(models.Model):
    """How far issuing has come: whatever was paid (refunded) before `at` has its document."""

    kind = models.CharField(max_length=12, choices=DocumentKind, primary_key=True)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager["IssuingMark"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.kind}: {self.at}"


class Document(models.Model):
    """One receipt or refund note, kept as issued: the database lets it be added and never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="documents", verbose_name=_("order"))
    refund_number = models.CharField(_("refund"), max_length=24, blank=True)
    """Of a refund note; empty for a receipt."""
    kind = models.CharField(_("kind"), max_length=12, choices=DocumentKind)
    entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+", verbose_name=_("issued by"))
    year = models.PositiveSmallIntegerField(_("year"))
    sequence = models.PositiveIntegerField(_("sequence"))
    number = models.CharField(_("number"), max_length=30, unique=True)
    dated_on = models.DateField(_("day of the fact"))
    """The business day on which the money came, or went back."""
    language = models.CharField(_("language"), max_length=10)
    content = models.JSONField(_("content"))
    """What it says: `papers.Paper` as JSON."""
    pdf = models.BinaryField(_("file"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    issued_at = models.DateTimeField(_("issued"))

    objects: ClassVar[models.Manager["Document"]] = models.Manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints = [
            models.UniqueConstraint(fields=["entity", "kind", "year", "sequence"], name="document_once_per_number"),
            models.UniqueConstraint(fields=["order"], condition=Q(kind="RECEIPT"), name="document_one_receipt"),
            models.UniqueConstraint(fields=["refund_number"], condition=~Q(refund_number=""), name="document_one_note"),
            models.CheckConstraint(condition=Q(kind__in=DocumentKind.values), name="document_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind="RECEIPT", refund_number="") | (Q(kind="REFUND_NOTE") & ~Q(refund_number="")),
                name="document_notes_name_a_refund",
            ),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="document_numbers_begin_at_one"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="document_has_its_hash"),
        ]
        indexes = [models.Index(fields=["organisation", "dated_on", "id"], name="document_by_day")]

    def __str__(self) -> str:
        return self.number

    @property
    def title(self) -> str | Promise:
        return DocumentKind(self.kind).label
