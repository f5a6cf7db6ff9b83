"""Second factors of staff: who has one, and the single-use link by which an administrator lets the first be set up."""

from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import signing
from django.db import transaction

from wallet import ciphers
from wallet.models import User

VALID_FOR = timedelta(hours=24)
TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What counts as a second factor. Recovery codes stand in for one, and are none by themselves."""

_SEEDS = ("secret", "seed")
_CODES = "migrated_codes"
"""Where an authenticator app's and recovery codes' rows keep what is secret; a passkey's has none."""

_SALT = "wallet.second_factors"


class NotStaff(Exception):
    """Only staff who may log in are invited to a second factor; a customer sets his up when he likes."""


class HasSecondFactor(Exception):
    """The first one exists already: it is changed with itself, or taken away by an administrator."""


class LinkClosed(Exception):
    """The link is invented, somebody else's, too old, used, or a newer one has taken its place."""


def list_types(*, user_id: UUID) -> set[str]:
    """Read anew each time: a factor that is taken away ends at once."""
    mine = Authenticator.objects.filter(user_id=user_id, type__in=TYPES)
    return set(mine.values_list("type", flat=True))


@transaction.atomic
def invite(*, user_id: UUID, now: datetime) -> str:
    """The link's token. A newer one takes the place of the older; the door prints or mails it after the commit."""
    user = User.objects.select_for_update().get(pk=user_id)
    if not (user.is_staff and user.is_active):
        raise NotStaff
    if list_types(user_id=user_id):
        raise HasSecondFactor
    user.second_factor_invited_at = now
    user.save(update_fields=["second_factor_invited_at"])
    return signing.dumps([str(user_id), now.isoformat()], salt=_SALT)


@transaction.atomic
def start_afresh(*, user_id: UUID) -> None:
    """A customer becomes staff: nothing that was set up with a customer's password alone counts any longer.

    His factors, addresses he has not confirmed, his sessions and his password end; he chooses a new one by "Forgot
    password", which only the owner of the confirmed address can.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).exclude(verified=True, email=user.email).delete()
    user.second_factor_invited_at = None
    user.set_unusable_password()  # sessions are bound to the password, so they end with it
    user.save(update_fields=["second_factor_invited_at", "password"])


def encrypt_again() -> int:
    """Every seed that an older key holds, by the first one of DATA_KEYS; returns how many. Repeat it until none is."""
    done = 0
    for pk in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).values_list("pk", flat=True):
        with transaction.atomic(durable=True):
            factor = Authenticator.objects.select_for_update().get(pk=pk)
            done += _encrypt_again(factor)
    return done


def check(*, token: str, user_id: UUID, now: datetime) -> datetime:
    """When the link was made; `LinkClosed` if `accept` would refuse it."""
    try:
        whose, written = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        raise LinkClosed from None
    made_at = datetime.fromisoformat(written)
    is_open = User.objects.filter(pk=user_id, is_staff=True, second_factor_invited_at=made_at).exists()
    if whose != str(user_id) or not is_open or now - made_at >= VALID_FOR or list_types(user_id=user_id):
        raise LinkClosed
    return made_at


def accept(*, token: str, user_id: UUID, now: datetime) -> None:
    """Uses the link up: of two who open it at once, one is refused."""
    made_at = check(token=token, user_id=user_id, now=now)
    mine = User.objects.filter(pk=user_id, second_factor_invited_at=made_at)
    if not mine.update(second_factor_invited_at=None):
        raise LinkClosed


def _encrypt_again(factor: Authenticator) -> bool:
    held = [name for name in _SEEDS if name in factor.data and not ciphers.is_of_first_key(text=factor.data[name])]
    for name in held:
        factor.data[name] = ciphers.encrypt(text=ciphers.decrypt_if_encrypted(text=factor.data[name]))
    codes = factor.data.get(_CODES, [])
    if any(not ciphers.is_of_first_key(text=code) for code in codes):
        factor.data[_CODES] = [ciphers.encrypt(text=ciphers.decrypt_if_encrypted(text=code)) for code in codes]
        held.append(_CODES)
    if held:
        factor.save(update_fields=["data"])
    return bool(held)
