"""Signed calls to an organisation's own address when something happened: the endpoint, and the outbox."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wallet import ciphers
from wallet.ids import new_id
from wallet.models import Organisation, User


class CallbackEvent(models.TextChoices):
    BALANCE_LOW = "balance.low", _("A balance is low")
    ORDER_PAID = "order.paid", _("An order was paid")
    TEST = "test", _("A test")


WISHES = (CallbackEvent.ORDER_PAID, CallbackEvent.BALANCE_LOW)
"""What an organisation can ask for; a test comes when somebody presses the button."""


class Failure(models.TextChoices):
    """Why an attempt was not taken."""

    REFUSED = "REFUSED", _("The address answered, but not with success")
    TOO_SLOW = "TOO_SLOW", _("No answer within 3 seconds")
    NO_SUCH_HOST = "NO_SUCH_HOST", _("The name of the address could not be resolved")
    NOT_CONNECTED = "NOT_CONNECTED", _("No connection to the address")
    NOT_TRUSTED = "NOT_TRUSTED", _("The certificate of the address is not valid")
    NOT_PUBLIC = "NOT_PUBLIC", _("The address is not on the public internet")
    NO_ANSWER = "NO_ANSWER", _("The connection was cut, or the answer was no HTTP")


class Endpoints(models.QuerySet["CallbackEndpoint"]):
    """Reads of endpoints."""

    def live(self) -> "Endpoints":
        return self.filter(removed_at__isnull=True)

    def on(self) -> "Endpoints":
        return self.live().filter(is_on=True)


class CallbackEndpoint(models.Model):
    """Where an organisation wants to be called, for which events, and the secret that signs the calls."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="callback_endpoints", verbose_name=_("organisation")
    )
    url = models.URLField(_("address"), max_length=500)
    username = models.CharField(_("user name"), max_length=60, unique=True)
    secret_encrypted = models.CharField(max_length=200, editable=False)
    events = ArrayField(models.CharField(max_length=20, choices=CallbackEvent), verbose_name=_("events"))
    is_on = models.BooleanField(_("on"), default=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("created by"))
    created_by_name = models.CharField(_("name then"), max_length=254)
    created_at = models.DateTimeField(_("created"))
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)
    given_up_at = models.DateTimeField(_("failing since"), null=True, blank=True)
    """When a callback was given up and the owners were told; None again as soon as one is taken."""

    objects: ClassVar[Endpoints] = Endpoints.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("callback address")
        verbose_name_plural = _("callback addresses")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "url"],
                condition=Q(removed_at__isnull=True),
                name="callback_endpoint_once_per_address",
            ),
            models.CheckConstraint(
                condition=Q(secret_encrypted__startswith=ciphers.BEGINS_WITH) & ~Q(username=""),
                name="callback_endpoint_can_sign",
            ),
            models.CheckConstraint(
                condition=Q(events__contained_by=["order.paid", "balance.low"], events__len__gt=0),
                name="callback_endpoint_wants_what_there_is",
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def secret(self) -> str:
        """What each call is signed with, as its owner reads it."""
        return ciphers.decrypt(text=self.secret_encrypted)

    @property
    def event_labels(self) -> list[str]:
        """What it is called for, in the reader's language."""
        return [str(CallbackEvent(event).label) for event in self.events]


class Callback(models.Model):
    """One event for one endpoint: the outbox row from which it is sent, again and again until it is taken."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    endpoint = models.ForeignKey(
        CallbackEndpoint, models.PROTECT, related_name="callbacks", verbose_name=_("callback address")
    )
    event = models.CharField(_("event"), max_length=20, choices=CallbackEvent)
    fact_id = models.UUIDField()
    """The order's event or the notice it tells of; a new one for a test."""
    event_id = models.UUIDField(_("event id"))
    """What the receiver knows it by; made from `fact_id`."""
    body = models.TextField(_("body"))
    created_at = models.DateTimeField(_("created"))
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    """None: delivered, or given up."""
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(_("last answer"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=20, choices=Failure, blank=True)

    objects: ClassVar[models.Manager["Callback"]] = models.Manager()

    class Meta:
        verbose_name = _("callback")
        verbose_name_plural = _("callbacks")
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "fact_id"], name="callback_once_per_fact"),
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(next_at__isnull=True), name="callback_delivered_is_over"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="callback_due"),
            models.Index(fields=["organisation", "-id"], name="callback_list"),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.endpoint}"
