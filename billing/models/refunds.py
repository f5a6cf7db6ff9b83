"""Money of orders on its way back to who paid it."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from billing.models.orders import Order
from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class Refunds(models.QuerySet["Refund"]):
    """Reads of refunds."""

    def open(self) -> "Refunds":
        """Their money is set aside: nobody knows yet whether it goes."""
        return self.filter(state__in=Refund.OPEN)

    def counting(self) -> "Refunds":
        """What went back, and what is about to."""
        return self.filter(state__in=Refund.COUNTING)

    def succeeded(self) -> "Refunds":
        return self.filter(state=Refund.State.SUCCEEDED)


class Refund(models.Model):
    """A part of an order's money, or all of it, on its way back: out of the balance it was credited to, and to whoever
    paid it. What was asked for never changes; only how far it got does.
    """

    class Origin(models.TextChoices):
        CUSTOMER = "CUSTOMER", _("Asked for by the customer")
        FINANCE = "FINANCE", _("Started by finance")
        STRIPE = "STRIPE", _("Made at Stripe")

    class State(models.TextChoices):
        ASKED = "ASKED", pgettext_lazy("state of a refund", "Asked for")
        APPROVED = "APPROVED", _("On its way")
        SUCCEEDED = "SUCCEEDED", _("Refunded")
        RETURNED = "RETURNED", _("Came back")
        DECLINED = "DECLINED", _("Declined")
        WITHDRAWN = "WITHDRAWN", _("Withdrawn")
        FAILED = "FAILED", _("Failed")

    OPEN = (State.ASKED, State.APPROVED)
    COUNTING = (State.ASKED, State.APPROVED, State.SUCCEEDED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds", verbose_name=_("order"))
    number = models.CharField(_("refund number"), max_length=24, unique=True)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    amount: "models.Field[Money, Money]" = money_field(_("taken from the balance"))
    back: "models.Field[Money, Money]" = money_field(_("paid back"))
    """What the customer gets, in the currency he paid in."""
    debt = models.DecimalField(_("owed"), max_digits=20, decimal_places=6, default=Decimal(0))
    """What of `amount` the balance did not hold when Stripe had sent it already, and the customer still owes."""
    reason = models.CharField(_("reason"), max_length=500)
    asked_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("asked for by")
    )
    """NULL when it was made at Stripe."""
    asked_by_name = models.CharField(_("name then"), max_length=254)
    asked_at = models.DateTimeField(_("asked for"))
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_by_name = models.CharField(max_length=254, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    succeeded_at = models.DateTimeField(_("refunded"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    """When it was declined, withdrawn, failed, or came back."""
    failure = models.CharField(_("why it did not go"), max_length=500, blank=True)
    form_token = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001  # NULL: by no form
    stripe_id = models.CharField(max_length=100, null=True, unique=True, editable=False)  # noqa: DJ001  # NULL: not made at Stripe

    objects: ClassVar[Refunds] = Refunds.as_manager()  # type: ignore[assignment]  # a manager with its methods

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="refund_once_per_organisation"),
            models.CheckConstraint(
                condition=Q(
                    state__in=["ASKED", "APPROVED", "SUCCEEDED", "RETURNED", "DECLINED", "WITHDRAWN", "FAILED"]
                ),
                name="refund_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lt=10**12, back__gt=0, back__lt=10**12),
                name="refund_amounts_are_positive",
            ),
            models.CheckConstraint(condition=Q(debt__gte=0, debt__lte=F("amount")), name="refund_debt_in_range"),
            models.CheckConstraint(
                condition=Q(origin="STRIPE", asked_by__isnull=True, stripe_id__isnull=False)
                | Q(origin__in=["CUSTOMER", "FINANCE"], asked_by__isnull=False, stripe_id__isnull=True),
                name="refund_asked_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("asked_by")),
                name="refund_approved_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="refund_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["APPROVED", "SUCCEEDED", "RETURNED", "FAILED"])
                | Q(origin="STRIPE")
                | Q(approved_at__isnull=False),
                name="refund_goes_by_approval",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["SUCCEEDED", "RETURNED"], succeeded_at__isnull=False)
                | (~Q(state__in=["SUCCEEDED", "RETURNED"]) & Q(succeeded_at__isnull=True)),
                name="refund_succeeded_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["RETURNED", "DECLINED", "WITHDRAWN", "FAILED"], ended_at__isnull=False)
                | (~Q(state__in=["RETURNED", "DECLINED", "WITHDRAWN", "FAILED"]) & Q(ended_at__isnull=True)),
                name="refund_ended_has_its_time",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="refund_has_a_reason"),
        ]
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(state__in=["ASKED", "APPROVED"]), name="refund_waiting"),
            models.Index(fields=["organisation", "-id"], name="refund_list"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether the customer can still take his wish back."""
        return self.state == self.State.ASKED and self.origin == self.Origin.CUSTOMER
