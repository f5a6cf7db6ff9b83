"""Forms of people."""

from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from allauth.core import context
from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wallet import details, invitations, names, tax_numbers, zones
from wallet.calendar import BOOKS
from wallet.models import Invitation, Role, User

INVITATION = "invitation"
"""The session's key for the secret of the invitation that an anonymous visitor opened last."""


class NameField(forms.CharField):
    """One line, whatever was pasted."""

    def to_python(self, value: Any) -> str | None:
        return super().to_python(names.tidy(value or ""))


class OrganisationForm(forms.Form):
    """Asks for a new organisation."""

    name = NameField(label=_("Name of the organisation"), max_length=200)


class ZoneForm(forms.Form):
    """Asks for the time zone that moments are told in; empty for that of the books. `now` tells their offsets."""

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        books = ("", _("As our books: %(place)s") % {"place": _tell_zone(str(BOOKS), now=now)})
        self.fields["zone"] = forms.ChoiceField(
            label=_("Time zone"), required=False, choices=[books, *_list_zones(now=now)]
        )


class SignUpForm(forms.Form):
    """What sign-up asks besides e-mail address and password; an invited person joins instead of founding."""

    name = NameField(
        label=_("Your name"),
        max_length=100,
        help_text=_("Your colleagues and your orders show it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    organisation = NameField(
        label=_("Name of your organisation"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True}),
    )

    field_order = ["organisation", "name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:  # it comes back with a mistake, and that may stand elsewhere
            del self.fields["organisation"].widget.attrs["autofocus"]
        self.invitation = _find_invitation(context.request)
        if self.invitation:
            del self.fields["organisation"]
            self.initial.setdefault("email", self.invitation.email)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.invitation and cleaned.get("email", self.invitation.email) != self.invitation.email:
            self.add_error("email", _("The invitation went to %(email)s.") % {"email": self.invitation.email})
        return cleaned

    def signup(self, request: Any, user: User) -> None:
        """Part of allauth's form contract; the account adapter keeps the name and makes the organisation."""


def _find_invitation(request: Any) -> Invitation | None:
    """None when there is none, when it is closed, or when the visitor would rather found an organisation (`?own`)."""
    if "own" in request.GET:
        request.session.pop(INVITATION, None)
    token = request.session.get(INVITATION)
    if not token:
        return None
    try:
        invitation = invitations.find(token=token)
        invitations.check_open(invitation=invitation, now=timezone.now())  # noqa: TID251  # allauth's door to us
    except invitations.InvitationClosed:
        del request.session[INVITATION]
        return None
    return invitation


class InvitationForm(forms.Form):
    """Asks whom to invite, and as what."""

    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.BILLING)


class RoleForm(forms.Form):
    """A role for one member, known by e-mail address."""

    email = forms.EmailField()
    role = forms.ChoiceField(choices=Role.choices)


class PersonForm(forms.Form):
    """Names one member, or an invited person, by e-mail address."""

    email = forms.EmailField()


class ShownForm(forms.Form):
    """Counts for the organisation it was shown for, whichever one is current now."""

    organisation = forms.UUIDField(widget=forms.HiddenInput)


class DetailsForm(ShownForm):
    """Asks for the next version of the billing details."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)
    legal_name_zh = NameField(
        label=_("Legal name in Chinese"),
        max_length=200,
        required=False,
        help_text=_("As on the business licence. One legal name is enough; both stand on the bank sheet."),
        widget=forms.TextInput(attrs={"lang": "zh-Hans", "autocomplete": "off"}),
    )
    legal_name_en = NameField(
        label=_("Legal name in English"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"lang": "en", "autocomplete": "organization"}),
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "street-address"}),
    )
    tax_number = forms.CharField(
        label=_("Tax number"),
        max_length=30,
        required=False,
        help_text=_("In China the 18 characters of the unified social credit code."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors.keys() & set(details.FIELDS):
            return cleaned
        try:
            details.tidy(self.facts)
        except details.NoLegalName:
            self.add_error("legal_name_zh", _("Write at least one legal name, in Chinese or in English."))
        except details.NoAddress:
            self.add_error("address", _("Write the address."))
        except tax_numbers.WrongCheckCharacter:
            self.add_error(
                "tax_number", _("This looks like a unified social credit code, but one character of it is wrong.")
            )
        return cleaned

    @property
    def facts(self) -> details.Facts:
        return details.Facts(**{name: self.cleaned_data[name] for name in details.FIELDS})


class PayerForm(ShownForm):
    """Names one payer."""

    name = NameField(
        label=_("Name of the payer"),
        max_length=200,
        help_text=_("As the bank writes it. Capitals, blanks and punctuation do not matter."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "payer_%s"} | kwargs)  # it stands beside a DetailsForm

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not details.fold(name):
            raise forms.ValidationError(_("Write a name that has letters."))
        return name


def _list_zones(*, now: datetime) -> list[tuple[str, list[tuple[str, str]]]]:
    """By region, as a select shows groups."""
    return [
        (region, [(name, _tell_zone(name, now=now)) for name in names_there])
        for region, names_there in groupby(sorted(zones.NAMES), key=lambda name: name.partition("/")[0])
    ]


def _tell_zone(name: str, *, now: datetime) -> str:
    return f"{zones.tell_place(name)} ({zones.tell_offset(now.astimezone(ZoneInfo(name)))})"
