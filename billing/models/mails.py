"""The mails of order events, one row for each reader, so that each of them is told once."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.orders import OrderEvent
from wallet.ids import new_id
from wallet.models import User


class OrderMail(models.Model):
    """The mail about one event to one reader, in his language. Whoever moves `claimed_at` on sends it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(
        OrderEvent, models.PROTECT, related_name="mails", db_index=False, verbose_name=_("order event")
    )
    reader = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("reader"))
    """NULL: there was nobody to tell, or one mail still went to all of them."""
    to = models.CharField(_("to"), max_length=1000, blank=True)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    claimed_at = models.DateTimeField(_("taken up"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)

    objects = models.Manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        constraints = [
            models.UniqueConstraint(fields=["event", "reader"], nulls_distinct=False, name="mail_once_per_reader"),
        ]
        indexes = [models.Index(fields=["claimed_at"], name="mail_unsent", condition=Q(sent_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"
