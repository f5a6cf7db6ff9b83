"""The house's own money at the bank: charges and exchanges that a person recognised, and another confirmed."""

from decimal import Decimal
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from payments.models.banks import BankLine
from wallet.ids import new_id
from wallet.models import User


class HouseMoveQuerySet(models.QuerySet["HouseMove"]):
    """Reads of the house's moves."""

    def waiting(self) -> Self:
        return self.filter(approved_at=None, withdrawn_at=None)


class HouseMove(models.Model):
    """What a bank line was that no customer has to do with. One person says so, another approves; then it is posted.

    An exchange has two lines: the currency that left, and the one that came.
    """

    class Kind(models.TextChoices):
        CHARGE = "CHARGE", _("Charge or interest of the bank")
        EXCHANGE = "EXCHANGE", _("Exchange of currencies")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    line = models.ForeignKey(BankLine, models.PROTECT, related_name="house_moves", verbose_name=_("bank line"))
    """Of an exchange the line of the money that left."""
    came_as = models.ForeignKey(
        BankLine, models.PROTECT, null=True, blank=True, related_name="exchanges", verbose_name=_("came as")
    )
    reason = models.CharField(_("reason"), max_length=500)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("proposed by"))
    made_by_name = models.CharField(max_length=254)
    made_at = models.DateTimeField(_("proposed"))
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_by_name = models.CharField(max_length=254, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=6, null=True, blank=True)
    """Of an exchange carried out: what the money that left had cost, in the currency that came."""
    withdrawn_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("withdrawn by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    objects: ClassVar[models.Manager["HouseMove"]] = HouseMoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("movement of the house's money")
        verbose_name_plural = _("movements of the house's money")
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(withdrawn_at=None), name="house_move_once_per_line"),
            models.UniqueConstraint(
                fields=["came_as"], condition=Q(withdrawn_at=None), name="house_move_once_per_line_that_came"
            ),
            models.CheckConstraint(
                condition=Q(kind="CHARGE", came_as=None, cost=None) | Q(kind="EXCHANGE", came_as__isnull=False),
                name="house_move_exchange_has_two_lines",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="house_move_has_a_reason"),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("made_by")),
                name="house_move_approved_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None, cost=None)
                | (
                    Q(approved_by__isnull=False, approved_at__isnull=False, withdrawn_at=None)
                    & (Q(kind="CHARGE") | Q(cost__gte=0, cost__lt=10**12))
                ),
                name="house_move_done_by_its_approval",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_by=None, withdrawn_at=None)
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False),
                name="house_move_withdrawn_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.line}"

    @property
    def is_waiting(self) -> bool:
        return self.approved_at is None and self.withdrawn_at is None

    @property
    def result(self) -> Money | None:
        """Of an exchange carried out: what was gained, or below zero lost, against what the money had cost."""
        if self.came_as is None or self.cost is None:
            return None
        return self.came_as.amount - Money(Decimal(self.cost), self.came_as.amount.currency)
