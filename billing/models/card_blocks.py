"""Who may not top up by card because of a dispute, and the rule that decides it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.disputes import Dispute
from wallet.ids import new_id
from wallet.models import Organisation, User


class CardBlock(models.Model):
    """An organisation that may not top up by card, because of a dispute, until it is lifted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    dispute = models.ForeignKey(Dispute, models.PROTECT, related_name="card_blocks", verbose_name=_("dispute"))
    since = models.DateTimeField(_("since"))
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("lifted by")
    )
    """NULL when it was lifted because the dispute was won."""
    lifted_by_name = models.CharField(_("name then"), max_length=254, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    objects: ClassVar[models.Manager["CardBlock"]] = models.Manager()

    class Meta:
        verbose_name = _("card block")
        verbose_name_plural = _("card blocks")
        constraints = [
            models.UniqueConstraint(
                fields=["dispute"], condition=Q(lifted_at__isnull=True), name="card_block_once_per_dispute"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=False, lifted_by_name__gt="", note__gt="")
                | Q(lifted_at__isnull=True, lifted_by__isnull=True, lifted_by_name="", note=""),
                name="card_block_lifted_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation"], condition=Q(lifted_at__isnull=True), name="card_block_in_force")
        ]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.dispute}"


class CardRule(models.Model):
    """A decision of finance whether disputes block further top-ups by card. Rows are never changed: the newest counts,
    and those before it say what counted when, and why.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    blocks_cards = models.BooleanField(_("disputed money blocks further top-ups by card"), default=True)
    reason = models.CharField(_("reason"), max_length=500)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    """NULL for the one that the site began with."""
    at = models.DateTimeField(_("when"))

    objects: ClassVar[models.Manager["CardRule"]] = models.Manager()

    class Meta:
        verbose_name = _("rule of card blocks")
        verbose_name_plural = _("rules of card blocks")
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="card_rule_has_a_reason")]

    def __str__(self) -> str:
        return str(_("Blocked") if self.blocks_cards else _("Not blocked"))
