"""What was done at finance's desk, and by whom."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.banks import BankLine
from payments.models.transfers import Transfer
from wallet.ids import new_id
from wallet.models import User


class DeskAct(models.Model):
    """Who in finance looked at a transfer or a bank line or did something with it, and when. Never changed."""

    class Kind(models.TextChoices):
        LOOKED = "LOOKED", _("Looked at it")
        LOOKED_AT_SLIP = "LOOKED_AT_SLIP", _("Looked at the slip")
        TOOK = "TOOK", _("Took it")
        GAVE_BACK = "GAVE_BACK", _("Gave it back")
        FOUND = "FOUND", _("Gave the received facts")
        WITHDREW = "WITHDREW", _("Withdrew it")
        APPROVED = "APPROVED", _("Approved")
        REJECTED = "REJECTED", _("Rejected")
        KEPT = "KEPT", _("Kept the money until the rest arrives")
        RETURNED = "RETURNED", _("Recorded that it was sent back")
        SENT = "SENT", _("Recognised it as money sent back")
        SAME = "SAME", _("Recognised it as the money of another line")
        PAYOUT = "PAYOUT", _("Recognised it as a payout of Stripe")
        HOUSE = "HOUSE", _("Said that it is the house's own money")
        REFUND_PAID = "REFUND_PAID", _("Recorded it as a refund paid")
        REFUND_RETURNED = "REFUND_RETURNED", _("Recorded it as a refund that came back")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transfer = models.ForeignKey(Transfer, models.PROTECT, null=True, blank=True, related_name="acts")
    line = models.ForeignKey(BankLine, models.PROTECT, null=True, blank=True, related_name="acts")
    kind = models.CharField(_("act"), max_length=16, choices=Kind)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("when"))
    detail = models.CharField(_("detail"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("act of finance")
        verbose_name_plural = _("acts of finance")
        constraints = [
            models.CheckConstraint(
                condition=Q(transfer__isnull=False) | Q(line__isnull=False), name="desk_act_is_about_something"
            )
        ]
        indexes = [
            models.Index(fields=["transfer", "id"], name="desk_act_of_transfer"),
            models.Index(fields=["line", "id"], name="desk_act_of_line"),
        ]

    def __str__(self) -> str:
        return f"{self.by} · {self.get_kind_display()}"
