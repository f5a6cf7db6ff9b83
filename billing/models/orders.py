"""An order is the record of one top-up; its events are the timeline people read."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from wallet.fields import money_field
from wallet.ids import new_id
from wallet.models import Organisation, User


class State(models.TextChoices):
    PENDING = "PENDING", _("Waiting for payment")
    IN_REVIEW = "IN_REVIEW", _("In review")
    PAID = "PAID", _("Paid")
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED", _("Partially refunded")
    REFUNDED = "REFUNDED", _("Refunded")
    DISPUTED = "DISPUTED", _("Disputed")
    CHARGED_BACK = "CHARGED_BACK", _("Charged back")
    REJECTED = "REJECTED", _("Rejected")
    FAILED = "FAILED", _("Failed")
    EXPIRED = "EXPIRED", _("Expired")
    CANCELLED = "CANCELLED", _("Cancelled")


ON_THEIR_WAY = (State.PENDING, State.IN_REVIEW)
"""Their money may still come."""

ENDED_UNPAID = (State.FAILED, State.EXPIRED, State.CANCELLED)
"""Nobody waits for their money any more; a rejected one is only sent back to be corrected."""

CREDITED = (State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED, State.CHARGED_BACK)
"""Their money came, whatever became of it later."""


class Method(models.TextChoices):
    CARD = "CARD", _("Credit card")
    OFFLINE = "OFFLINE", _("Offline transfer")
    BALANCE = "BALANCE", _("Wallet balance")


class Note(models.TextChoices):
    """Why an order changed its state, in words a customer understands."""

    OPENED = "OPENED", _("Top-up started")
    CARD_PAID = "CARD_PAID", _("The card payment was confirmed by Stripe and credited")
    PAID_LATE = "PAID_LATE", _("The money arrived after this order had ended; it was credited all the same")
    PROCESSING = "PROCESSING", _("The bank is still processing the payment")
    METHOD_FAILED = "METHOD_FAILED", _("The bank refused the payment; nothing was charged")
    DEADLINE = "DEADLINE", _("Not paid in time; Stripe confirmed that nothing was charged")
    BY_CUSTOMER = "BY_CUSTOMER", _("Cancelled on request; Stripe confirmed that nothing was charged")
    ENDED_BY_TEAM = "ENDED_BY_TEAM", _("Ended by our team")
    EXTRA_MONEY = "EXTRA_MONEY", _("A further payment arrived for the order before; it was credited here")
    DECLARED = "DECLARED", _("Declared as paid; our finance team looks for it at the bank")
    DECLARED_AGAIN = "DECLARED_AGAIN", _("Corrected and declared as paid again")
    TRANSFER_PAID = "TRANSFER_PAID", _("The transfer arrived; our finance team approved and credited it")
    TRANSFER_SHORT = "TRANSFER_SHORT", _("Less than asked for arrived; what arrived was credited")
    TRANSFER_OVER = "TRANSFER_OVER", _("More than asked for arrived; the rest is credited as an order of its own")
    PART_ARRIVED = "PART_ARRIVED", _("A part arrived and is kept safe; we wait for the rest")
    NOT_ACCEPTED = "NOT_ACCEPTED", _("Our finance team could not accept it")
    OUT_OF_TIME = "OUT_OF_TIME", _("Not declared as paid in time; money that arrives later is still credited")
    WITHDRAWN = "WITHDRAWN", _("Cancelled on request; money that arrives later is still credited")
    ASSIGNED = "ASSIGNED", _("Money that had fitted no order was credited")
    SENT_BACK = "SENT_BACK", _("The money did not fit this order and goes back to the card it came from")
    MOVED = "MOVED", _("Moved from the wallet")
    UNDONE = "UNDONE", _("Undone: the money is back in the wallet")
    TAKEN_BACK = "TAKEN_BACK", _("Credited to the wrong balance: taken back there and credited to the right one")
    CORRECTED = "CORRECTED", _("Credited here instead of the wrong balance")
    REFUND_ASKED = "REFUND_ASKED", _("A refund was asked for; the amount is set aside")
    REFUND_APPROVED = "REFUND_APPROVED", _("The refund was approved and is on its way")
    REFUND_SUCCEEDED = "REFUND_SUCCEEDED", _("Refunded")
    REFUND_FAILED = "REFUND_FAILED", _("The refund failed; the amount is back in the balance")
    REFUND_RETURNED = "REFUND_RETURNED", _("The refund came back; the amount is in the balance again")
    REFUND_DECLINED = "REFUND_DECLINED", _("The refund was declined; the amount is back in the balance")
    REFUND_WITHDRAWN = "REFUND_WITHDRAWN", _("The refund was withdrawn; the amount is back in the balance")
    REFUND_GAVE_WAY = (
        "REFUND_GAVE_WAY",
        _("The refund that was asked for has ended: the card's bank has taken the money of this payment back"),
    )
    DISPUTE_ASKED = "DISPUTE_ASKED", _("The card's bank asks about this payment; no money has moved")
    DISPUTED = "DISPUTED", _("The card's holder disputed this payment; the card's bank took the money back")
    REINSTATED = "REINSTATED", _("The card's bank gave the disputed money back")
    DISPUTE_LOST = "DISPUTE_LOST", _("The card's bank decided the dispute for the card's holder")
    DISPUTE_CLOSED = "DISPUTE_CLOSED", _("The card's bank asks no more about this payment")
    FAPIAO_ASKED = "FAPIAO_ASKED", _("A fapiao was asked for")
    FAPIAO_WITHDRAWN = "FAPIAO_WITHDRAWN", _("The request for a fapiao was withdrawn")
    FAPIAO_ISSUED = "FAPIAO_ISSUED", _("The fapiao was issued")
    FAPIAO_REJECTED = "FAPIAO_REJECTED", _("The request for a fapiao was rejected")
    FAPIAO_REVERSED = "FAPIAO_REVERSED", _("The fapiao was reversed by a red-letter fapiao")


CREDITING = (
    Note.CARD_PAID,
    Note.PAID_LATE,
    Note.EXTRA_MONEY,
    Note.TRANSFER_PAID,
    Note.TRANSFER_SHORT,
    Note.TRANSFER_OVER,
    Note.ASSIGNED,
    Note.MOVED,
    Note.CORRECTED,
)
"""With one of these an order was credited; whatever is told later of a paid order is told with others."""


class Order(models.Model):
    """One top-up, from PENDING to its end."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="orders", verbose_name=_("organisation")
    )
    number = models.CharField(_("order number"), max_length=24, unique=True)
    target = models.CharField(_("for"), max_length=80)
    """The account code credited: `wallet` or `product:<slug>`."""
    method = models.CharField(_("method"), max_length=10, choices=Method)
    paid: "models.Field[Money, Money]" = money_field(_("to pay"))
    credited: "models.Field[Money, Money]" = money_field(_("credited"))
    rate = models.DecimalField(_("rate"), max_digits=14, decimal_places=6, null=True, blank=True)
    rate_source = models.CharField(max_length=100, blank=True)
    rate_at = models.DateTimeField(null=True, blank=True)
    rate_until = models.DateTimeField(_("rate holds until"), null=True, blank=True)
    """Until when the quoted rate holds, by the bank's value date; NULL without a conversion."""
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.PENDING)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("created by"))
    created_by_name = models.CharField(_("name then"), max_length=254)
    """As it was then: the order keeps the name of somebody who left."""
    created_at = models.DateTimeField(_("created"))
    deadline_at = models.DateTimeField(_("pay until"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    form_token = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001  # NULL: made by no form
    follows = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="followers", verbose_name=_("follows order")
    )
    """The first order, when this one books what came later for it, or books it where it belongs."""
    auto_fill = models.ForeignKey(
        "billing.AutoFill", models.PROTECT, null=True, blank=True, related_name="orders", verbose_name=_("auto-fill")
    )
    """The rule that made this order, if no person did."""

    objects: ClassVar[models.Manager["Order"]] = models.Manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="order_once_per_organisation"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="order_state_is_known"),
            models.CheckConstraint(condition=Q(method__in=Method.values), name="order_method_is_known"),
            models.CheckConstraint(
                condition=Q(paid__gt=0, paid__lt=10**12, credited__gt=0, credited__lt=10**12),
                name="order_amounts_are_positive",
            ),
            models.CheckConstraint(
                condition=Q(paid_at__isnull=False) | ~Q(state__in=[state.value for state in CREDITED]),
                name="order_paid_has_its_time",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="order_list"),
            models.Index(fields=["organisation", "state", "-id"], name="order_list_by_state"),
            models.Index(
                fields=["state", "deadline_at"],
                name="order_waiting",
                condition=Q(state__in=["PENDING", "IN_REVIEW", "REJECTED"]),
            ),
            models.Index(fields=["organisation", "paid_at"], condition=Q(method="BALANCE"), name="order_moved"),
            models.Index(fields=["paid_at"], condition=Q(paid_at__isnull=False), name="order_paid"),
            # Order Details: newest first, narrowed by one of these and by days, at any depth; and an amount looked for.
            models.Index(fields=["organisation", "-created_at", "-id"], name="order_by_time"),
            models.Index(fields=["organisation", "state", "-created_at", "-id"], name="order_by_state_and_time"),
            models.Index(fields=["organisation", "method", "-created_at", "-id"], name="order_by_method_and_time"),
            models.Index(fields=["organisation", "target", "-created_at", "-id"], name="order_by_target_and_time"),
            models.Index(fields=["organisation", "paid"], name="order_by_paid"),
            models.Index(fields=["organisation", "credited"], name="order_by_credited"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_on_its_way(self) -> bool:
        return self.state in ON_THEIR_WAY

    @property
    def has_ended_unpaid(self) -> bool:
        return self.state in ENDED_UNPAID

    @property
    def is_credited(self) -> bool:
        return self.state in CREDITED

    def may_be_continued(self, *, now: datetime) -> bool:
        """Whether the customer can still go on to pay it by card."""
        return self.method == Method.CARD and self.state == State.PENDING and now < self.deadline_at


class OrderEvent(models.Model):
    """One change of an order: who, when, why. Written in the transaction of the change; mails are sent from it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="events")
    state = models.CharField(_("state"), max_length=20, choices=State)
    at = models.DateTimeField(_("when"))
    by = models.CharField(_("by"), max_length=254)
    note = models.CharField(_("note"), max_length=20, choices=Note)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    refund = models.ForeignKey(
        "billing.Refund", models.PROTECT, null=True, blank=True, related_name="events", verbose_name=_("refund")
    )
    """The refund that it tells of, if it does."""

    class Meta:
        verbose_name = _("order event")
        verbose_name_plural = _("order events")
        constraints = [models.CheckConstraint(condition=Q(state__in=State.values), name="order_event_state_is_known")]
        indexes = [
            models.Index(fields=["order", "id"], name="order_timeline"),
            models.Index(fields=["at"], condition=Q(state="PAID"), name="order_event_paid"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} · {self.get_note_display()}"
