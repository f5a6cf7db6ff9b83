"""Days on which work differs from the week's: public holidays, and the weekends worked for them (调休)."""

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id


class SpecialDay(models.Model):
    """One day that is free although a weekday, or worked although a weekend."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    day = models.DateField(_("day"), unique=True)
    is_working_day = models.BooleanField(_("is a working day"), default=False)
    name = models.CharField(_("name in English"), max_length=60)
    name_zh = models.CharField(_("name in Chinese"), max_length=60)

    class Meta:
        verbose_name = _("special day")
        verbose_name_plural = _("special days")

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.local_name}"

    @property
    def local_name(self) -> str:
        return self.name_zh if (get_language() or "").startswith("zh") else self.name
