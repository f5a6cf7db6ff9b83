"""What a posting left in an account, in the same round trip."""

from datetime import datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from djmoney.money import Money

from wallet import chart, ledger
from wallet.models import Organisation


def _draft(key: str, cents: int, memo: str = "") -> ledger.Draft:
    amount = Money(cents, "USD") / 100
    lines = (ledger.debit(chart.STRIPE_CLEARING, amount), ledger.credit(chart.WALLET, amount))
    return ledger.Draft(key=key, kind="EXAMPLE", lines=lines, memo=memo)


def _post(organisation: Organisation, *drafts: ledger.Draft, now: datetime) -> list[ledger.Left]:
    return ledger.post_and_read(
        organisation_id=organisation.pk, drafts=drafts, code=chart.WALLET, currency="USD", now=now
    )


def test_each_posting_tells_what_it_left(organisation: Organisation, now: datetime) -> None:
    first, second = _post(organisation, _draft("a", 100, "one"), _draft("b", 250), now=now)
    assert (first.key, first.balance_after, first.memo, first.is_new) == ("a", Money("1.00", "USD"), "one", True)
    assert (second.balance_after, second.posted_at) == (Money("3.50", "USD"), now)


def test_a_repeated_posting_tells_what_it_left_the_first_time(organisation: Organisation, now: datetime) -> None:
    (first,) = _post(organisation, _draft("a", 100, "one"), now=now)
    _post(organisation, _draft("b", 900), now=now)
    (again,) = _post(organisation, _draft("a", 100, "other words"), now=now + timedelta(hours=1))
    assert (again.id, again.balance_after, again.posted_at, again.memo) == (first.id, Money(1, "USD"), now, "one")
    assert not again.is_new


def test_posting_and_reading_is_one_round_trip(organisation: Organisation, now: datetime) -> None:
    with CaptureQueriesContext(connection) as queries:
        _post(organisation, _draft("a", 100), now=now)
    assert len(queries) == 1
