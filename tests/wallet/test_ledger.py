"""Posting: what goes in, what comes out, what is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from djmoney.money import Money

from wallet import chart, ledger
from wallet.calendar import business_date
from wallet.ledger import Draft, credit, debit
from wallet.models import HOUSE_ID, Account, Entry, Organisation, Posting, SealedDay

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(db: None) -> datetime:
    """The database's clock: within the test's transaction it stands still."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def usd(amount: str) -> Money:
    return Money(amount, "USD")


def top_up(amount: str, key: str = "order:TU1:credit", target: str = chart.WALLET) -> Draft:
    return Draft(key=key, kind="TOP_UP", lines=(debit(chart.STRIPE_CLEARING, usd(amount)), credit(target, usd(amount))))


def move(amount: str, key: str = "order:TU2:credit") -> Draft:
    lines = (debit(chart.WALLET, usd(amount)), credit(chart.product("whatsapp"), usd(amount)))
    return Draft(key=key, kind="MOVE", lines=lines)


def balance(organisation: Organisation, code: str = chart.WALLET) -> Money:
    return Account.objects.balance(organisation_id=organisation.id, code=code, currency="USD")


def test_a_top_up_raises_the_wallet_and_stripe_clearing(organisation: Organisation, now: datetime) -> None:
    [posted] = ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    assert posted.is_new
    assert balance(organisation) == usd("100")
    assert balance(organisation, chart.STRIPE_CLEARING) == usd("100")
    posting = Posting.objects.get(pk=posted.id)
    assert (posting.key, posting.kind, posting.posted_at) == ("order:TU1:credit", "TOP_UP", now)
    assert posting.business_date == date(2026, 7, 15)
    assert [(e.line, e.side, e.amount, e.balance_after) for e in posting.entries.order_by("line")] == [
        (1, "DEBIT", usd("100"), usd("100")),
        (2, "CREDIT", usd("100"), usd("100")),
    ]


def test_an_account_never_posted_to_holds_zero(organisation: Organisation) -> None:
    assert balance(organisation) == usd("0")


def test_the_same_fact_posts_once(organisation: Organisation, now: datetime) -> None:
    [first] = ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    later = replace(top_up("100"), memo="seen again", by="sweep")
    [second] = ledger.post(organisation_id=organisation.id, drafts=[later], now=now + timedelta(days=1))
    assert (second.id, second.is_new) == (first.id, False)
    assert balance(organisation) == usd("100")


def test_the_order_of_the_lines_is_no_content(organisation: Organisation, now: datetime) -> None:
    draft = top_up("100")
    [first] = ledger.post(organisation_id=organisation.id, drafts=[draft], now=now)
    turned = Draft(key=draft.key, kind=draft.kind, lines=draft.lines[::-1])
    assert ledger.post(organisation_id=organisation.id, drafts=[turned], now=now)[0].id == first.id


@pytest.mark.parametrize(
    "other",
    [
        top_up("100.01"),
        top_up("100", target=chart.product("sms")),
        Draft(key="order:TU1:credit", kind="OTHER", lines=top_up("100").lines),
        Draft(key="order:TU1:credit", kind="TOP_UP", lines=top_up("100").lines, order_number="TU1"),
    ],
    ids=["amount", "account", "kind", "order"],
)
def test_a_key_with_other_content_is_refused(organisation: Organisation, now: datetime, other: Draft) -> None:
    ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    with pytest.raises(ledger.KeyReused), transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[other], now=now)
    assert balance(organisation) == usd("100")
    assert Posting.objects.filter(organisation=organisation).count() == 1


def test_two_organisations_may_use_the_same_key(make_organisation: Callable[..., Organisation], now: datetime) -> None:
    acme, bobs = make_organisation("Acme Messaging"), make_organisation("Bob's Bots")
    ledger.post(organisation_id=acme.id, drafts=[top_up("100")], now=now)
    [posted] = ledger.post(organisation_id=bobs.id, drafts=[top_up("7")], now=now)
    assert posted.is_new
    assert (balance(acme), balance(bobs)) == (usd("100"), usd("7"))


def test_many_drafts_are_posted_in_their_order(organisation: Organisation, now: datetime) -> None:
    drafts = [top_up("100", key="z"), move("60", key="m"), move("40", key="a")]
    posted = ledger.post(organisation_id=organisation.id, drafts=drafts, now=now)
    assert [p.key for p in posted] == ["z", "m", "a"]
    assert balance(organisation) == usd("0")
    after = Entry.objects.filter(account__code=chart.WALLET, organisation=organisation).order_by("position")
    assert [e.balance_after for e in after] == [usd("100"), usd("40"), usd("0")]
    assert [e.position for e in after] == [1, 2, 3]


def test_many_drafts_are_posted_all_or_none(organisation: Organisation, now: datetime) -> None:
    with pytest.raises(ledger.InsufficientFunds), transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[top_up("100"), move("100.01")], now=now)
    assert not Posting.objects.filter(organisation=organisation).exists()
    assert balance(organisation) == usd("0")


def test_a_replay_among_new_drafts_is_told_apart(organisation: Organisation, now: datetime) -> None:
    ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    posted = ledger.post(organisation_id=organisation.id, drafts=[top_up("100"), move("30")], now=now)
    assert [p.is_new for p in posted] == [False, True]
    assert balance(organisation) == usd("70")


def test_spending_more_than_there_is_is_refused(organisation: Organisation, now: datetime) -> None:
    ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    with pytest.raises(ledger.InsufficientFunds) as refusal, transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[move("100.000001")], now=now)
    assert (refusal.value.code, refusal.value.currency) == (chart.WALLET, "USD")
    assert balance(organisation) == usd("100")


def test_a_guarded_balance_is_not_below_zero_between_two_postings_either(
    organisation: Organisation, now: datetime
) -> None:
    with pytest.raises(ledger.InsufficientFunds), transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[move("50"), top_up("100")], now=now)
    assert not Entry.objects.filter(organisation=organisation).exists()


def test_an_unguarded_account_may_fall_below_zero(organisation: Organisation, now: datetime) -> None:
    fee = Draft(
        key="fee", kind="FEE", lines=(debit(chart.STRIPE_FEES, usd("3.20")), credit(chart.STRIPE_CLEARING, usd("3.20")))
    )
    ledger.post(organisation_id=organisation.id, drafts=[fee], now=now)
    assert balance(organisation, chart.STRIPE_CLEARING) == usd("-3.20")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (credit(chart.WALLET, usd("1")),),
        (debit(chart.STRIPE_CLEARING, usd("1")), credit(chart.WALLET, usd("1.000001"))),
        (debit(chart.STRIPE_CLEARING, usd("1")), credit(chart.WALLET, Money("1", "CNY"))),
        (debit(chart.STRIPE_CLEARING, usd("1")), debit(chart.WALLET, usd("1"))),
    ],
    ids=["no lines", "one line", "a millionth out", "two currencies", "one side"],
)
def test_what_does_not_sum_to_zero_is_refused(
    organisation: Organisation, now: datetime, lines: tuple[ledger.Line, ...]
) -> None:
    with pytest.raises(ledger.Unbalanced) as refusal, transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[Draft(key="k", kind="TEST", lines=lines)], now=now)
    assert refusal.value.facts["key"] == "k"
    assert not Posting.objects.filter(organisation=organisation).exists()


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "0.0000001", "1E+13", "10000000000000"])
def test_an_amount_that_cannot_be_posted_is_refused(organisation: Organisation, now: datetime, amount: str) -> None:
    with pytest.raises(ledger.LineRefused), transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[top_up(amount)], now=now)


@pytest.mark.parametrize(
    "code", ["", "walet", "wallet ", "WALLET", "product:", "product:a:b", "product:sms:held:held", "wallet\n", "bank:"]
)
def test_a_code_outside_the_chart_is_refused(organisation: Organisation, now: datetime, code: str) -> None:
    with pytest.raises(ledger.UnknownCode), transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[top_up("1", target=code)], now=now)


def test_an_organisation_that_does_not_exist_cannot_be_posted_to(now: datetime) -> None:
    ledger.post(organisation_id=uuid4(), drafts=[top_up("1")], now=now)
    with pytest.raises(IntegrityError):  # as it would at the end of the transaction
        connection.check_constraints()
    transaction.set_rollback(True)


def test_the_house_has_its_own_organisation(now: datetime) -> None:
    ledger.post(organisation_id=HOUSE_ID, drafts=[top_up("1", key="order:TUHOUSE:credit")], now=now)
    assert Account.objects.of(HOUSE_ID).filter(code=chart.WALLET).exists()


def test_a_reversal_undoes_a_posting_once(organisation: Organisation, now: datetime) -> None:
    [wrong] = ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    first = _reverse(organisation, wrong.id, now)
    again = _reverse(organisation, wrong.id, now)
    assert (first.is_new, again.is_new, again.id) == (True, False, first.id)
    assert balance(organisation) == usd("0")
    assert Posting.objects.get(pk=first.id).reverses_id == wrong.id
    with pytest.raises(ledger.AlreadyReversed), transaction.atomic():
        _reverse(organisation, wrong.id, now, key="another")


def test_money_already_spent_cannot_be_reversed_away(organisation: Organisation, now: datetime) -> None:
    [wrong, _] = ledger.post(organisation_id=organisation.id, drafts=[top_up("100"), move("1")], now=now)
    with pytest.raises(ledger.InsufficientFunds), transaction.atomic():
        _reverse(organisation, wrong.id, now)


def test_another_organisations_posting_cannot_be_reversed(
    make_organisation: Callable[..., Organisation], now: datetime
) -> None:
    acme, bobs = make_organisation("Acme Messaging"), make_organisation("Bob's Bots")
    [posted] = ledger.post(organisation_id=acme.id, drafts=[top_up("100")], now=now)
    with pytest.raises(ledger.PostingNotFound):
        _reverse(bobs, posted.id, now)
    direct = Draft(key="r", kind="REVERSAL", lines=top_up("1").lines, reverses=posted.id)
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.post(organisation_id=bobs.id, drafts=[direct], now=now)


FALSE_REVERSALS = {
    "other amounts": top_up("99").lines,
    "the same sides": top_up("100").lines,
    "another account": (debit(chart.SUSPENSE, usd("100")), credit(chart.STRIPE_CLEARING, usd("100"))),
    "another currency": (
        debit(chart.WALLET, Money("100", "CNY")),
        credit(chart.STRIPE_CLEARING, Money("100", "CNY")),
    ),
    "one line in two": (
        debit(chart.WALLET, usd("60")),
        debit(chart.WALLET, usd("40")),
        credit(chart.STRIPE_CLEARING, usd("100")),
    ),
    "the opposite twice": (debit(chart.WALLET, usd("100")), credit(chart.STRIPE_CLEARING, usd("100"))) * 2,
    "more than the opposite": (
        debit(chart.WALLET, usd("100")),
        credit(chart.STRIPE_CLEARING, usd("100")),
        debit(chart.FX, usd("1")),
        credit(chart.FX, usd("1")),
    ),
}


@pytest.mark.parametrize("kind", ["REVERSAL", "EXAMPLE"])
@pytest.mark.parametrize("lines", FALSE_REVERSALS.values(), ids=FALSE_REVERSALS.keys())
def test_what_is_not_the_exact_opposite_reverses_nothing(
    organisation: Organisation, now: datetime, lines: tuple[ledger.Line, ...], kind: str
) -> None:
    funds = (top_up("900", key="funds"), top_up("900", key="more", target=chart.SUSPENSE), top_up("100"))
    wrong = ledger.post(organisation_id=organisation.id, drafts=funds, now=now)[-1]
    draft = Draft(key="undo", kind=kind, lines=lines, reverses=wrong.id)
    with pytest.raises(ledger.NotOpposite) as refusal, transaction.atomic():
        ledger.post(organisation_id=organisation.id, drafts=[draft], now=now)
    assert refusal.value.facts == {"key": "undo"}
    assert balance(organisation) == usd("1000")
    assert _reverse(organisation, wrong.id, now).is_new


def test_a_posting_does_not_reverse_itself(organisation: Organisation, now: datetime) -> None:
    # Its own id goes in by hand: `post` gives none away beforehand.
    ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    statement = """
        SELECT * FROM ledger_post(%(organisation)s, %(now)s, '2026-07-15', (
            SELECT jsonb_build_array(jsonb_build_object(
                'id', %(id)s::uuid, 'reverses', %(id)s::uuid, 'key', 'undo', 'kind', 'REVERSAL', 'lines',
                jsonb_agg(jsonb_build_object('id', gen_random_uuid(), 'account', gen_random_uuid(), 'code', 'wallet',
                                             'currency', 'USD', 'side', side, 'amount', '1'))))
            FROM unnest(ARRAY['DEBIT', 'CREDIT']) AS side))
    """
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="is not the opposite"):
        cursor.execute(statement, {"organisation": organisation.id, "now": now, "id": uuid4()})
    transaction.set_rollback(True)


def test_a_reversal_can_be_reversed(organisation: Organisation, now: datetime) -> None:
    [posted] = ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    undo = _reverse(organisation, posted.id, now)
    assert _reverse(organisation, undo.id, now, key="undo:undo").is_new
    assert balance(organisation) == usd("100")


def test_nothing_is_posted_on_a_sealed_day(organisation: Organisation, now: datetime) -> None:
    tomorrow = now + timedelta(days=1)
    ledger.seal_day(day=date(2026, 7, 15), now=tomorrow, by="fiona")
    for late in (now, now - timedelta(days=40)):
        with pytest.raises(ledger.DaySealed), transaction.atomic():
            ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=late)
    assert ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=tomorrow)[0].is_new


def test_sealing_twice_gives_the_first_hash(organisation: Organisation, now: datetime) -> None:
    ledger.post(organisation_id=organisation.id, drafts=[top_up("100")], now=now)
    first = ledger.seal_day(day=date(2026, 7, 15), now=now + timedelta(days=1), by="fiona")
    assert ledger.seal_day(day=date(2026, 7, 15), now=now + timedelta(days=2), by="felix") == first
    assert SealedDay.objects.get().by == "fiona"
    assert len(first) == 32


def test_a_day_is_sealed_only_when_it_is_over_and_the_one_before_is_sealed(now: datetime) -> None:
    for day in (date(2026, 7, 15), date(2026, 7, 16)):
        with pytest.raises(ledger.DayNotSealable), transaction.atomic():
            ledger.seal_day(day=day, now=now, by="fiona")
    ledger.seal_day(day=date(2026, 7, 10), now=now, by="fiona")
    for day in (date(2026, 7, 12), date(2026, 7, 9)):
        with pytest.raises(ledger.DayNotSealable) as refusal, transaction.atomic():
            ledger.seal_day(day=day, now=now, by="fiona")
        assert refusal.value.facts["next"] == "2026-07-11"


def test_nothing_is_dated_more_than_a_day_ahead(organisation: Organisation, clock: datetime) -> None:
    ahead = clock + timedelta(days=1)
    assert ledger.post(organisation_id=organisation.id, drafts=[top_up("1")], now=ahead)[0].is_new
    for moment in (ahead + timedelta(seconds=1), datetime(2999, 1, 1, tzinfo=UTC)):
        with pytest.raises(ledger.DatedAhead), transaction.atomic():
            ledger.post(organisation_id=organisation.id, drafts=[move("1")], now=moment)
        with pytest.raises(ledger.DatedAhead), transaction.atomic():
            ledger.seal_day(day=business_date(clock) - timedelta(days=1), now=moment, by="fiona")
    assert not SealedDay.objects.exists()


def test_a_day_is_sealed_only_when_it_is_over_by_the_databases_clock_too(
    organisation: Organisation, clock: datetime
) -> None:
    today, ahead = business_date(clock), clock + timedelta(days=1)
    with pytest.raises(ledger.DayNotSealable), transaction.atomic():
        ledger.seal_day(day=today, now=ahead, by="fiona")
    ledger.seal_day(day=today - timedelta(days=1), now=ahead, by="fiona")
    assert ledger.post(organisation_id=organisation.id, drafts=[top_up("1")], now=clock)[0].is_new


def test_the_database_knows_the_shanghai_day_itself(organisation: Organisation, now: datetime) -> None:
    late = datetime(2026, 7, 15, 16, 0, tzinfo=UTC)  # midnight in Shanghai: already the 16th
    [posted] = ledger.post(organisation_id=organisation.id, drafts=[top_up("1")], now=late)
    assert Posting.objects.get(pk=posted.id).business_date == date(2026, 7, 16)


def test_posting_is_one_round_trip(
    organisation: Organisation, now: datetime, django_assert_num_queries: Callable[[int], object]
) -> None:
    with django_assert_num_queries(1):  # type: ignore[attr-defined]  # a context manager
        ledger.post(organisation_id=organisation.id, drafts=[top_up("100"), move("3")], now=now)


def _reverse(organisation: Organisation, posting_id: UUID, now: datetime, key: str = "undo") -> ledger.Posted:
    return ledger.reverse(
        organisation_id=organisation.id, posting_id=posting_id, key=key, now=now, by="fiona", memo="typed twice"
    )
