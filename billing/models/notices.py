"""What an organisation is told beside its orders: a low balance, an auto-fill that stopped."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id
from wallet.models import Organisation, Role, User


class Notice(models.Model):
    """One fact to tell, written in the transaction of the fact; mails and callbacks are sent from it."""

    class Kind(models.TextChoices):
        LOW_BALANCE = "LOW_BALANCE", _("Low balance")
        AUTO_FILL_STOPPED = "AUTO_FILL_STOPPED", _("Auto-fill stopped")
        CALLBACKS_FAILING = "CALLBACKS_FAILING", _("Callbacks cannot be delivered")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    target = models.CharField(_("balance"), max_length=80, blank=True)
    facts = models.JSONField(_("facts"), default=dict)
    """Texts only, amounts as decimal strings."""
    roles = ArrayField(models.CharField(max_length=10, choices=Role), verbose_name=_("told to"))
    at = models.DateTimeField(_("when"))

    objects = models.Manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["LOW_BALANCE", "AUTO_FILL_STOPPED", "CALLBACKS_FAILING"]),
                name="notice_kind_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="notice_list"),
            models.Index(fields=["at"], name="notice_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.target}".strip()


class NoticeMail(models.Model):
    """The mail about one notice to one reader, in his language. Whoever moves `claimed_at` on sends it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notice = models.ForeignKey(Notice, models.PROTECT, related_name="mails", db_index=False, verbose_name=_("notice"))
    reader = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("reader"))
    """NULL: there was nobody to tell."""
    to = models.CharField(_("to"), max_length=1000, blank=True)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    claimed_at = models.DateTimeField(_("taken up"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)

    objects = models.Manager()

    class Meta:
        verbose_name = _("mail of a notice")
        verbose_name_plural = _("mails of notices")
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "reader"], nulls_distinct=False, name="notice_mail_once_per_reader"
            ),
        ]
        indexes = [models.Index(fields=["claimed_at"], name="notice_mail_unsent", condition=Q(sent_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"
