"""人民币大写 as the bank rules write it; read back, it is the amount again."""

from decimal import Decimal

import pytest
from djmoney.money import Money
from hypothesis import given
from hypothesis import strategies as st

from payments import capitals

_DIGITS = {character: place for place, character in enumerate("零壹贰叁肆伍陆柒捌玖")}
_UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def cny(amount: str | Decimal) -> Money:
    return Money(Decimal(amount), "CNY")


def read_section(text: str) -> int:
    """A number below ten thousand, digit by digit."""
    total = digit = 0
    for character in text:
        if character in _UNITS:
            total, digit = total + digit * _UNITS[character], 0
        else:
            digit = _DIGITS[character]
    return total + digit


def read_whole(text: str) -> int:
    if "亿" in text:
        high, _, low = text.rpartition("亿")
        return read_whole(high) * 10**8 + read_whole(low)
    if "万" in text:
        high, _, low = text.partition("万")
        return read_section(high) * 10**4 + read_section(low)
    return read_section(text)


def read_back(text: str) -> Decimal:
    plain = text.removeprefix("人民币").removesuffix("整")
    yuan, has_yuan, cents = plain.partition("元")
    if not has_yuan:
        yuan, cents = "", plain
    fen = Decimal(0)
    for unit, worth in (("角", 10), ("分", 1)):
        if unit in cents:
            fen += _DIGITS[cents[cents.index(unit) - 1]] * worth
    return read_whole(yuan) + fen / 100


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        # The examples of the 支付结算办法 themselves.
        ("1409.50", "人民币壹仟肆佰零玖元伍角整"),
        ("6007.14", "人民币陆仟零柒元壹角肆分"),
        ("1680.32", "人民币壹仟陆佰捌拾元零叁角贰分"),
        ("107000.53", "人民币壹拾万柒仟元零伍角叁分"),
        ("16409.02", "人民币壹万陆仟肆佰零玖元零贰分"),
        ("325.04", "人民币叁佰贰拾伍元零肆分"),
        ("0", "人民币零元整"),
        ("0.01", "人民币壹分"),
        ("0.10", "人民币壹角整"),
        ("0.12", "人民币壹角贰分"),
        ("1", "人民币壹元整"),
        ("10", "人民币壹拾元整"),
        ("7200", "人民币柒仟贰佰元整"),
        ("10001", "人民币壹万零壹元整"),
        ("100000000", "人民币壹亿元整"),
        ("100007000", "人民币壹亿零柒仟元整"),
        ("1000000000000", "人民币壹万亿元整"),
        ("200000030004.50", "人民币贰仟亿零叁万零肆元伍角整"),
        ("999999999999.99", "人民币玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_amounts_are_written_as_the_bank_rules_say(amount: str, written: str) -> None:
    assert capitals.write(cny(amount)) == written


@given(st.decimals(min_value=0, max_value=10**12, places=2, allow_nan=False, allow_infinity=False))
def test_what_is_written_reads_back_as_the_same_amount(amount: Decimal) -> None:
    written = capitals.write(cny(amount))
    assert read_back(written) == amount
    assert "零零" not in written
    assert written.endswith("分") != written.endswith("整")


@pytest.mark.parametrize("amount", [cny("-1"), cny("0.001"), cny("NaN"), cny("Infinity"), Money(1, "USD"), cny("1e16")])
def test_what_is_no_amount_of_rmb_is_refused(amount: Money) -> None:
    with pytest.raises(ValueError, match=r"is not written|parts of a fen"):
        capitals.write(amount)
