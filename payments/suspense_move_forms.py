"""What finance gives when it says what becomes of card money in suspense."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from payments import assignments
from payments.assignments import NobodyFound
from payments.models import Transfer
from wallet.admin.fields import ReasonField


class WhyForm(forms.Form):
    """Why it is credited, or sent back."""

    reason = ReasonField(label=_("Reason"))


class WhoseForm(WhyForm):
    """Whose money it is, and how somebody knows."""

    to = forms.CharField(
        label=_("Whose it is"),
        max_length=200,
        help_text=_("An order number, the organisation's name, or a member's e-mail address"),
        widget=UnfoldAdminTextInputWidget,
    )
    field_order = ("to", "reason")

    def clean_to(self) -> Any:
        try:
            found = assignments.find(self.cleaned_data["to"])
        except NobodyFound as error:
            raise ValidationError(str(error)) from error
        return found.organisation if isinstance(found, Transfer) else found
