"""One-time form tokens: a money form belongs to one user, one organisation and one target, and counts once."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core import signing

_SALT = "billing.form_tokens"
_VALID_FOR = timedelta(hours=24)


class BadFormToken(Exception):
    """Forged, too old, or somebody else's: show the form anew."""


@dataclass(frozen=True, kw_only=True)
class FormToken:
    organisation_id: UUID
    target: str
    id: str


def issue(*, user_id: UUID, organisation_id: UUID, target: str) -> str:
    """A token for one form, signed; the organisation named beside the button is bound into it."""
    return signing.dumps([str(user_id), str(organisation_id), target, secrets.token_urlsafe(18)], salt=_SALT)


def read(text: str, *, user_id: UUID) -> FormToken:
    """Raise `BadFormToken` unless the token is ours, this user's and at most a day old."""
    try:
        owner, organisation_id, target, token_id = signing.loads(text, salt=_SALT, max_age=_VALID_FOR)
    except (signing.BadSignature, ValueError) as error:
        raise BadFormToken from error
    if owner != str(user_id):
        raise BadFormToken
    return FormToken(organisation_id=UUID(organisation_id), target=target, id=token_id)


def read_id(text: str, *, user_id: UUID, organisation_id: UUID, target: str) -> str:
    """As `read`, the id of a token for just this organisation and target. Raises `BadFormToken`."""
    token = read(text, user_id=user_id)
    if (token.organisation_id, token.target) != (organisation_id, target):
        raise BadFormToken
    return token.id
