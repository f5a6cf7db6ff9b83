"""Which bank lines finance is offered for a transfer, how much of each, and what that costs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments import candidates
from payments.models import BankAccount, BankLine, Suggestion, Transfer
from tests import builders, people
from tests.payments import offline
from tests.payments.desk_people import Desk
from tests.payments.offline import usd
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now - timedelta(days=30))


@pytest.fixture
def dollars() -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def ivy() -> User:
    return people.make_staff("ivy", "finance")


@pytest.fixture
def transfer(acme: Organisation, dollars: BankAccount, now: datetime) -> Transfer:
    begun = offline.begin(acme, usd(1000), account=dollars, now=now)
    return offline.declare(begun, now=now, bank_number="ft\u3000 88")


def suggest(line: BankLine, *transfers: Transfer) -> None:
    for transfer in transfers:
        Suggestion.objects.create(line=line, transfer=transfer, reason=BankLine.Why.QUOTED)


def test_of_a_line_that_others_wait_for_too_only_what_was_asked_for_is_used(
    acme: Organisation, transfer: Transfer, dollars: BankAccount, ivy: User, now: datetime
) -> None:
    other = offline.declared(acme, usd(500), account=dollars, now=now)
    shared = offline.bring_line(dollars, usd(1500), imported_by=ivy, now=now)
    alone = offline.bring_line(dollars, usd(1700), imported_by=ivy, now=now)
    suggest(shared, transfer, other)
    suggest(alone, transfer)

    offered = {candidate.line: candidate.amount for candidate in candidates.list_for(transfer)}

    assert (offered[shared], offered[alone]) == (usd(1000), usd(1700))


def test_a_line_with_the_number_declared_is_offered_however_it_is_written(
    transfer: Transfer, dollars: BankAccount, ivy: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(77), imported_by=ivy, now=now)
    line.pk, line.bank_reference, line.payer_name, line.occurrence = None, "FT88", "", 2
    line.save(force_insert=True)

    offered = {candidate.line.bank_reference: candidate.reason for candidate in candidates.list_for(transfer)}

    assert offered["FT88"] == "the bank's number declared"


def test_the_desk_asks_as_much_for_one_line_as_for_many(
    transfer: Transfer, acme: Organisation, dollars: BankAccount, ivy: User, now: datetime, settings: LazySettings
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    fiona, asked = Desk(people.make_staff("fiona", "finance")), []
    other = offline.declared(acme, usd(500), account=dollars, now=now)
    for number in range(4):
        suggest(offline.bring_line(dollars, usd(1000 + number), imported_by=ivy, now=now), transfer, other)
        offline.bring_line(dollars, usd(1000), imported_by=ivy, now=now)
        with CaptureQueriesContext(connection) as queries:
            page = fiona.look(transfer)
        assert page.count('name="line"') == 2 * (number + 1)
        asked.append(len(queries))
    assert asked[-1] == asked[1]
