"""What finance goes by: how many people have to approve which amount, and reasons to reject."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id


class ApprovalLimit(models.Model):
    """Up to which amount one approver suffices; above it, or in a currency without a limit, two are needed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    currency = models.CharField(_("currency"), max_length=3, unique=True, choices=[("CNY", "CNY ¥"), ("USD", "USD $")])
    single_up_to = models.DecimalField(_("one approver up to"), max_digits=14, decimal_places=2)

    class Meta:
        verbose_name = _("approval limit")
        verbose_name_plural = _("approval limits")
        constraints = [
            models.CheckConstraint(
                condition=Q(single_up_to__gte=0, single_up_to__lt=10**12), name="approval_limit_is_finite"
            )
        ]

    def __str__(self) -> str:
        return f"{self.currency}: {self.single_up_to}"


class RejectionReason(models.Model):
    """A reason finance can choose when it rejects a transfer, in both languages."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(_("name for finance"), max_length=80)
    text_en = models.CharField(_("what the customer reads in English"), max_length=300)
    text_zh = models.CharField(_("what the customer reads in Chinese"), max_length=300)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_offered = models.BooleanField(_("offered"), default=True)

    class Meta:
        verbose_name = _("reason to reject")
        verbose_name_plural = _("reasons to reject")
        ordering = ["position", "title"]

    def __str__(self) -> str:
        return self.title
