"""The transfers whose money is still expected, arranged by everything that a bank line could name one of them by."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import F
from djmoney.money import Money

from payments import references
from payments.models import PAYABLE, BankLine, Suggestion, Transfer
from wallet import bank_numbers, details
from wallet.models import BillingDetails, PayerName

_BODY: Final = len(references.PREFIX)
_MISREAD: Final = str.maketrans("OIL", "011")
_NUMBER = re.compile(r"[0-9A-Z]{6,}")
_BEGINNING = re.compile("[^0-9A-Z]*".join(references.PREFIX), re.IGNORECASE)
_LOOK_ALIKE_DAYS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """A transfer as far as a bank line can be for it."""

    transfer_id: UUID
    organisation_id: UUID
    reference: str
    amount: Money
    state: str
    is_paid: bool
    payer: str
    """As declared and folded for comparison; empty before that."""

    @property
    def is_payable(self) -> bool:
        return self.state in PAYABLE and not self.is_paid


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectations:
    """What is expected, read once for many lines. `spoken_for` grows with every line that pays a transfer exactly."""

    by_reference: Mapping[str, Expected]
    by_gap: Mapping[tuple[int, str], Sequence[Expected]]
    """By the reference's place and what is left without it: one wrong character leads to one of these."""
    by_bank_number: Mapping[str, Sequence[Expected]]
    by_amount: Mapping[tuple[str, Decimal], Sequence[Expected]]
    payers: Mapping[UUID, frozenset[str]]
    typed: list[BankLine]
    """Lines typed by hand that no statement has confirmed."""
    spoken_for: set[UUID]

    def find_mistyped(self, text: str) -> list[Expected]:
        """The transfers whose reference is quoted with one wrong character, or two neighbours exchanged."""
        if not may_quote(text):
            return []
        found = [
            expected
            for candidate in references.candidates(text)
            if references.read(candidate) is None
            for expected in self._read_tolerantly(candidate[_BODY:].translate(_MISREAD))
        ]
        return list(dict.fromkeys(found))

    def find_declared(self, line: BankLine) -> list[Expected]:
        """The transfers whose customers declared a number that the bank gives too."""
        words = [bank_numbers.fold(line.bank_reference), *_NUMBER.findall(line.text.upper())]
        return [expected for word in dict.fromkeys(words) for expected in self.by_bank_number.get(word, ())]

    def find_by_payer(self, line: BankLine) -> list[Expected]:
        """The transfers of just this amount whose organisation pays under this name."""
        alike = self.by_amount.get((line.amount.currency.code, line.rest.amount), ())
        name = details.fold(line.payer_name) if alike else ""
        if not name:
            return []
        return [one for one in alike if name == one.payer or name in self.payers.get(one.organisation_id, ())]

    def find_typed(self, line: BankLine) -> BankLine | None:
        """The line typed by hand that may be the same money, whatever of it was mistyped."""
        return find_alike(line, self.typed)

    def _read_tolerantly(self, body: str) -> Iterator[Expected]:
        for place in range(len(body)):
            yield from self.by_gap.get((place, body[:place] + body[place + 1 :]), ())
            swapped = body[:place] + body[place : place + 2][::-1] + body[place + 2 :]
            if expected := self.by_reference.get(references.PREFIX + swapped):
                yield expected


def read() -> Expectations:
    """What is expected now. A few queries; memory grows with the open transfers only."""
    payable = [_expect(transfer) for transfer in Transfer.objects.payable().select_related("order")]
    numbers = dict(Transfer.objects.payable().exclude(folded_number="").values_list("id", "folded_number"))
    by_gap: dict[tuple[int, str], list[Expected]] = defaultdict(list)
    by_bank_number: dict[str, list[Expected]] = defaultdict(list)
    by_amount: dict[tuple[str, Decimal], list[Expected]] = defaultdict(list)
    for expected in payable:
        body = expected.reference[_BODY:]
        for place in range(len(body)):
            by_gap[place, body[:place] + body[place + 1 :]].append(expected)
        number = numbers.get(expected.transfer_id, "")
        if _NUMBER.fullmatch(number):
            by_bank_number[number].append(expected)
        by_amount[expected.amount.currency.code, expected.amount.amount].append(expected)
    exact = BankLine.objects.with_rest().filter(pile=BankLine.Pile.EXACT)
    return Expectations(
        by_reference={expected.reference: expected for expected in payable},
        by_gap=by_gap,
        by_bank_number=by_bank_number,
        by_amount=by_amount,
        payers=_read_payers({expected.organisation_id for expected in payable}),
        typed=read_typed(),
        spoken_for=set(Suggestion.objects.filter(line__in=exact).values_list("transfer_id", flat=True)),
    )


def read_typed() -> list[BankLine]:
    """Lines typed by hand that no statement has confirmed."""
    typed = BankLine.objects.incoming().filter(file=None, seen_again=None)
    return list(typed.order_by("value_on", "id"))


def find_alike(line: BankLine, typed: Iterable[BankLine]) -> BankLine | None:
    """The one that may be the same money: same account, and the same number but for its punctuation, or else the same
    amount and its day not far.
    """
    own = [one for one in typed if one.account_id == line.account_id and one.pk != line.pk]
    if not own:
        return None
    number = bank_numbers.loosen(line.bank_reference)
    same = (one for one in own if number and number == bank_numbers.loosen(one.bank_reference))
    alike = (
        one for one in own if one.amount == line.amount and abs((one.value_on - line.value_on).days) <= _LOOK_ALIKE_DAYS
    )
    return next(same, None) or next(alike, None)


def find_quoted(quoted: Iterable[str]) -> dict[str, Expected]:
    """The transfers with these references, whatever has become of them."""
    found = Transfer.objects.filter(reference__in=set(quoted)).select_related("order")
    return {transfer.reference: _expect(transfer) for transfer in found}


def may_quote(text: str) -> bool:
    """Whether a reference, right or mistyped, could stand in the text: a quick look."""
    return _BEGINNING.search(text) is not None


def _expect(transfer: Transfer) -> Expected:
    return Expected(
        transfer_id=transfer.pk,
        organisation_id=transfer.organisation_id,
        reference=transfer.reference,
        amount=transfer.amount,
        state=transfer.order.state,
        is_paid=transfer.order.paid_at is not None,
        payer=details.fold(transfer.payer_name),
    )


def _read_payers(organisation_ids: Iterable[UUID]) -> dict[UUID, frozenset[str]]:
    """Every name their organisations are known to pay under, folded."""
    ids = list(organisation_ids)
    names: dict[UUID, set[str]] = defaultdict(set)
    for organisation_id, folded in PayerName.objects.filter(
        organisation_id__in=ids, removed_at__isnull=True
    ).values_list("organisation_id", "folded"):
        names[organisation_id].add(folded)
    newest = BillingDetails.objects.filter(organisation_id__in=ids).order_by("organisation_id", F("version").desc())
    for known in newest.distinct("organisation_id"):
        names[known.organisation_id] |= {details.fold(known.legal_name_zh), details.fold(known.legal_name_en)}
    return {organisation_id: frozenset(known - {""}) for organisation_id, known in names.items()}
