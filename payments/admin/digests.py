"""The mornings' mails to finance, for whoever asks whether one was sent; they are tried again by themselves."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from payments.models import DigestMail
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly


@admin.register(DigestMail)
class DigestMailAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What a mail said stands in the close of its day."""

    list_display = ("day", "person", "sent", "attempts", "error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    list_select_related = ("person",)
    search_fields = ("person__name", "person__email")
    search_help_text = _("Name or e-mail address")
    ordering = ("-day", "person")
    fields = ("day", "person", "taken", "attempts", "sent", "error")
    readonly_fields = fields

    @admin.display(description=_("sent"), ordering="sent_at")
    def sent(self, mail: DigestMail) -> str:
        return cells.show_moment(mail.sent_at)

    @admin.display(description=_("taken up"))
    def taken(self, mail: DigestMail) -> str:
        return cells.show_moment(mail.claimed_at)
