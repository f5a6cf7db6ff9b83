"""Product numbers: 15 digits with a check digit."""

import pytest

from products import numbers


def test_a_number_has_15_digits_and_begins_with_none_of_zero() -> None:
    drawn = {numbers.draw() for _ in range(500)}
    assert len(drawn) == 500
    assert all(len(number) == 15 and number.isdigit() and number[0] != "0" for number in drawn)
    assert all(numbers.is_number(number) for number in drawn)


def test_the_check_digit_is_luhns() -> None:
    """The example of ISO/IEC 7812-1 as every bank card carries it, with 15 digits: a test card of American Express."""
    assert numbers.is_number("378282246310005")


def test_any_single_wrong_digit_is_found() -> None:
    number = numbers.draw()
    for place, digit in enumerate(number):
        for other in "0123456789".replace(digit, ""):
            assert not numbers.is_number(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "1", "0" * 15, "37828224631000", "3782822463100051", "٣78282246310005", "378282 46310005"]
)
def test_what_is_no_number_is_known_as_none(text: str) -> None:
    assert not numbers.is_number(text)
