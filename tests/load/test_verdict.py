"""What a load is judged by."""

import pytest

from tests.load import verdict


def every_five_seconds(values: list[float]) -> tuple[list[float], list[float]]:
    return [5.0 * place for place in range(len(values))], values


def test_memory_that_rises_at_first_and_then_stays_is_flat() -> None:
    growth = verdict.judge("web", *every_five_seconds([50, 80, *[100.0] * 18]))
    assert growth.is_flat
    assert growth.per_hour == pytest.approx(0)


def test_memory_that_goes_on_rising_is_not_flat() -> None:
    growth = verdict.judge("web", *every_five_seconds([100.0 + place for place in range(100)]))
    assert (growth.early, growth.late) == (139, 199)
    assert not growth.is_flat
    assert growth.per_hour == pytest.approx(720)


def test_a_tenth_more_is_flat_and_any_more_is_not() -> None:
    early = [100.0] * 16
    assert verdict.judge("web", *every_five_seconds([*early, *[110.0] * 4])).is_flat
    assert not verdict.judge("web", *every_five_seconds([*early, *[110.1] * 4])).is_flat


def test_a_queue_that_is_emptied_now_and_then_does_not_grow() -> None:
    assert not verdict.is_growing([0, 9, 3, 0, 5, 20, 30, 40, 0, 70])


def test_a_queue_that_is_never_emptied_again_grows() -> None:
    assert verdict.is_growing([0, 0, 1, 2, 5, 7, 9, 12, 15, 20])


def test_a_queue_that_keeps_its_length_does_not_grow() -> None:
    assert not verdict.is_growing([4] * 10)
