"""What finance gives with a fapiao: its number, date and file; why it is rejected; the red letter that reverses it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from billing import fapiao
from billing.models import Fapiao
from payments import fapiao_files
from wallet.admin.fields import ReasonField


class NumberField(forms.CharField):
    """20 digits, or the 8 of the older kind, with blanks between them or not."""

    def __init__(self, **more: Any) -> None:
        attributes = {"inputmode": "numeric", "autocomplete": "off", "maxlength": "40"}
        super().__init__(widget=UnfoldAdminTextInputWidget(attrs=attributes), **more)

    def clean(self, value: Any) -> str:
        number = "".join(str(super().clean(value)).split())
        if not fapiao.is_number(number):
            raise ValidationError(_("A fapiao number has 20 digits, or the 8 of the older kind."))
        return number


class DayField(forms.DateField):
    def __init__(self, **more: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
        super().__init__(widget=widget, input_formats=["%Y-%m-%d"], **more)


class FileField(forms.FileField):
    """What is kept of the file, as `fapiao_files.CleanFile`."""

    def __init__(self, **more: Any) -> None:
        super().__init__(widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".pdf,.ofd"}), **more)

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        try:
            # One byte more than there may be is enough to see that there is more.
            return fapiao_files.clean(upload.read(Fapiao.LARGEST_FILE + 1))
        except fapiao_files.FileRefused as refused:
            raise ValidationError(str(refused)) from refused


class IssueForm(forms.Form):
    """A fapiao as the tax office's system has made it."""

    number = NumberField(label=_("Fapiao number"))
    issued_on = DayField(label=_("Date of the fapiao"))
    file = FileField(
        label=_("File"),
        help_text=_("PDF or OFD, at most 2 MB. An OFD keeps the seal's signature; a PDF is written anew and loses it."),
    )


class RejectForm(forms.Form):
    reason = ReasonField(label=_("Why; the customer reads it"))


class RedLetterForm(forms.Form):
    """The red-letter fapiao as the tax office's system has made it."""

    number = NumberField(label=_("Red-letter number"))
    dated_on = DayField(label=_("Date of the red-letter fapiao"))
    reason = ReasonField(label=_("Why; the customer reads it"))
