"""Billing details: versions that are only added, tax numbers, payer names, and how names are compared."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, transaction

from tests.people import make_member, make_owner, make_user
from tests.races import raise_failures, run_at_once
from wallet import details, details_history, tax_numbers
from wallet.details import Facts
from wallet.models import BillingDetails, Member, PayerName, Role, User

ACME = Facts(
    legal_name_zh="极限信息有限公司",
    legal_name_en="Acme Messaging Co., Ltd.",
    address="1 Example Road\nShanghai",
    tax_number="91350100M000100Y43",
)
"""The tax number is the example of GB 32100-2015."""


@pytest.fixture
def alice(db: None) -> Member:
    return make_owner()


def record(facts: Facts, *, by: Member, now: datetime, seen: int = 0) -> BillingDetails:
    return details.record(facts, organisation_id=by.organisation_id, seen_version=seen, by=by.user, now=now)


def add(name: str, *, by: Member, now: datetime) -> PayerName:
    return details.add_payer(organisation_id=by.organisation_id, name=name, by=by.user, now=now)


def remove(name: str, *, by: Member, now: datetime) -> bool:
    return details.remove_payer(organisation_id=by.organisation_id, name=name, by=by.user, now=now)


def is_known(name: str, member: Member) -> bool:
    return details.is_known_payer(organisation_id=member.organisation_id, name=name)


def versions_of(member: Member) -> list[int]:
    mine = BillingDetails.objects.filter(organisation_id=member.organisation_id)
    return list(mine.order_by("version").values_list("version", flat=True))


def test_first_version_is_the_current_one_and_says_who_and_when(alice: Member, now: datetime) -> None:
    assert details.current(alice.organisation_id) is None
    record(ACME, by=alice, now=now)
    current = details.current(alice.organisation_id)
    assert current is not None
    assert (current.version, current.by, current.by_name, current.recorded_at) == (1, alice.user, "Alice", now)
    assert details.read(current) == ACME


def test_change_is_a_new_version_and_the_old_one_stays(alice: Member, now: datetime) -> None:
    record(ACME, by=alice, now=now)
    moved = Facts(legal_name_en="Acme Messaging Co., Ltd.", address="2 Example Road")
    second = record(moved, by=alice, now=now + timedelta(days=1), seen=1)
    assert second == details.current(alice.organisation_id)
    old = BillingDetails.objects.get(organisation=alice.organisation, version=1)
    assert (details.read(old), old.recorded_at) == (ACME, now)


@pytest.mark.parametrize(
    "same",
    [
        ACME,
        Facts(**{**vars(ACME), "address": " 1 Example  Road \r\n\r\nShanghai\t", "legal_name_zh": "极限信息有限公司 "}),
    ],
)
def test_nothing_new_makes_no_version_whatever_was_seen(alice: Member, now: datetime, same: Facts) -> None:
    first = record(ACME, by=alice, now=now)
    for seen in (0, 1, 7):
        assert record(same, by=alice, now=now + timedelta(hours=1), seen=seen) == first
    assert versions_of(alice) == [1]


def test_form_that_did_not_see_the_latest_version_writes_nothing(alice: Member, now: datetime) -> None:
    record(ACME, by=alice, now=now)
    vera = make_member("vera", alice.organisation, Role.BILLING)
    renamed = Facts(legal_name_en="Acme Ltd", address="1 Example Road")
    record(renamed, by=vera, now=now, seen=1)
    with pytest.raises(details.ChangedMeanwhile) as refused:
        record(Facts(legal_name_en="Acme Inc", address="3 Example Road"), by=alice, now=now, seen=1)
    assert refused.value.current.version == 2
    assert versions_of(alice) == [1, 2]
    meanwhile = details_history.read_since(alice.organisation_id, version=1)
    assert [(one.version, one.by) for one in meanwhile] == [(2, "Vera")]
    assert [(str(d.label), d.before, d.after) for d in meanwhile[0].differences] == [
        ("legal name in Chinese", "极限信息有限公司", ""),
        ("legal name in English", "Acme Messaging Co., Ltd.", "Acme Ltd"),
        ("address", "1 Example Road\nShanghai", "1 Example Road"),
        ("tax number", "91350100M000100Y43", ""),
    ]


@pytest.mark.usefixtures("committed")
def test_different_details_recorded_at_once_make_one_version_and_one_stale_form(now: datetime) -> None:
    for _ in range(5):
        alice = make_owner()
        wishes = [Facts(legal_name_en=f"Acme {number} Ltd", address="1 Example Road") for number in range(4)]
        ends = run_at_once([partial(record, facts, by=alice, now=now) for facts in wishes])
        assert sum(isinstance(end, BillingDetails) for end in ends) == 1
        assert sum(isinstance(end, details.ChangedMeanwhile) for end in ends) == 3
        assert versions_of(alice) == [1]


@pytest.mark.usefixtures("committed")
def test_same_details_recorded_at_once_make_one_version(now: datetime) -> None:
    for _ in range(5):
        alice = make_owner()
        ends = run_at_once([partial(record, ACME, by=alice, now=now)] * 4)
        raise_failures(ends)
        assert versions_of(alice) == [1]


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (Facts(address="1 Example Road"), details.NoLegalName),
        (Facts(legal_name_zh=" \u2028\t", legal_name_en="\u202e", address="1 Example Road"), details.NoLegalName),
        (Facts(legal_name_en="Acme"), details.NoAddress),
        (Facts(legal_name_en="Acme", address=" \r\n\t\u2029 "), details.NoAddress),
        (Facts(**{**vars(ACME), "tax_number": "91350100M000100Y44"}), tax_numbers.WrongCheckCharacter),
    ],
)
def test_details_that_say_too_little_are_refused(
    alice: Member, now: datetime, facts: Facts, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        record(facts, by=alice, now=now)
    assert versions_of(alice) == []


def test_only_those_who_may_top_up_change_anything(alice: Member, now: datetime) -> None:
    add("Acme Parent Ltd", by=alice, now=now)
    bob, vera = make_owner("bob", "Bright Retail"), make_member("vera", alice.organisation, Role.VIEWER)
    for stranger in (bob.user, vera.user, make_user("sam", is_staff=True, is_superuser=True)):
        for act in _acts(alice, stranger, now):
            with pytest.raises(details.MayNotChangeDetails):
                act()
    assert versions_of(alice) == []
    assert [payer.name for payer in PayerName.objects.live(alice.organisation_id)] == ["Acme Parent Ltd"]


def _acts(member: Member, by: User, now: datetime) -> list[Callable[[], object]]:
    where: dict[str, Any] = {"organisation_id": member.organisation_id, "by": by, "now": now}
    return [
        lambda: details.record(ACME, seen_version=0, **where),
        lambda: details.add_payer(name="Mallory Ltd", **where),
        lambda: details.remove_payer(name="Acme Parent Ltd", **where),
    ]


# --- the database ------------------------------------------------------------------------------------------------


def _change(row: BillingDetails | PayerName) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(by_name="Mallory")


def _rename(row: BillingDetails | PayerName) -> None:
    PayerName.objects.filter(pk=row.pk).update(name="Mallory Ltd", folded="malloryltd")


def _delete(row: BillingDetails | PayerName) -> None:
    type(row)._default_manager.filter(pk=row.pk).delete()


def _save(row: BillingDetails | PayerName) -> None:
    row.save()


@pytest.mark.parametrize("way", [_change, _delete, _save])
def test_database_refuses_to_change_a_version(alice: Member, now: datetime, way: Callable[[Any], None]) -> None:
    row = record(ACME, by=alice, now=now)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        way(row)
    assert versions_of(alice) == [1]


@pytest.mark.parametrize("way", [_change, _rename, _delete, _save])
def test_database_lets_a_payer_name_only_be_removed(alice: Member, now: datetime, way: Callable[[Any], None]) -> None:
    row = add("Acme Parent Ltd", by=alice, now=now)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        way(row)
    assert is_known("Acme Parent Ltd", alice)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"version": 0}, "details_are_counted_from_one"),
        ({"version": 1}, "details_once_per_version"),
        ({"legal_name_zh": "", "legal_name_en": ""}, "details_have_a_legal_name"),
        ({"address": ""}, "details_have_an_address"),
        ({"legal_name_en": "Acme\nBcc: x"}, "details_are_plain_lines"),
        ({"legal_name_zh": "极限\u2028"}, "details_are_plain_lines"),
        ({"tax_number": "1\t2"}, "details_are_plain_lines"),
        ({"address": "1 Example Road\r\nShanghai"}, "details_are_plain_lines"),
    ],
)
def test_database_keeps_the_rules_of_versions(
    alice: Member, now: datetime, columns: dict[str, Any], constraint: str
) -> None:
    record(ACME, by=alice, now=now)
    row = {**vars(ACME), "version": 2, "recorded_at": now, "by_name": "Alice"} | columns
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        BillingDetails.objects.create(organisation=alice.organisation, by=alice.user, **row)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"name": "ACME PARENT LIMITED"}, "payer_name_once_while_live"),
        ({"folded": ""}, "payer_name_can_be_compared"),
        ({"name": "Acme\nParent", "folded": "other"}, "payer_name_is_one_line"),
        ({"folded": "other", "removed_by_name": "Alice"}, "payer_name_removed_by_somebody"),
        ({"folded": "other", "removed_at": datetime(2026, 7, 15)}, "payer_name_removed_by_somebody"),  # noqa: DTZ001  # refused anyway
    ],
)
@pytest.mark.filterwarnings("ignore:DateTimeField PayerName.removed_at received a naive datetime")
def test_database_keeps_the_rules_of_payer_names(
    alice: Member, now: datetime, columns: dict[str, Any], constraint: str
) -> None:
    add("Acme Parent Ltd", by=alice, now=now)
    row = {"name": "Acme Parent Ltd", "folded": "acmeparentltd", "added_at": now, "by_name": "Alice"} | columns
    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        PayerName.objects.create(organisation=alice.organisation, by=alice.user, **row)


# --- tax numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("91350100M000100Y43", "91350100M000100Y43"),
        (" 91350100 m000 100y43 ", "91350100M000100Y43"),
        ("９１３５０１００Ｍ０００１００Ｙ４３", "91350100M000100Y43"),
        ("DE 123 456 789", "DE 123 456 789"),
        ("12.345.678/0001-95", "12.345.678/0001-95"),
        ("ABCDEFGHJKLMNPQRST", "ABCDEFGHJKLMNPQRST"),
        ("350100123456789", "350100123456789"),
        ("12\n34\u202e", "12 34"),
        ("", ""),
    ],
)
def test_tax_number_is_stored_as_its_country_writes_it(written: str, stored: str) -> None:
    assert tax_numbers.tidy(written) == stored


def test_every_slip_of_one_character_in_a_chinese_number_is_seen() -> None:
    """The check character is of base 31, a prime, and its weights never vanish: one wrong sign always shows."""
    right = "91350100M000100Y43"
    slips = 0
    for place in range(18):
        for sign in "0123456789" if 2 <= place < 8 else "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            wrong = right[:place] + sign + right[place + 1 :]
            if wrong != right:
                slips += 1
                with pytest.raises(tax_numbers.WrongCheckCharacter):
                    tax_numbers.tidy(wrong)
    assert slips == 12 * 35 + 6 * 9


@pytest.mark.parametrize("place", [0, 1, 8, 9, 14, 15, 16])
def test_neighbours_exchanged_in_a_chinese_number_are_seen(place: int) -> None:
    right = "91350100M000100Y43"
    signs = list(right)
    signs[place], signs[place + 1] = signs[place + 1], signs[place]
    if (swapped := "".join(signs)) != right:
        with pytest.raises(tax_numbers.WrongCheckCharacter):
            tax_numbers.tidy(swapped)


# --- names compared ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("Acme Messaging Co., Ltd.", "ACME MESSAGING CO LTD", "Acme Messaging Company Limited", "ACME MESSAGING CO.LTD",
         "acme-messaging coltd", "ＡＣＭＥ　Messaging Co．，Ltd．", "ACME MESS\nAGING CO LIMI\nTED"),
        ("极限信息（上海）有限公司", "极限信息(上海)有限公司", "极限信息 上海 有限责任公司",
         "极限信息\u200b（上海）\n有限公司"),
        ("Smith & Sons, Inc.", "SMITH AND SONS INCORPORATED", "Smith＆Sons Inc"),
        ("Umbrella Corporation", "UMBRELLA CORP."),
        ("Straße GmbH", "STRASSE GMBH"),
    ],
)  # fmt: skip
def test_names_written_differently_are_one(names: tuple[str, ...]) -> None:
    assert len({details.fold(name) for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Ltd", "Acme Inc"),
        ("Acme Ltd", "Acme"),
        ("Acme Co Ltd", "Acme Ltd"),
        ("极限信息有限公司", "极限信息股份有限公司"),
        ("极限信息有限公司", "极限信息"),
        ("Acme 1 Ltd", "Acme 2 Ltd"),
        ("Müller AG", "Muller AG"),
        ("Limited Editions Ltd", "Ltd Editions Ltd"),
    ],
)
def test_names_of_different_companies_stay_different(one: str, other: str) -> None:
    assert details.fold(one) != details.fold(other)


@pytest.mark.parametrize("nothing", ["", " ", "()-.,", "\u200b\u2028", "（）", "💰"])
def test_name_without_letters_is_nobody(alice: Member, now: datetime, nothing: str) -> None:
    assert details.fold(nothing) == ""
    assert not is_known(nothing, alice)
    with pytest.raises(details.NameSaysNothing):
        add(nothing, by=alice, now=now)
    record(Facts(legal_name_en="Acme", address="x"), by=alice, now=now)
    assert not is_known(nothing, alice)


def test_name_that_grows_when_it_is_folded_is_cut_and_found(alice: Member, now: datetime) -> None:
    name = "\ufdfa" * 200  # eighteen letters each
    add(name, by=alice, now=now)
    assert is_known(name, alice)


def test_legal_names_and_payer_names_are_known(alice: Member, now: datetime) -> None:
    assert not is_known("Acme Messaging Co., Ltd.", alice)
    record(ACME, by=alice, now=now)
    add("Acme Parent (Hong Kong) Limited", by=alice, now=now)
    for name in ("极限信息有限责任公司", "ACME MESSAGING COMPANY LIMITED", "ACME PARENT HONG KONG LTD"):
        assert is_known(name, alice)
    assert not is_known("Mallory Ltd", alice)


def test_names_of_another_organisation_are_not_known(alice: Member, now: datetime) -> None:
    bob = make_owner("bob", "Bright Retail")
    record(ACME, by=alice, now=now)
    add("Acme Parent Ltd", by=alice, now=now)
    assert not is_known("Acme Messaging Co., Ltd.", bob)
    assert not is_known("Acme Parent Ltd", bob)
    assert not remove("Acme Parent Ltd", by=bob, now=now)
    assert is_known("Acme Parent Ltd", alice)


def test_former_legal_name_is_not_known_any_more(alice: Member, now: datetime) -> None:
    record(ACME, by=alice, now=now)
    record(Facts(legal_name_en="Acme Group Ltd", address="x"), by=alice, now=now, seen=1)
    assert not is_known("Acme Messaging Co., Ltd.", alice)
    assert is_known("Acme Group Ltd", alice)


def test_removed_payer_is_not_known_and_its_row_stays(alice: Member, now: datetime) -> None:
    add("Acme Parent Ltd", by=alice, now=now)
    vera = make_member("vera", alice.organisation, Role.BILLING)
    later = now + timedelta(days=1)
    assert remove("ACME PARENT LIMITED", by=vera, now=later)
    assert not is_known("Acme Parent Ltd", alice)
    row = PayerName.objects.get(organisation=alice.organisation)
    assert (row.by, row.added_at, row.removed_by, row.removed_by_name) == (alice.user, now, vera.user, "Vera")
    assert row.removed_at == later
    assert not remove("Acme Parent Ltd", by=alice, now=later + timedelta(days=1))
    row.refresh_from_db()
    assert row.removed_at == later


def test_payer_removed_and_added_again_is_known_with_both_rows(alice: Member, now: datetime) -> None:
    add("Acme Parent Ltd", by=alice, now=now)
    remove("Acme Parent Ltd", by=alice, now=now)
    add("Acme Parent Ltd", by=alice, now=now)
    assert is_known("Acme Parent Ltd", alice)
    assert PayerName.objects.filter(organisation=alice.organisation).count() == 2


def test_payer_added_twice_is_one_however_it_is_written(alice: Member, now: datetime) -> None:
    first = add("Acme Parent Ltd", by=alice, now=now)
    assert add(" ACME  PARENT LIMITED", by=alice, now=now) == first
    assert PayerName.objects.filter(organisation=alice.organisation).count() == 1


@pytest.mark.usefixtures("committed")
def test_payer_added_many_times_at_once_is_one(now: datetime) -> None:
    for _ in range(5):
        alice = make_owner()
        raise_failures(run_at_once([partial(add, "Acme Parent Ltd", by=alice, now=now)] * 4))
        assert PayerName.objects.live(alice.organisation_id).count() == 1


@pytest.mark.usefixtures("committed")
def test_at_most_fifty_payers_are_live_even_when_two_are_added_at_once(now: datetime) -> None:
    alice = make_owner()
    for number in range(details.MOST_PAYER_NAMES - 1):
        add(f"Payer {number}", by=alice, now=now)
    ends = run_at_once([partial(add, name, by=alice, now=now) for name in ("Fifty", "Fifty-one", "More")])
    assert sum(isinstance(end, PayerName) for end in ends) == 1
    assert sum(isinstance(end, details.TooManyPayerNames) for end in ends) == 2
    assert PayerName.objects.live(alice.organisation_id).count() == details.MOST_PAYER_NAMES
    assert add("Payer 0", by=alice, now=now).name == "Payer 0"
    remove("Payer 0", by=alice, now=now)
    add("One more", by=alice, now=now)


# --- history -----------------------------------------------------------------------------------------------------


def test_history_says_who_changed_what_and_when_newest_first(alice: Member, now: datetime) -> None:
    vera = make_member("vera", alice.organisation, Role.BILLING)
    hours = [now + timedelta(hours=hour) for hour in range(4)]
    record(ACME, by=alice, now=hours[0])
    add("Acme Parent Ltd", by=vera, now=hours[1])
    record(Facts(**{**vars(ACME), "address": "2 Example Road"}), by=vera, now=hours[2], seen=1)
    remove("Acme Parent Ltd", by=alice, now=hours[3])
    told = details_history.read(alice.organisation_id)
    assert [(one.at, one.by, one.version, one.added, one.removed) for one in told] == [
        (hours[3], "Alice", 0, "", "Acme Parent Ltd"),
        (hours[2], "Vera", 2, "", ""),
        (hours[1], "Vera", 0, "Acme Parent Ltd", ""),
        (hours[0], "Alice", 1, "", ""),
    ]
    assert [(d.label, d.before, d.after) for d in told[1].differences] == [
        ("address", "1 Example Road\nShanghai", "2 Example Road")
    ]
    assert [d.before for d in told[3].differences] == ["", "", "", ""]
    assert details_history.read(make_owner("bob").organisation_id) == []


def test_long_history_is_cut_at_the_old_end_and_still_compares(
    alice: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details_history, "LONGEST", 3)
    for number in range(5):
        facts = Facts(legal_name_en=f"Acme {number}", address="1 Example Road")
        record(facts, by=alice, now=now + timedelta(hours=number), seen=number)
    told = details_history.read(alice.organisation_id)
    assert [one.version for one in told] == [5, 4, 3]
    assert [d.before for d in told[2].differences] == ["Acme 1"]
