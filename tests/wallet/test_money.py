"""P14: only exact amounts enter; rounding and how figures are shown."""

from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import translation
from djmoney.money import Money

from wallet.money import AmountError, labelled, parse_amount, parse_usage, round_half_up, shown

TAKEN = {
    "1": "1.00",
    "100": "100.00",
    "0.01": "0.01",
    "0.1": "0.10",
    "99.5": "99.50",
    "1234.56": "1234.56",
    " 100 ": "100.00",
    "\t100": "100.00",
    "999999999999.99": "999999999999.99",
}

REFUSED = {
    "nothing": "",
    "a blank": " ",
    "a word": "ten",
    "negative": "-1",
    "plus": "+1",
    "a minus sign": "\u22121",
    "a full-width minus": "－1",
    "brackets for negative": "(1)",
    "zero": "0",
    "zero with places": "0.00",
    "minus zero": "-0",
    "a tenth of a cent": "0.001",
    "three places": "1.005",
    "three places, the last a zero": "1.000",
    "an exponent": "1e3",
    "a capital exponent": "1E3",
    "a negative exponent": "1e-2",
    "an underscore": "1_000",
    "thousands comma": "1,000",
    "thousands comma and point": "1,000.00",
    "misplaced comma": "1,00",
    "decimal comma": "1,5",
    "Chinese comma": "1，000",
    "European": "1.000,00",
    "Swiss": "1'000",
    "a space inside": "1 000",
    "a no-break space inside": "1\u00a0000",
    "a thin space inside": "1\u2009000",
    "a no-break space before": "\u00a0100",
    "an ideographic space after": "100\u3000",
    "two points": "1.0.0",
    "a point at the end": "1.",
    "a point at the beginning": ".5",
    "only a point": ".",
    "full-width digits": "１００",
    "a full-width point": "1．5",
    "Arabic-Indic digits": "١٠٠",
    "Persian digits": "۱۰۰",
    "Devanagari digits": "१००",
    "Chinese digits": "一百",
    "circled digits": "①",
    "superscript digits": "1²",
    "a Roman numeral": "Ⅴ",
    "NaN": "NaN",
    "a signalling NaN": "sNaN",
    "inf": "inf",
    "Infinity": "Infinity",
    "ten to the thirty": "1" + "0" * 30,
    "one too many": "1000000000000",
    "a million digits": "1" * 1_000_000,
    "hexadecimal": "0x10",
    "octal": "0o17",
    "leading zeros": "007",
    "two zeros": "00",
    "right-to-left override": "\u202e100",
    "left-to-right mark": "100\u200e",
    "bidi isolate": "\u2066100\u2069",
    "zero-width space": "1\u200b00",
    "zero-width joiner": "1\u200d00",
    "byte order mark": "\ufeff100",
    "a combining mark": "1\u030500",
    "a null byte": "100\x00",
    "a line break after": "100\n",
    "two lines": "100\n200",
    "a dollar sign": "$100",
    "a yuan sign": "¥100",
    "a currency": "100 USD",
    "per cent": "100%",
    "a fraction": "1/2",
    "a formula": "=1+1",
    "a quote": "'100",
}


@pytest.mark.parametrize(("text", "amount"), TAKEN.items())
def test_an_exact_amount_is_taken(text: str, amount: str) -> None:
    assert parse_amount(text, "USD") == Money(amount, "USD")
    assert str(parse_amount(text, "USD").amount) == amount


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("currency", ["USD", "CNY"])
def test_anything_else_is_refused(text: str, currency: str) -> None:
    with pytest.raises(AmountError) as refusal:
        parse_amount(text, currency)
    assert str(refusal.value)


def test_the_scale_is_the_currencys() -> None:
    assert parse_amount("100", "JPY") == Money("100", "JPY")
    assert parse_amount("1.005", "KWD") == Money("1.005", "KWD")
    with pytest.raises(AmountError, match="at most 0 decimal places"):
        parse_amount("100.0", "JPY")


@pytest.mark.parametrize("currency", ["", "usd", "US", "XQQ", "USDT"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(AmountError):
        parse_amount("100", currency)


def test_a_refusal_says_what_to_write_instead() -> None:
    with translation.override("en"), pytest.raises(AmountError, match=r"digits only, like 100 or 99\.50"):
        parse_amount("1,000", "USD")


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("0.005", "0.01"), ("0.004999", "0.00"), ("2.675", "2.68"), ("-0.005", "-0.01"), ("993.103448", "993.10")],
)
def test_conversions_round_half_up(exact: str, rounded: str) -> None:
    assert round_half_up(Money(exact, "USD")).amount == Decimal(rounded)


@pytest.mark.parametrize(
    ("money", "text", "label"),
    [
        (Money("1234.5", "USD"), "$1,234.50", "USD $1,234.50"),
        (Money("7200", "CNY"), "¥7,200.00", "CNY ¥7,200.00"),
        (Money("0.0099", "USD"), "$0.00", "USD $0.00"),
        (Money("0.999999", "USD"), "$0.99", "USD $0.99"),
        (Money("-0.001", "USD"), "−$0.01", "USD −$0.01"),
        (Money("0", "USD"), "$0.00", "USD $0.00"),
        (Money("1500", "JPY"), "JPY 1,500", "JPY 1,500"),
        (Money("1E+6", "USD"), "$1,000,000.00", "USD $1,000,000.00"),
    ],
)
def test_figures_are_shown_rounded_down(money: Money, text: str, label: str) -> None:
    assert (shown(money), labelled(money)) == (text, label)


def test_templates_show_money_the_same_way() -> None:
    template = Template("{% load money %}{{ m|money }} {{ m|labelled }}")
    assert template.render(Context({"m": Money("7200", "CNY")})) == "¥7,200.00 CNY ¥7,200.00"


@pytest.mark.parametrize("text", ["0.0525", "1", "100.000000", "999999999999.999999", "0.000001"])
def test_use_is_read_to_six_decimals(text: str) -> None:
    assert parse_usage(text, "USD") == Money(text, "USD")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.000000",
        "-1",
        "+1",
        "1e3",
        "1_000",
        "1,000",
        ".5",
        "1.",
        "01",
        " 1",
        "1 ",
        "1\n",
        "NaN",
        "Infinity",
        "0.0000001",
        "1000000000000",
        "１",
        "١",
        "1\u200b",
        "0x1",
    ],
)
def test_what_is_no_use_is_refused(text: str) -> None:
    with pytest.raises(AmountError, match="an amount above zero"):
        parse_usage(text, "USD")
