"""Forms of people."""

from typing import Any

from allauth.core import context
from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from wallet import invitations, names
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
