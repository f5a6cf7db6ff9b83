"""Finance enters rates, approves and refuses jumps, and edits the rule and the holidays."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import rates
from billing.models import ExchangeRate, RateRule, SpecialDay
from tests import people
from wallet.models import User

pytestmark = pytest.mark.django_db
State = ExchangeRate.State

LIST = "/admin/billing/exchangerate/"
ENTER = f"{LIST}enter/"


@pytest.fixture
def log_in_as(settings: LazySettings) -> Callable[[User], Client]:
    settings.STAFF_MFA_REQUIRED = False

    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def fiona(log_in_as: Callable[[User], Client]) -> Client:
    return log_in_as(people.make_staff("fiona", "finance"))


@pytest.fixture
def felix(log_in_as: Callable[[User], Client]) -> Client:
    return log_in_as(people.make_staff("felix", "finance"))


@pytest.fixture
def last() -> ExchangeRate:
    """7.2, entered a minute ago by somebody in finance."""
    past = timezone.now() - timedelta(minutes=1)
    return rates.enter(rate=Decimal("7.2"), source="BOC", by=people.make_staff("frank", "finance"), now=past)


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def enter_jump(client: Client, rate: str = "8") -> ExchangeRate:
    client.post(ENTER, {"rate": rate, "source": "by hand", "checked": "on"})
    return ExchangeRate.objects.get(state=State.WAITING)


def act(rate: ExchangeRate, verb: str) -> str:
    return reverse(f"admin:billing_exchangerate_{verb}", args=[rate.pk])


def test_finance_enters_a_rate_beside_the_last_one(fiona: Client, last: ExchangeRate) -> None:
    assert ENTER in text_of(fiona.get(LIST))
    assert "Last rate: 1 USD = 7.2000 CNY · BOC" in text_of(fiona.get(ENTER))

    answer = text_of(fiona.post(ENTER, {"rate": " 7.236 ", "source": "Bank of China, mid rate"}, follow=True))

    entered = ExchangeRate.objects.exclude(pk=last.pk).get()
    assert (entered.rate, entered.source, entered.state, str(entered.entered_by)) == (
        Decimal("7.236"),
        "Bank of China, mid rate",
        State.ACTIVE,
        "Fiona",
    )
    assert "1 USD = 7.2360 CNY counts from now on (+0.50%)." in answer


def test_the_very_first_rate_is_looked_at_twice(fiona: Client) -> None:
    listed = text_of(fiona.get(LIST))
    assert "No rate is fresh enough: customers cannot choose RMB until one is entered." in listed
    asked = text_of(fiona.post(ENTER, {"rate": "7.2", "source": "BOC"}))
    assert "There is no rate yet to compare it with. Is it right?" in asked
    assert not ExchangeRate.objects.exists()

    fiona.post(ENTER, {"rate": "7.2", "source": "BOC", "checked": "on"})
    assert ExchangeRate.objects.get().state == State.ACTIVE
    assert "No rate is fresh enough" not in text_of(fiona.get(LIST))


def test_a_jump_is_looked_at_twice_and_waits(fiona: Client, last: ExchangeRate) -> None:
    asked = text_of(fiona.post(ENTER, {"rate": "72", "source": "BOC"}))
    assert "+900.00% away from the last rate." in asked
    assert 'value="72"' in asked
    assert ExchangeRate.objects.count() == 1

    told = text_of(fiona.post(ENTER, {"rate": "72", "source": "BOC", "checked": "on"}, follow=True))
    assert "1 USD = 72.0000 CNY (+900.00%) waits until a second person approves it." in told
    assert "1 rate waits for a decision." in told
    assert rates.quote(now=timezone.now()).rate == Decimal("7.2")


@pytest.mark.parametrize("typed", ["", "7,2", "-7.2", "1e1", "７.２", "NaN", "0", "7.1234567", "7_2"])
def test_only_exact_rates_are_taken(typed: str, fiona: Client, last: ExchangeRate) -> None:
    answer = fiona.post(ENTER, {"rate": typed, "source": "BOC", "checked": "on"})
    assert answer.status_code == 200
    assert ExchangeRate.objects.count() == 1


def test_a_rate_without_a_source_is_not_taken(fiona: Client, last: ExchangeRate) -> None:
    for source in ("", "  ", "\u200e\u202e", "x" * 101):
        assert fiona.post(ENTER, {"rate": "7.3", "source": source}).status_code == 200
    assert ExchangeRate.objects.count() == 1


def test_a_second_person_approves_a_jump(fiona: Client, felix: Client, last: ExchangeRate) -> None:
    jump = enter_jump(fiona)
    page = f"{LIST}{jump.pk}/change/"
    assert act(jump, "approve") not in text_of(fiona.get(page))
    assert act(jump, "refuse") in text_of(fiona.get(page))
    assert act(jump, "approve") in text_of(felix.get(page))

    own = text_of(fiona.post(act(jump, "approve"), follow=True))
    assert "You entered it yourself" in own
    assert rates.quote(now=timezone.now()).rate == Decimal("7.2")

    assert "1 USD = 8.0000 CNY · by hand · +11.11%" in text_of(felix.get(act(jump, "approve")))
    assert "The rate counts from now on." in text_of(felix.post(act(jump, "approve"), follow=True))
    assert rates.quote(now=timezone.now()).rate == Decimal(8)
    assert "Approved" in text_of(felix.get(f"{LIST}{jump.pk}/history/"))
    assert act(jump, "refuse") not in text_of(felix.get(page))

    again = text_of(felix.post(act(jump, "approve"), follow=True))
    assert "Somebody else had decided before" in again


def test_a_jump_is_refused_with_a_reason(fiona: Client, felix: Client, last: ExchangeRate) -> None:
    jump = enter_jump(fiona)
    assert felix.post(act(jump, "refuse"), {"note": " "}).status_code == 200
    felix.post(act(jump, "refuse"), {"note": "a typing error"})

    jump.refresh_from_db()
    assert (jump.state, jump.note, str(jump.refused_by)) == (State.REFUSED, "a typing error", "Felix")
    assert "Refused: a typing error" in text_of(felix.get(f"{LIST}{jump.pk}/history/"))
    assert "Somebody else had decided before" in text_of(felix.post(act(jump, "refuse"), {"note": "x"}, follow=True))


def test_a_jump_that_was_overtaken_is_not_approved(fiona: Client, felix: Client, last: ExchangeRate) -> None:
    jump = enter_jump(fiona)
    fiona.post(ENTER, {"rate": "7.3", "source": "BOC"})
    assert "A newer rate counts already" in text_of(felix.post(act(jump, "approve"), follow=True))
    assert rates.quote(now=timezone.now()).rate == Decimal("7.3")


def test_looking_at_an_act_does_nothing(fiona: Client, felix: Client, last: ExchangeRate) -> None:
    jump = enter_jump(fiona)
    for verb in ("approve", "refuse"):
        assert felix.get(act(jump, verb)).status_code == 200
    jump.refresh_from_db()
    assert jump.state == State.WAITING


def test_ops_read_rates_and_change_none(log_in_as: Callable[[User], Client], fiona: Client, last: ExchangeRate) -> None:
    jump = enter_jump(fiona)
    olivia = log_in_as(people.make_staff("olivia", "ops"))
    listed = text_of(olivia.get(LIST))
    assert "1 USD = 7.2000 CNY" in listed
    assert ENTER not in listed
    assert olivia.get(ENTER).status_code == 403
    for address in (ENTER, act(jump, "approve"), act(jump, "refuse")):
        assert olivia.post(address, {"rate": "7.3", "source": "x", "checked": "on", "note": "x"}).status_code == 403
    jump.refresh_from_db()
    assert jump.state == State.WAITING
    assert ExchangeRate.objects.count() == 2


def test_nobody_edits_or_deletes_a_rate(fiona: Client, last: ExchangeRate) -> None:
    assert fiona.get(f"{LIST}add/").status_code == 403
    assert fiona.post(f"{LIST}{last.pk}/change/", {"rate": "7.3"}).status_code == 403
    assert fiona.post(f"{LIST}{last.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ExchangeRate.objects.get().rate == Decimal("7.2")


def test_a_loaded_jump_is_listed_as_such_and_approved_by_one_person(fiona: Client, last: ExchangeRate) -> None:
    now = timezone.now()
    jump = rates.load(rate=Decimal(8), source="Provider", stated_at=now, now=now)
    assert jump is not None
    assert "daily load" in text_of(fiona.get(LIST))
    fiona.post(act(jump, "approve"))
    assert rates.quote(now=timezone.now()).rate == Decimal(8)


def test_the_history_of_rates_is_shown_in_chinese_too(fiona: Client, last: ExchangeRate) -> None:
    enter_jump(fiona)
    for language in ("en", "zh-hans"):
        fiona.cookies["django_language"] = language
        for page in (LIST, ENTER, f"{LIST}{last.pk}/change/", f"{LIST}?state=WAITING"):
            assert fiona.get(page).status_code == 200


def test_finance_edits_the_rule(fiona: Client, last: ExchangeRate) -> None:
    rule = RateRule.objects.get()
    address = f"/admin/billing/raterule/{rule.pk}/change/"

    fiona.post(address, {"max_age_hours": "30", "jump_percent": "2.5", "quote_hours": "24", "base": "EUR"})

    rule.refresh_from_db()
    assert (rule.base, rule.max_age_hours, rule.jump_percent, rule.quote_hours) == ("USD", 30, Decimal("2.5"), 24)
    for wrong in ({"max_age_hours": "0"}, {"jump_percent": "0"}, {"jump_percent": "51"}, {"quote_hours": "241"}):
        sent = {"max_age_hours": "30", "jump_percent": "3", "quote_hours": "24"} | wrong
        assert fiona.post(address, sent).status_code == 200
    rule.refresh_from_db()
    assert rule.jump_percent == Decimal("2.5")
    assert fiona.get("/admin/billing/raterule/add/").status_code == 403
    assert fiona.post(f"/admin/billing/raterule/{rule.pk}/delete/", {"post": "yes"}).status_code == 403


def test_finance_enters_next_years_holidays(fiona: Client) -> None:
    fiona.post("/admin/billing/specialday/add/", {"day": "2027-01-01", "name": "New Year's Day", "name_zh": "元旦"})
    added = SpecialDay.objects.get(day=date(2027, 1, 1))
    assert not added.is_working_day
    listed = text_of(fiona.get("/admin/billing/specialday/", {"year": "2027"}))
    assert "元旦" in listed
    assert "Spring Festival" not in listed
    assert fiona.get("/admin/billing/specialday/", {"year": "²"}).status_code in {200, 302}


def test_finance_is_told_when_a_year_has_no_holidays(fiona: Client) -> None:
    SpecialDay.objects.all().delete()
    listed = text_of(fiona.get("/admin/billing/specialday/"))
    assert f"No holidays of {timezone.now().year} are entered yet" in listed
