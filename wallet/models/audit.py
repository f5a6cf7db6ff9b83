"""What the audit found, each time it ran."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id


class AuditResult(models.TextChoices):
    """How an audit ended."""

    CLEAN = "CLEAN", _("Clean")
    DIFFERENT = "DIFFERENT", _("Differences found")


class AuditRun(models.Model):
    """One run of the audit; `problems` has one sentence per difference."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    result = models.CharField(_("result"), max_length=10, choices=AuditResult)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"))
    problems = models.JSONField(_("problems"), default=list)

    objects: ClassVar[models.Manager["AuditRun"]] = models.Manager()

    class Meta:
        verbose_name = _("audit")
        verbose_name_plural = _("audits")
        get_latest_by = "started_at"

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.get_result_display()}"
