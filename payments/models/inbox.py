"""The inbox: every event Stripe told us, as received. The row is the queue."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id


class InboxQuerySet(models.QuerySet["InboxEvent"]):
    def due(self, *, now: datetime) -> Self:
        return self.filter(handled_at__isnull=True, due_at__lte=now).order_by("due_at")

    def unhandled(self) -> Self:
        return self.filter(handled_at__isnull=True)


class InboxEvent(models.Model):
    """One event. `due_at` is when it may next be taken up; taking it up moves it ahead by a lease."""

    class Outcome(models.TextChoices):
        DONE = "DONE", _("Handled")
        IGNORED = "IGNORED", _("Of a kind we do not need")
        ASIDE = "ASIDE", _("Put aside: of an API version this code does not know")
        NOT_OURS = "NOT_OURS", _("Of no payment of ours")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event_id = models.CharField(_("event"), max_length=100, unique=True)
    type = models.CharField(_("type"), max_length=100)
    object_id = models.CharField(_("object"), max_length=100, db_index=True)
    payment_intent_id = models.CharField(_("Payment Intent"), max_length=100, blank=True, default="", db_default="")
    """What the object belongs to, by the event's own word: by it a charge is found with its order."""
    api_version = models.CharField(_("API version"), max_length=60, blank=True)
    raw = models.BinaryField()
    """The body as received, byte for byte (jsonb would refuse some of it)."""
    received_at = models.DateTimeField(_("received"))
    due_at = models.DateTimeField(_("due"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    error = models.CharField(_("last error"), max_length=500, blank=True)

    objects: ClassVar[models.Manager["InboxEvent"]] = InboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("inbox event")
        verbose_name_plural = _("inbox events")
        constraints = [
            models.CheckConstraint(
                condition=Q(handled_at__isnull=True, outcome="") | (Q(handled_at__isnull=False) & ~Q(outcome="")),
                name="inbox_handled_has_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="inbox_queue", condition=Q(handled_at__isnull=True)),
            models.Index(fields=["payment_intent_id"], name="inbox_intent", condition=~Q(payment_intent_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
