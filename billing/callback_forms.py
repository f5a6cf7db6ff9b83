"""What owners give to the page of callbacks."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing import callback_calls
from billing.callbacks import Wish
from billing.models.callbacks import WISHES


class EndpointForm(forms.Form):
    """Asks where to call, and about what. It counts for the organisation it was shown for."""

    organisation = forms.UUIDField(widget=forms.HiddenInput)
    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("Begins with https:// and is on the public internet; port 443 or 8443."),
        widget=forms.URLInput(
            attrs={"placeholder": "https://example.com/callbacks", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    events = forms.MultipleChoiceField(
        label=_("Call when"),
        choices=[(event.value, event.label) for event in WISHES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one event.")},
    )

    def clean_url(self) -> str:
        try:
            return callback_calls.tidy_address(self.cleaned_data["url"])
        except callback_calls.BadAddress as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def wish(self) -> Wish:
        given: dict[str, Any] = self.cleaned_data
        return Wish(url=given["url"], events=given["events"])


class EventsForm(forms.Form):
    """Asks about what to call an address that is there already."""

    events = forms.MultipleChoiceField(
        label=_("Call when"),
        choices=[(event.value, event.label) for event in WISHES],
        widget=forms.CheckboxSelectMultiple,
    )


class NamedForm(forms.Form):
    """Names an endpoint by its user name, and one of its callbacks by its event. `sure` comes from the page that asks
    first.
    """

    username = forms.CharField(max_length=60)
    event_id = forms.UUIDField(required=False)
    sure = forms.BooleanField(required=False)
