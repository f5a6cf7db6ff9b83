"""Billing details, version by version, and the names an organisation's transfers may come from.

Every change is made under a lock on the organisation's row, by somebody who may top up.
"""

import re
import unicodedata
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from wallet import names, organisations, tax_numbers
from wallet.models import TOP_UP_ROLES, BillingDetails, Member, PayerName, User

MOST_PAYER_NAMES: Final = 50
"""So many names may be live at once in one organisation."""

_LENGTH: Final = 200
"""So many characters of a name are compared; unfolding can make a name longer than it was."""

_LEGAL_FORMS: Final = (
    (re.compile("有限责任公司"), "有限公司"),
    (re.compile("limited$"), "ltd"),
    (re.compile("incorporated$"), "inc"),
    (re.compile("corporation$"), "corp"),
    (re.compile("company(?=(ltd|inc)?$)"), "co"),
)
"""Ways to write one legal form. The English ones only where they end the name: before that they may be part of it."""


class MayNotChangeDetails(Exception):
    """Whoever asked is not an owner or in the billing role now."""


class NoLegalName(ValueError):
    """At least one legal name is needed."""


class NoAddress(ValueError):
    """Of the address nothing is left that could be read."""


class ChangedMeanwhile(Exception):
    """Somebody recorded a version since the one the person saw; nothing was written."""

    def __init__(self, current: BillingDetails) -> None:
        super().__init__(current)
        self.current = current


class NameSaysNothing(ValueError):
    """Of the name nothing is left that could be compared: it has no letter and no digit."""


class TooManyPayerNames(Exception):
    """The organisation has as many live payer names as it may have."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one version says."""

    legal_name_zh: str = ""
    legal_name_en: str = ""
    address: str = ""
    tax_number: str = ""


FIELDS: Final = tuple(field.name for field in fields(Facts))
"""The facts of a version, by the names of their columns."""


def current(organisation_id: UUID) -> BillingDetails | None:
    """The version that counts today."""
    return BillingDetails.objects.filter(organisation_id=organisation_id).order_by("-version").first()


def read(details: BillingDetails | None) -> Facts:
    """The facts of a version; empty ones before the first."""
    if details is None:
        return Facts()
    return Facts(**{name: getattr(details, name) for name in FIELDS})


@transaction.atomic
def record(facts: Facts, *, organisation_id: UUID, seen_version: int, by: User, now: datetime) -> BillingDetails:
    """A new version, or the current one when it says the same already: repeating it changes nothing.

    `seen_version` is the one the person had before his eyes (0: none). Names become one line each, as elsewhere.
    Raises what `tidy` raises, MayNotChangeDetails, and ChangedMeanwhile.
    """
    tidied = tidy(facts)
    _lock(organisation_id, by)
    latest = current(organisation_id)
    if latest and read(latest) == tidied:
        return latest
    version = latest.version if latest else 0
    if latest and version != seen_version:
        raise ChangedMeanwhile(latest)
    return BillingDetails.objects.create(
        organisation_id=organisation_id,
        version=version + 1,
        recorded_at=now,
        by=by,
        by_name=str(by),
        **asdict(tidied),
    )


def tidy(facts: Facts) -> Facts:
    """As they are stored. Raises NoLegalName, NoAddress and tax_numbers.WrongCheckCharacter."""
    tidied = Facts(
        legal_name_zh=names.tidy(facts.legal_name_zh),
        legal_name_en=names.tidy(facts.legal_name_en),
        address="\n".join(filter(None, map(names.tidy, facts.address.splitlines()))),
        tax_number=tax_numbers.tidy(facts.tax_number),
    )
    if not (tidied.legal_name_zh or tidied.legal_name_en):
        raise NoLegalName
    if not tidied.address:
        raise NoAddress
    return tidied


@transaction.atomic
def add_payer(*, organisation_id: UUID, name: str, by: User, now: datetime) -> PayerName:
    """The live row of the name, however it is written: repeating it changes nothing.

    Raises NameSaysNothing, MayNotChangeDetails and TooManyPayerNames.
    """
    name = names.tidy(name)
    folded = fold(name)
    if not folded:
        raise NameSaysNothing
    _lock(organisation_id, by)
    live = PayerName.objects.live(organisation_id)
    if known := live.filter(folded=folded).first():
        return known
    if live.count() >= MOST_PAYER_NAMES:
        raise TooManyPayerNames
    return PayerName.objects.create(
        organisation_id=organisation_id, name=name, folded=folded, added_at=now, by=by, by_name=str(by)
    )


@transaction.atomic
def remove_payer(*, organisation_id: UUID, name: str, by: User, now: datetime) -> bool:
    """The row stays and says who removed it, and when. False when no such name is live (any more)."""
    _lock(organisation_id, by)
    live = PayerName.objects.live(organisation_id).filter(folded=fold(name))
    return bool(live.update(removed_at=now, removed_by=by, removed_by_name=str(by)))


def is_known_payer(*, organisation_id: UUID, name: str) -> bool:
    """Whether the name is a legal name or a payer name of the organisation today, however it is written."""
    folded = fold(name)
    if not folded:
        return False
    details = read(current(organisation_id))
    if folded in {fold(details.legal_name_zh), fold(details.legal_name_en)}:
        return True
    return PayerName.objects.live(organisation_id).filter(folded=folded).exists()


def fold(name: str) -> str:
    """The form in which names are compared; empty when nothing of the name can be.

    Compatible signs are one (full-width letters, （ and (), so are capitals and small letters; `&` is `and`; blanks,
    punctuation and line ends go, for banks drop and add them; accents stay. Of one legal form the ways of writing it
    are one: 有限责任公司 is 有限公司, and at the end Limited is Ltd, Company is Co, Incorporated is Inc, Corporation
    is Corp. The form itself stays: Acme Ltd is not Acme Inc, and 股份有限公司 is not 有限公司.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    folded = "".join(sign for sign in plain.replace("&", "and") if unicodedata.category(sign)[0] in "LMN")
    for written, form in _LEGAL_FORMS:
        folded = written.sub(form, folded)
    return folded[:_LENGTH]


def _lock(organisation_id: UUID, by: User) -> None:
    """Lock, and look again whether `by` may do it."""
    organisations.lock(organisation_id=organisation_id)
    if not Member.objects.filter(organisation_id=organisation_id, user=by, role__in=TOP_UP_ROLES).exists():
        raise MayNotChangeDetails
