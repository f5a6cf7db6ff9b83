"""Filters of the list of orders that a member keeps under a name."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from wallet.ids import new_id
from wallet.models import Member


class SavedFilter(models.Model):
    """One member's own; it goes when the member goes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    member = models.ForeignKey(
        Member, models.CASCADE, related_name="saved_filters", db_index=False, verbose_name=_("member")
    )
    name = models.CharField(_("name"), max_length=60)
    address = models.CharField(_("filters"), max_length=2000)
    """What stands after the question mark of the list's address: the filters, without a place in the list."""
    saved_at = models.DateTimeField(_("saved"))

    objects: ClassVar[models.Manager["SavedFilter"]] = models.Manager()

    class Meta:
        verbose_name = _("saved filter")
        verbose_name_plural = _("saved filters")
        constraints = [
            models.UniqueConstraint("member", Lower("name"), name="saved_filter_once_per_name"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(address=""), name="saved_filter_says_something"),
        ]

    def __str__(self) -> str:
        return self.name
