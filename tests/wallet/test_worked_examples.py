"""Every worked example of docs/money.md, posted to a real ledger; the page and the books cannot drift apart."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection
from djmoney.money import Money

from wallet import audit, chart, ledger
from wallet.ledger import Draft, Line, credit, debit
from wallet.models import Account, Organisation

PAGE = (Path(__file__).parents[2] / "docs" / "money.md").read_text("utf-8")

_BALANCE = re.compile(r"(customer|house) `([a-z_:-]+)` ([A-Z]{3}) (-?[\d,]+\.\d+)")
_POSTING = re.compile(r"^\*\*(customer|house)\*\*.*\n\n\| account .*\n\|[-| ]+\n((?:\|.*\n)+)", re.MULTILINE)
_LINE = re.compile(r"\| `(?P<code>[a-z_:-]+)` \| (?P<debit>[^|]*)\| (?P<credit>[^|]*)\|")


@dataclass(frozen=True)
class Balance:
    """What one account of the customer or of the house holds."""

    whose: str
    code: str
    amount: Money


@dataclass(frozen=True)
class Example:
    """One section of the page."""

    title: str
    before: list[Balance]
    postings: list[tuple[str, tuple[Line, ...]]]
    after: list[Balance]


def _amount(text: str, currency: str) -> Money:
    return Money(text.replace(",", ""), currency)


def _balances(section: str, word: str) -> list[Balance]:
    match = re.search(rf"^{word}: (.*?)\.\n\n", section + "\n\n", re.MULTILINE | re.DOTALL)
    found = _BALANCE.findall(match[1]) if match else []
    return [Balance(whose, code, _amount(amount, currency)) for whose, code, currency, amount in found]


def _lines(table: str) -> Iterator[Line]:
    for match in _LINE.finditer(table):
        for column, make in (("debit", debit), ("credit", credit)):
            if match[column].strip():
                currency, amount = match[column].split()
                yield make(match["code"], _amount(amount, currency))


def _examples() -> Iterator[Example]:
    part = PAGE.split("## Worked examples")[1].split("\n## ")[0]
    for section in part.split("\n### ")[1:]:
        postings = [(whose, tuple(_lines(table))) for whose, table in _POSTING.findall(section)]
        title = section.splitlines()[0]
        yield Example(title, _balances(section, "Before"), postings, _balances(section, "After"))


EXAMPLES = list(_examples())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_worked_example(
    db: None, make_organisation: Callable[..., Organisation], now: datetime, example: Example
) -> None:
    whose = {"customer": make_organisation(), "house": make_organisation("InnoPaaS")}
    for balance in example.before:
        _fund(whose[balance.whose], balance, now)
    for number, (owner, lines) in enumerate(example.postings):
        draft = Draft(key=f"example:{number}", kind="EXAMPLE", lines=lines)
        assert ledger.post(organisation_id=whose[owner].id, drafts=[draft], now=now)[0].is_new
    assert example.postings
    assert example.after
    for balance in example.after:
        stored = Account.objects.balance(
            organisation_id=whose[balance.whose].id, code=balance.code, currency=balance.amount.currency.code
        )
        assert (balance.code, stored) == (balance.code, balance.amount)
    checks = (audit.check_sums, audit.check_balances, audit.check_content)
    assert audit.find_problems(checks=checks, now=now) == []


def test_the_page_has_an_example_for_every_account() -> None:
    used = {
        re.sub(r":(?!held)[a-z-]+", ":<slug>", line.code) for e in EXAMPLES for _, lines in e.postings for line in lines
    }
    listed = {code.replace("<account>", "<slug>") for code in _chart()}
    assert used | {"product:<slug>"} == listed
    assert len(EXAMPLES) >= 20


def test_the_page_and_the_database_have_the_same_chart(db: None) -> None:
    for code, told in _chart().items():
        example = code.replace("<slug>", "sms").replace("<account>", "cmb-usd")
        with connection.cursor() as cursor:
            cursor.execute("SELECT lower(account_class), lower(normal_side), guarded FROM ledger_chart(%s)", [example])
            assert cursor.fetchall() == [told], code


def test_every_code_of_the_python_chart_is_on_the_page() -> None:
    constants = {value for name, value in vars(chart).items() if name.isupper()}
    made = {chart.held(chart.WALLET), chart.product("<slug>"), chart.held(chart.product("<slug>"))}
    assert constants | made | {chart.bank("<account>"), chart.revenue("<slug>")} == set(_chart())


def _chart() -> dict[str, tuple[str, str, bool]]:
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (\w+) \| (yes|no) \|", PAGE, re.MULTILINE)
    return {code: (kind, side, guarded == "yes") for code, kind, side, guarded in rows}


def _fund(organisation: Organisation, balance: Balance, now: datetime) -> None:
    if balance.code == chart.RECEIVABLE:
        lines = (debit(balance.code, balance.amount), credit(chart.STRIPE_CLEARING, balance.amount))
    else:
        source = chart.bank("usd") if balance.code == chart.SUSPENSE else chart.STRIPE_CLEARING
        lines = (debit(source, balance.amount), credit(balance.code, balance.amount))
    draft = Draft(key=f"before:{balance.code}", kind="EXAMPLE", lines=lines)
    ledger.post(organisation_id=organisation.id, drafts=[draft], now=now)
