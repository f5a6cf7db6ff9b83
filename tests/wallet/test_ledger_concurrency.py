"""P3 and the locks: many at once, each on a connection of his own."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from djmoney.money import Money

from tests.races import raise_failures, rounds, run_at_once, wait_until
from wallet import audit, chart, ledger
from wallet.ledger import Draft, credit, debit
from wallet.models import Account, Entry, Organisation, Posting, SealedDay

THREADS = 64


def usd(amount: int | str) -> Money:
    return Money(amount, "USD")


def fund(organisation: Organisation, amount: Money, now: datetime, code: str = chart.WALLET) -> None:
    lines = (debit(chart.STRIPE_CLEARING, amount), credit(code, amount))
    draft = Draft(key=f"fund:{code}", kind="EXAMPLE", lines=lines)
    ledger.post(organisation_id=organisation.id, drafts=[draft], now=now)


def spend(organisation: Organisation, key: str, now: datetime) -> Callable[[], object]:
    lines = (debit(chart.WALLET, usd(1)), credit(chart.revenue("sms"), usd(1)))
    return lambda: ledger.post(
        organisation_id=organisation.id, drafts=[Draft(key=key, kind="USE", lines=lines)], now=now
    )


@pytest.mark.parametrize("repeat", rounds(2, full=100))
def test_a_balance_good_for_k_is_spent_k_times(
    committed: None, make_organisation: Callable[..., Organisation], now: datetime, repeat: int
) -> None:
    good_for = (1, 17, 63)[repeat % 3]
    organisation = make_organisation()
    fund(organisation, usd(good_for), now)
    outcomes = run_at_once([spend(organisation, f"use:{n}", now) for n in range(THREADS)])
    assert Counter(type(outcome).__name__ for outcome in outcomes) == {
        "list": good_for,
        "InsufficientFunds": THREADS - good_for,
    }
    assert Account.objects.balance(organisation_id=organisation.id, code=chart.WALLET, currency="USD") == usd(0)
    assert Posting.objects.filter(organisation=organisation, kind="USE").count() == good_for


def test_one_fact_told_by_many_at_once_posts_once(
    committed: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    organisation = make_organisation()
    fund(organisation, usd(10), now)
    outcomes = run_at_once([spend(organisation, "use:same", now)] * THREADS)
    posted = [outcome[0] for outcome in outcomes if isinstance(outcome, list)]
    assert len(posted) == THREADS
    assert len({p.id for p in posted}) == 1
    assert sum(p.is_new for p in posted) == 1
    assert Account.objects.balance(organisation_id=organisation.id, code=chart.WALLET, currency="USD") == usd(9)


def test_an_account_is_opened_once_by_many_at_once(
    committed: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    organisation = make_organisation()

    def top_up(n: int) -> Callable[[], object]:
        lines = (debit(chart.STRIPE_CLEARING, usd(1)), credit(chart.WALLET, usd(1)))
        return lambda: ledger.post(
            organisation_id=organisation.id, drafts=[Draft(key=f"top-up:{n}", kind="EXAMPLE", lines=lines)], now=now
        )

    outcomes = run_at_once([top_up(n) for n in range(32)])
    raise_failures(outcomes)
    assert Account.objects.of(organisation.id).count() == 2
    assert Account.objects.balance(organisation_id=organisation.id, code=chart.WALLET, currency="USD") == usd(32)
    positions = Entry.objects.filter(organisation=organisation, account__code=chart.WALLET).values_list("position")
    assert sorted(positions) == [(n,) for n in range(1, 33)]


@pytest.mark.parametrize("repeat", rounds(3, full=50))
def test_accounts_that_overlap_are_opened_by_many_at_once_without_locking_up(
    committed: None, make_organisation: Callable[..., Organisation], now: datetime, repeat: int
) -> None:
    """Whoever opens an account waits for others who do; he must not hold one that they want."""
    organisation = make_organisation()
    bank, sms = chart.bank("a"), chart.product("sms")
    pairs = ((chart.STRIPE_CLEARING, chart.WALLET), (chart.STRIPE_CLEARING, sms), (bank, chart.WALLET), (bank, sms))

    def top_up(n: int) -> Callable[[], object]:
        source, target = pairs[n % len(pairs)]
        lines = (debit(source, usd(1)), credit(target, usd(1)))
        return lambda: ledger.post(
            organisation_id=organisation.id, drafts=[Draft(key=f"top-up:{n}", kind="EXAMPLE", lines=lines)], now=now
        )

    raise_failures(run_at_once([top_up(n) for n in range(32)]))
    assert Account.objects.of(organisation.id).count() == 4
    assert Posting.objects.filter(organisation=organisation).count() == 32


def test_money_going_both_ways_never_locks_up(
    committed: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    organisation = make_organisation()
    ends = [chart.product("sms"), chart.product("voice"), chart.WALLET]
    for code in ends:
        fund(organisation, usd(100), now, code)

    def circle(n: int) -> Callable[[], object]:
        turned = ends[n % 3 :] + ends[: n % 3]
        turned = turned if n % 2 else turned[::-1]
        lines = (debit(turned[0], usd(1)), debit(turned[1], usd(1)), credit(turned[2], usd(2)))
        draft = Draft(key=f"circle:{n}", kind="MOVE", lines=lines)
        return lambda: [ledger.post(organisation_id=organisation.id, drafts=[draft], now=now) for _ in range(3)]

    outcomes = run_at_once([circle(n) for n in range(32)])
    raise_failures(outcomes)
    held = [Account.objects.balance(organisation_id=organisation.id, code=c, currency="USD") for c in ends]
    assert sum(held, usd(0)) == usd(300)


@contextmanager
def session(*, wait: str = "300ms") -> Iterator[psycopg.Connection]:
    """A second session of the application's role that gives up waiting for a lock, and leaves nothing behind."""
    who = settings.DATABASES["default"]
    with psycopg.connect(
        host=who["HOST"], port=who["PORT"], user=who["USER"], password=who["PASSWORD"], dbname=who["NAME"]
    ) as other:
        other.execute(f"SET lock_timeout = '{wait}'")
        yield other
        other.rollback()


def waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


POST = """
    SELECT * FROM ledger_post(%(organisation)s, %(now)s, (%(now)s AT TIME ZONE 'Asia/Shanghai')::date, (
        SELECT jsonb_build_array(jsonb_build_object(
            'id', gen_random_uuid(), 'key', coalesce(%(key)s, gen_random_uuid()::text), 'kind', 'EXAMPLE',
            'lines', jsonb_agg(jsonb_build_object(
                'id', gen_random_uuid(), 'account', gen_random_uuid(), 'code', code, 'currency', 'USD', 'side', side,
                'amount', '1'))))
        FROM (VALUES ('bank:a', 'DEBIT'), ('suspense', 'CREDIT')) AS line (code, side)))
"""
SEAL = "SELECT ledger_seal_day((%(now)s AT TIME ZONE 'Asia/Shanghai')::date, %(now)s + interval '3 days', 'fiona')"


def test_the_same_keys_in_another_order_never_lock_up(
    committed: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    organisation = make_organisation()
    lines = (debit(chart.STRIPE_CLEARING, usd(1)), credit(chart.WALLET, usd(1)))
    drafts = [Draft(key=f"batch:{n}", kind="EXAMPLE", lines=lines) for n in range(3)]

    def act(turned: list[Draft]) -> Callable[[], object]:
        return lambda: ledger.post(organisation_id=organisation.id, drafts=turned, now=now)

    with session() as first, ThreadPoolExecutor(1) as pool:  # the first holds the middle key until both wait
        first.execute(POST, {"organisation": organisation.id, "now": now, "key": "batch:1"})
        both = pool.submit(run_at_once, [act(drafts), act(drafts[::-1])])
        wait_until(lambda: waiting_for_locks() == 2)
        first.rollback()
        raise_failures(both.result(timeout=60))
    assert Posting.objects.filter(organisation=organisation).count() == 3


def test_sealing_a_day_and_posting_on_it_wait_for_each_other(
    fresh_database: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    today = {"organisation": make_organisation().id, "now": now, "key": None}
    yesterday = today | {"now": now - timedelta(days=1)}
    tomorrow = today | {"now": now + timedelta(days=1)}
    with session() as posting, session() as sealing:  # the first seal of all waits for everybody
        posting.execute(POST, tomorrow)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            sealing.execute(SEAL, yesterday)
    with session() as sealing:
        sealing.execute(SEAL, yesterday)
        sealing.commit()
    with session() as sealing, session() as posting:  # those after it hold up nobody who posts on another day
        sealing.execute(SEAL, today)
        posting.execute(POST, tomorrow)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            posting.execute(POST, today)
    with session() as posting, session() as sealing:
        posting.execute(POST, today)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            sealing.execute(SEAL, today)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_nothing_slips_onto_a_sealed_day_out_of_an_old_snapshot(
    fresh_database: None, make_organisation: Callable[..., Organisation], now: datetime, level: str
) -> None:
    today = {"organisation": make_organisation().id, "now": now, "key": None}
    with session() as sealing:  # the first seal of all would wait for whoever has read what is sealed
        sealing.execute(SEAL, today | {"now": now - timedelta(days=1)})
        sealing.commit()
    with session() as posting, session() as sealing:
        posting.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        posting.execute("SELECT FROM wallet_sealedday")  # from here on it sees the ledger as it was
        sealing.execute(SEAL, today)
        sealing.commit()
        with pytest.raises(psycopg.Error, match="written under READ COMMITTED"):
            posting.execute(POST, today)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_no_seal_leaves_out_what_an_old_snapshot_does_not_show(
    fresh_database: None, make_organisation: Callable[..., Organisation], now: datetime, level: str
) -> None:
    today = {"organisation": make_organisation().id, "now": now, "key": None}
    with session() as sealing, session() as posting:
        sealing.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        sealing.execute("SELECT FROM wallet_posting")
        posting.execute(POST, today)
        posting.commit()
        with pytest.raises(psycopg.Error, match="written under READ COMMITTED"):
            sealing.execute(SEAL, today)


def test_a_transaction_of_another_isolation_is_told_so(
    committed: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    act = spend(make_organisation(), "use:old", now)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(ledger.NotReadCommitted, match="not under repeatable read"):
            act()
        transaction.set_rollback(True)


def test_nothing_slips_onto_an_earlier_day_while_the_first_is_sealed(
    fresh_database: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    organisation = make_organisation()
    fund(organisation, usd(100), now)
    earlier = now - timedelta(days=1)
    with session() as sealing, ThreadPoolExecutor(1) as pool:
        sealing.execute(SEAL, {"now": now})
        late = pool.submit(run_at_once, [spend(organisation, "late", earlier)])
        wait_until(lambda: waiting_for_locks() == 1)
        sealing.commit()
        outcomes = late.result(timeout=60)
    assert [type(outcome) for outcome in outcomes] == [ledger.DaySealed]
    assert audit.find_problems(checks=audit.CHECKS[:5], now=now) == []


def test_nothing_slips_onto_a_day_while_it_is_sealed(
    fresh_database: None, make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    organisation = make_organisation()
    fund(organisation, usd(100), now)

    def seal() -> object:
        return ledger.seal_day(day=now.date(), now=now + timedelta(days=1), by="fiona")

    outcomes = run_at_once([*[spend(organisation, f"use:{n}", now) for n in range(24)], seal, seal])
    sealed = SealedDay.objects.get()
    assert sealed.posting_count == Posting.objects.filter(business_date__lte=sealed.day).count()
    assert {type(outcome) for outcome in outcomes} <= {list, bytes, ledger.DaySealed}
    assert audit.find_problems(checks=audit.CHECKS[:5], now=now) == []
