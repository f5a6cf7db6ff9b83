"""The mails sent of order events, one row for each, so that a fact is told once."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.orders import OrderEvent
from wallet.ids import new_id


class OrderMail(models.Model):
    """A mail about one event. Whoever moves `claimed_at` on sends it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.OneToOneField(OrderEvent, models.PROTECT, related_name="mail", verbose_name=_("order event"))
    to = models.CharField(_("to"), max_length=1000)
    subject = models.CharField(_("subject"), max_length=200)
    claimed_at = models.DateTimeField(_("taken up"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes = [models.Index(fields=["claimed_at"], name="mail_unsent", condition=Q(sent_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"
