"""Fields of staff's own forms: a text is what can be seen of it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from wallet.names import tidy


class LineField(forms.CharField):
    """One line of text, without marks that cannot be seen."""

    def __init__(self, **more: Any) -> None:
        super().__init__(widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}), **more)

    def to_python(self, value: Any) -> Any:
        return tidy(super().to_python(value) or "")


class ReasonField(forms.CharField):
    """A few words; marks that cannot be seen say nothing."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **more)

    def clean(self, value: Any) -> str:
        text = tidy(str(super().clean(value)))
        if self.required and not text:
            raise ValidationError(self.error_messages["required"], code="required")
        return text
