"""The admin's first page: each person's own work first, then the money, then the rest, each thing in one place."""

from datetime import datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from innopaas.dashboard import Count, board, glance
from tests import builders, people
from wallet.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def noon() -> datetime:
    return timezone.now()


def count(title: str, figure: int, **more: Any) -> Count:
    return Count(title=title, figure=figure, address="/", **more)


def lay_out(user: User, now: datetime, *counts: Count) -> board.Board:
    return board.lay_out([("All", list(counts))], user=user, now=now)


def titles(items: Any) -> list[str]:
    return [str(item.count.title) for item in items]


def visit(user: User) -> Any:
    client = Client()
    client.force_login(user)
    return client.get("/admin/")


def read(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_what_waits_for_its_reader_stands_first_and_the_urgent_before_it(noon: datetime) -> None:
    fiona = people.make_staff("fiona", "finance")
    mine, none = (count(title, figure, by="billing.change_refund") for title, figure in (("Mine", 2), ("None", 0)))
    urgent = count("Urgent", 1, by="payments.change_payout", is_bad=True)

    laid = lay_out(fiona, noon, mine, urgent, none)

    assert titles(laid.yours) == ["Urgent", "Mine"]
    assert titles(laid.others) == []
    assert [titles(items) for _subject, items in laid.rest] == [["None"]]


def test_what_is_late_and_for_somebody_else_names_who_looks_after_it(noon: datetime) -> None:
    olivia = people.make_staff("olivia", "ops")
    refunds = count("Refunds", 3, by="billing.change_refund", is_bad=True, since=noon - timedelta(hours=5))

    laid = lay_out(olivia, noon, refunds, count("Waits", 1, by="payments.change_transfer"))

    assert titles(laid.yours) == []
    assert [(item.age, item.who) for item in laid.others] == [("5\xa0hours", "Finance")]
    assert [titles(items) for _subject, items in laid.rest] == [["Waits"]]


def test_finance_and_ops_are_shown_their_work_and_where_the_money_is() -> None:
    for name, group in (("fiona", "finance"), ("olivia", "ops")):
        page = read(visit(people.make_staff(name, group)))
        assert "What needs you now" in page
        assert "The money at a glance" in page
        assert "/admin/wallet/account/?q=suspense" in page
        assert "Credited by business day" in page


def test_the_money_at_a_glance_is_what_the_ledger_has(noon: datetime) -> None:
    def in_wallets() -> Decimal:
        places = {str(place.title): place.amounts for place in glance.list_places()}
        told = [amount for amount in places["In customers' wallets"] if amount.startswith("USD")]
        return sum((Decimal(amount.removeprefix("USD $").replace(",", "")) for amount in told), Decimal())

    before = in_wallets()
    builders.fill_wallet(builders.make_organisation(now=noon), builders.usd("1234.50"), now=noon)

    assert in_wallets() - before == Decimal("1234.50")


def test_somebody_of_the_team_without_a_group_is_told_so_and_sees_no_money() -> None:
    page = visit(people.make_user("una", is_staff=True))

    assert "you are in none of the groups" in read(page)
    assert [page.context[what] for what in ("counts", "places", "audit", "volume")] == [[], [], None, None]


def test_the_first_page_asks_sixty_five_questions_at_most(django_assert_max_num_queries: Any) -> None:
    client = Client()
    client.force_login(people.make_staff("fiona", "finance"))
    client.get("/admin/")
    with django_assert_max_num_queries(65):
        client.get("/admin/")
