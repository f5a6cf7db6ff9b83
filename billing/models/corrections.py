"""Money credited to the wrong balance, put right by two people of finance."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models.orders import Order
from wallet.ids import new_id
from wallet.models import Organisation, User


class Corrections(models.QuerySet["Correction"]):
    """Reads of corrections."""

    def waiting(self) -> "Corrections":
        return self.filter(approved_at__isnull=True, withdrawn_at__isnull=True)


class Correction(models.Model):
    """Takes the credit of an order back and credits another balance of the same organisation by an order that follows.

    One person proposes, another approves; that happens while the money is unspent, or not at all.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="corrections", verbose_name=_("order"))
    target = models.CharField(_("right balance"), max_length=80)
    reason = models.CharField(_("reason"), max_length=500)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("proposed by"))
    made_by_name = models.CharField(max_length=254)
    made_at = models.DateTimeField(_("proposed"))
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_by_name = models.CharField(max_length=254, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    credited_order = models.OneToOneField(
        Order, models.PROTECT, null=True, blank=True, related_name="corrected_by", verbose_name=_("credited order")
    )
    withdrawn_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("withdrawn by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    objects: ClassVar[Corrections] = Corrections.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(withdrawn_at__isnull=True), name="correction_once_per_order"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("made_by")),
                name="correction_approved_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True, credited_order__isnull=True)
                | Q(
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                    credited_order__isnull=False,
                    withdrawn_at__isnull=True,
                ),
                name="correction_done_by_its_approval",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="correction_withdrawn_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="correction_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.order} → {self.target}"

    @property
    def is_waiting(self) -> bool:
        return self.approved_at is None and self.withdrawn_at is None
