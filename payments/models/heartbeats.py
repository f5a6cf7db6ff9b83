"""Signs of life: when each recurring job last began."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """A recurring job and its last start. Workers that make up for an absent beat claim the run by it; beat does not,
    so their runs may coincide, which is harmless.
    """

    name = models.CharField(_("job"), max_length=40, primary_key=True)
    beat_at = models.DateTimeField(_("last start"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name
