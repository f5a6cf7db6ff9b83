"""What stands on an organisation's bank sheets, version by version, and whom its transfers may come from."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id
from wallet.models.people import Organisation, User

_MORE_THAN_A_LINE = r"[\u0001-\u001f\u007f-\u009f\u2028\u2029]"
_MORE_THAN_LINES = r"[\u0001-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]"
"""In PostgreSQL's words: what a name may not hold, and what an address may not, whose lines end in U+000A alone."""


class BillingDetails(models.Model):
    """One version; the highest counts. Rows are only added: the database refuses the rest to the application."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        related_name="billing_details",
        db_index=False,
        verbose_name=_("organisation"),
    )
    version = models.PositiveIntegerField(_("version"))
    legal_name_zh = models.CharField(_("legal name in Chinese"), max_length=200, blank=True)
    legal_name_en = models.CharField(_("legal name in English"), max_length=200, blank=True)
    address = models.CharField(_("address"), max_length=500)
    tax_number = models.CharField(_("tax number"), max_length=30, blank=True)
    recorded_at = models.DateTimeField(_("recorded"))
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    by_name = models.CharField(_("name then"), max_length=254)
    """As it was then: the version keeps the name of somebody who left."""

    objects: ClassVar[models.Manager["BillingDetails"]] = models.Manager()

    class Meta:
        verbose_name = _("billing details")
        verbose_name_plural = _("billing details")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "version"], name="details_once_per_version"),
            models.CheckConstraint(condition=Q(version__gte=1), name="details_are_counted_from_one"),
            models.CheckConstraint(condition=~Q(legal_name_zh="", legal_name_en=""), name="details_have_a_legal_name"),
            models.CheckConstraint(condition=~Q(address=""), name="details_have_an_address"),
            models.CheckConstraint(
                condition=~Q(legal_name_zh__regex=_MORE_THAN_A_LINE)
                & ~Q(legal_name_en__regex=_MORE_THAN_A_LINE)
                & ~Q(tax_number__regex=_MORE_THAN_A_LINE)
                & ~Q(address__regex=_MORE_THAN_LINES),
                name="details_are_plain_lines",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.legal_name_zh or self.legal_name_en} ({self.version})"


class PayerNames(models.QuerySet["PayerName"]):
    """Reads of payer names."""

    def live(self, organisation_id: UUID) -> "PayerNames":
        return self.filter(organisation_id=organisation_id, removed_at=None)


class PayerName(models.Model):
    """A name the organisation's transfers may come from, besides its legal names. Removed ones stay, with the time."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="payer_names", verbose_name=_("organisation")
    )
    name = models.CharField(_("payer"), max_length=200)
    folded = models.CharField(_("as compared"), max_length=200)
    """What `details.fold` makes of the name."""
    added_at = models.DateTimeField(_("added"))
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    by_name = models.CharField(_("name then"), max_length=254)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)
    removed_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("removed by")
    )
    removed_by_name = models.CharField(_("remover's name then"), max_length=254, blank=True)

    objects: ClassVar[PayerNames] = PayerNames.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("payer name")
        verbose_name_plural = _("payer names")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "folded"], condition=Q(removed_at=None), name="payer_name_once_while_live"
            ),
            models.CheckConstraint(condition=~Q(folded=""), name="payer_name_can_be_compared"),
            models.CheckConstraint(condition=~Q(name__regex=_MORE_THAN_A_LINE), name="payer_name_is_one_line"),
            models.CheckConstraint(
                condition=Q(removed_at=None, removed_by=None, removed_by_name="")
                | (Q(removed_at__isnull=False, removed_by__isnull=False) & ~Q(removed_by_name="")),
                name="payer_name_removed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name
