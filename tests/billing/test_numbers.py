"""Order numbers: unlikely to meet twice, hard to mistype."""

from datetime import date

import pytest

from billing import numbers

DAY = date(2026, 7, 15)


def test_number_is_read_back_however_it_was_typed() -> None:
    number = numbers.draw(DAY)
    assert number.startswith("TU20260715")
    assert numbers.read(number) == number
    assert numbers.read(f" {number[:2].lower()} {number[2:10]}-{number[10:].lower()}\t") == number


def test_every_single_wrong_character_is_found() -> None:
    number = numbers.draw(DAY)
    for place in range(10, len(number)):
        for character in numbers.ALPHABET:
            wrong = number[:place] + character + number[place + 1 :]
            assert (numbers.read(wrong) == wrong) == (wrong == number)


def test_numbers_do_not_repeat() -> None:
    assert len({numbers.draw(DAY) for _ in range(5_000)}) == 5_000


def test_random_part_has_at_least_forty_bits_and_no_look_alikes() -> None:
    assert len(numbers.ALPHABET) == len(set(numbers.ALPHABET)) == 32
    assert not set("0O1Il") & set(numbers.ALPHABET)
    assert len(numbers.draw(DAY)) - len("TU20260715") - 1 >= 8


@pytest.mark.parametrize(
    "text", ["", "TU", "100", "TU20260715AAAAAAAAA", "XX20260715AAAAAAAAAA", "TU２０２６0715AAAAAAAAAA", "ſ"]
)
def test_other_text_is_no_number(text: str) -> None:
    assert numbers.read(text) is None
