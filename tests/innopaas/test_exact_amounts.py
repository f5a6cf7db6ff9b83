"""P14: an amount is read in one way wherever a person, a file or a program gives one: every door answers alike."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.test import RequestFactory
from djmoney.money import Money

from billing import limits
from billing.admin.limits import TopUpLimitForm
from billing.admin.rates import RateForm
from billing.alert_forms import AlertForm, AutoFillForm
from billing.models import RateRule
from payments.admin.rules import ApprovalLimitForm, BankAccountForm
from payments.candidates import Candidate
from payments.desk_forms import FactsForm
from payments.forms import PRESETS, MovesForm, ProductTopUpForm, TopUpForm
from payments.models import BankAccount, BankLine
from payments.statement_forms import ReturnForm, ShareForm, StatementForm
from payments.statements.columns import Profile
from payments.statements.lines import StatementLine, StatementUnreadable
from payments.statements.reading import read
from products.admin.catalogue import ProductForm
from tests import builders
from tests.builders import usd
from tests.innopaas.callers import back_end_of
from tests.payments import offline
from tests.wallet.test_money import REFUSED, TAKEN
from wallet import chart, ledger
from wallet.models import User
from wallet.money import AmountError, parse_amount, parse_usage

TODAY = date(2026, 7, 15)
INPUTS = {f"taken {text!r}": text for text in TAKEN} | REFUSED | {
    "zero without end": "0." + "0" * 40,
    "zero in parts": "0.0.0",
    "full-width zero": "０",
    "a line break before": "\n100",
    "a vertical tab after": "100\x0b",
    "a line separator after": "100\u2028",
}  # fmt: skip
# What a bank writes that a person may not: a sign, and well-formed thousands commas.
BANK_WRITES = {"-1": Decimal(-1), "+1": Decimal(1), "1,000": Decimal(1000), "1,000.00": Decimal(1000)}


def ask(door: Callable[[str], Any]) -> dict[str, Any]:
    """What a door says to every input; None is a refusal."""
    return {name: door(text) for name, text in INPUTS.items()}


def parse(text: str) -> Decimal | None:
    try:
        return parse_amount(text, "USD").amount
    except AmountError:
        return None


def parse_use(text: str) -> Decimal | None:
    try:
        return parse_usage(text, "USD").amount
    except AmountError:
        return None


def read_field(form: forms.BaseForm, field: str) -> Any:
    """What a form has read in a field; None when it refused it there, or was given nothing."""
    form.is_valid()
    return None if form.has_error(field) else form.cleaned_data[field]


@pytest.mark.parametrize("field", ["amount", "what is offered"])
@pytest.mark.parametrize(("method", "currency"), list(PRESETS))
def test_customer_is_answered_as_the_parser_does(method: str, currency: str, field: str) -> None:
    name = "amount" if field == "amount" else PRESETS[method, currency]
    kind = ProductTopUpForm if method == "balance" else TopUpForm

    def top_up(text: str) -> Decimal | None:
        form = kind({"method": method, "currency": currency, name: text})
        if form.is_valid():
            assert form.wish.currency.code == currency
            return form.wish.amount
        assert "amount" in form.errors or name in form.errors
        return None

    assert ask(top_up) == ask(parse)


def test_level_to_fill_a_product_up_to_is_read_as_the_parser_does() -> None:
    def fill(text: str) -> Decimal | None:
        form = ProductTopUpForm({"method": "balance", "currency": "USD", "how": "fill", "fill_to": text})
        form.is_valid()
        return None if form.has_error("fill_to") else form.cleaned_data["level"].amount

    assert ask(fill) == ask(parse)


@pytest.mark.django_db
def test_each_of_several_moves_is_read_as_the_parser_does(monkeypatch: pytest.MonkeyPatch) -> None:
    product = builders.make_product()
    monkeypatch.setattr(limits, "check", lambda **_: None)  # what is read too, but outside the limits

    def move(text: str) -> Decimal | None:
        form = MovesForm({product.code: text}, products=[product])
        return form.amounts[product.code].amount if form.is_valid() else None

    assert ask(move) == ask(parse)


@pytest.mark.parametrize(
    ("form", "field"),
    [(AlertForm, "threshold"), (AutoFillForm, "threshold"), (AutoFillForm, "size"), (AutoFillForm, "daily_cap")],
)
def test_alerts_and_auto_fill_are_read_as_the_parser_does(form: type[forms.BaseForm], field: str) -> None:
    assert ask(lambda text: read_field(form({field: text}), field)) == ask(parse)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["smallest_top_up", "largest_top_up"])
def test_products_limits_are_read_as_the_parser_does(field: str) -> None:
    assert ask(lambda text: read_field(ProductForm({field: text}), field)) == ask(parse)


FINER = {"a tenth of a cent", "three places", "three places, the last a zero"}


@pytest.mark.django_db
def test_unit_prices_are_read_as_strictly_and_finer() -> None:
    finer = ask(lambda text: parse_use(text) if text in map(INPUTS.get, FINER) else parse(text))
    assert ask(lambda text: read_field(ProductForm({"smallest_price": text}), "smallest_price")) == finer


def test_uses_are_read_as_strictly_and_finer_without_blanks() -> None:
    uses, amounts = ask(parse_use), ask(parse)
    assert all(uses[name] == Decimal(INPUTS[name]) for name in FINER)
    blank = {name for name, text in INPUTS.items() if text != text.strip(" \t")}
    assert not any(uses[name] for name in blank)
    assert {name: use for name, use in uses.items() if name not in FINER | blank} == {
        name: amount for name, amount in amounts.items() if name not in FINER | blank
    }


def test_program_is_answered_as_the_parser_of_uses_does(committed: None) -> None:
    now = datetime.now(UTC)
    product, acme = builders.make_product(), builders.make_organisation(now=now)
    lines = (ledger.debit(chart.STRIPE_CLEARING, usd(5 * 10**12)), ledger.credit(product.code, usd(5 * 10**12)))
    ledger.post(organisation_id=acme.pk, drafts=[ledger.Draft(key="fill", kind="TOP_UP", lines=lines)], now=now)
    number, gateway = builders.open_balance(acme, product, now=now).number, back_end_of(product, now=now)
    place = iter(range(len(INPUTS)))

    def charge(text: str) -> Decimal | None:
        answer = gateway.charge(number, text, f"r{next(place)}")
        if answer.status_code == 422:
            assert answer.json()["error"]["field"] == "amount"
            return None
        return Decimal(answer.json()["amount"])

    assert ask(charge) == ask(parse_use)


@pytest.mark.parametrize("field", ["line_amount", "typed_amount", "fee", "amount-{line}"])
def test_finance_is_answered_as_the_parser_does(field: str) -> None:
    line = BankLine(account=BankAccount(code="usd"), booked_on=TODAY, amount=Money(100, "USD"))
    offered = [Candidate(line=line, reason="found", amount=line.amount)]
    name = field.format(line=line.pk)
    assert ask(lambda text: read_field(FactsForm({name: text}, candidates=offered, today=TODAY), name)) == ask(parse)


@pytest.mark.parametrize("form", [ReturnForm, ShareForm])
def test_parts_of_a_bank_line_are_read_as_the_parser_does(form: type[forms.BaseForm]) -> None:
    assert ask(lambda text: read_field(form({"amount": text}), "amount")) == ask(parse)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["opening", "closing"])
def test_balance_may_have_what_banks_write_and_be_zero(field: str) -> None:
    account = offline.make_account("USD")

    def give(text: str) -> Decimal | None:
        found: Money | None = read_field(StatementForm({"account": str(account.pk), field: text}), field)
        return None if found is None else found.amount

    def expect(text: str) -> Decimal | None:
        is_zero = re.fullmatch(r"[+-]?0+(\.0+)?", text.strip(" \t")) and len(text) <= 24
        return Decimal(0) if is_zero else BANK_WRITES.get(text) or parse(text)

    assert ask(give) == ask(expect)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["minimum", "maximum"])
def test_limits_are_read_as_the_parser_does(field: str) -> None:
    assert ask(lambda text: read_field(TopUpLimitForm({field: text}), field)) == ask(parse)


@pytest.mark.django_db
def test_amounts_to_offer_are_read_as_the_parser_does() -> None:
    """Blanks part one from the next."""

    def offer(text: str) -> list[Decimal] | None:
        found: list[Decimal] | None = read_field(TopUpLimitForm({"presets": f"50 {text}"}), "presets")
        return found and found[1:]

    def expect(text: str) -> list[Decimal] | None:
        amounts = [parse(part) for part in re.split("[ \t]+", text.strip(" \t")) if part]
        return None if None in amounts else amounts  # type: ignore[return-value]  # there is none in it

    assert ask(offer) == ask(expect)


@pytest.mark.django_db
@pytest.mark.parametrize(("form", "field"), [(ApprovalLimitForm, "single_up_to"), (BankAccountForm, "fee_tolerance")])
def test_where_nothing_may_be_meant_zero_is_taken_too(form: type[forms.BaseForm], field: str) -> None:
    expected = ask(lambda text: 0 if text.strip(" \t") in {"", "0", "0.00"} else parse(text))
    assert ask(lambda text: read_field(form({field: text}), field)) == expected


def test_rates_are_read_as_strictly_at_a_scale_of_their_own() -> None:
    as_amounts = ask(lambda text: read_field(RateForm({"rate": text}), "rate"))
    finer = {"a tenth of a cent", "three places", "three places, the last a zero"}
    assert {name for name, rate in as_amounts.items() if rate} - finer == {
        name for name, amount in ask(parse).items() if amount and amount < 10**6
    }
    assert all(as_amounts[name] == Decimal(INPUTS[name]) for name in finer)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        *(("7.123456", "7.123456"), ("7.2000", "7.2"), ("0.000001", "0.000001"), ("999999.999999", "999999.999999")),
        *(("7.1234567", None), ("7.0000000", None), ("0.0000001", None), ("1000000", None)),
    ],
)
def test_rate_has_six_places_and_a_bound(text: str, rate: str | None) -> None:
    assert read_field(RateForm({"rate": text}), "rate") == (rate and Decimal(rate))


@pytest.mark.parametrize(
    ("profile", "heads", "is_red_reversal"),
    [
        (Profile.GENERIC, ["Date", "Amount"], False),
        (Profile.BOC, ["交易日期", "交易金额"], False),
        (Profile.ICBC, ["交易时间", "借方发生额", "贷方发生额"], True),
        (Profile.CMB, ["交易日", "借方金额", "贷方金额"], True),
    ],
    ids=lambda value: str(value) if isinstance(value, Profile) else "",
)
def test_bank_statement_is_read_as_the_parser_does_after_sign_and_commas(
    profile: Profile, heads: list[str], *, is_red_reversal: bool
) -> None:
    def bring(text: str) -> Decimal | None:
        line = line_of(profile, heads, ["2026-07-14", *[""] * (len(heads) - 2), text])
        if line is None:
            return None
        assert line.is_reversal is (line.change < 0 and is_red_reversal)
        return line.change

    assert ask(bring) == ask(lambda text: BANK_WRITES.get(text) or parse(text))


def line_of(profile: Profile, heads: list[str], cells: list[str]) -> StatementLine | None:
    """The one line of a bank's export; None when the file was refused, whole, for that line."""
    file = StringIO()
    csv.writer(file).writerows([heads, cells])
    raw = file.getvalue().encode()
    try:
        (statement,) = read(raw, name="export.csv", profile=profile, mapping=None, currency="USD", today=TODAY)
    except StatementUnreadable as refusal:
        return None if refusal.line else pytest.fail(str(refusal))
    (line,) = statement.lines
    return line


# Figures that staff type and that are no money: how many days, which place in a list, how far a rate may jump.
NO_AMOUNTS = {(RateRule, "jump_percent")}


@pytest.mark.django_db
def test_no_page_of_the_admin_reads_a_decimal_by_any_other_parser() -> None:
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    loose = {
        (model, name)
        for model, page in admin.site._registry.items()
        if page.has_add_permission(request) or page.has_change_permission(request)
        for name, field in page.get_form(request).base_fields.items()
        if isinstance(field, forms.DecimalField | forms.FloatField)
    }
    assert loose == NO_AMOUNTS
