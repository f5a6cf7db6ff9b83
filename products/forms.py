"""Forms of API keys."""

from django import forms
from django.utils.translation import gettext_lazy as _

from wallet.names import tidy


class NamedForm(forms.Form):
    """A form with a name, which becomes one line of which something can be read."""

    name = forms.CharField(max_length=60)

    def clean_name(self) -> str:
        name = tidy(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(self.fields["name"].error_messages["required"], code="required")
        return name


class KeyForm(NamedForm):
    """Asks for a new key of the organisation it was shown for; the token makes that a form sent twice makes one key."""

    organisation = forms.UUIDField(widget=forms.HiddenInput)

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("What uses it, like “Accounting”. You see the name in the list."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)


class RevocationForm(forms.Form):
    """Which key; `sure` once the page that asks has been seen."""

    key = forms.UUIDField()
    sure = forms.BooleanField(required=False)
