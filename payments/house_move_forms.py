"""What finance gives when it says what a bank line of the house's was."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminRadioSelectWidget

from wallet.admin.fields import ReasonField


class ReasonForm(forms.Form):
    """How somebody knows what a bank line is."""

    reason = ReasonField(label=_("How you know"))


class ExchangeForm(ReasonForm):
    """Which line came for the one that left; each says what rate that would be."""

    came = forms.TypedChoiceField(label=_("Came as"), widget=UnfoldAdminRadioSelectWidget, coerce=UUID)

    def __init__(self, *args: Any, offers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["came"].choices = offers  # type: ignore[attr-defined]  # a choice field
