"""Where days and amounts stand on a chart."""

import re
from datetime import date, timedelta

import pytest
from django.template.loader import render_to_string
from django.utils.translation import override
from djmoney.money import Money

from billing import curves
from billing.curves import Frame

_FIRST = date(2026, 10, 25)


def usd(amount: str) -> Money:
    return Money(amount, "USD")


def frame(*amounts: str) -> Frame:
    return curves.frame([_FIRST + timedelta(days=number) for number in range(len(amounts))], [*map(usd, amounts)])


@pytest.mark.parametrize(
    ("highest", "amounts"),
    [
        ("0", ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ("0.0525", ["0", "0.02", "0.04", "0.06"]),
        ("1.01", ["0", "0.5", "1", "1.5"]),
        ("4.99", ["0", "1", "2", "3", "4", "5"]),
        ("1650", ["0", "500", "1000", "1500", "2000"]),
        ("9.5", ["0", "2", "4", "6", "8", "10"]),
    ],
)
def test_a_scale_has_round_figures_and_ends_above_the_highest(highest: str, amounts: list[str]) -> None:
    lines = frame("0", highest).lines

    assert [line.amount for line in lines] == [*map(usd, amounts)]
    assert (lines[0].y, lines[-1].y) == ("100", "0")


def test_a_month_is_named_by_its_weeks_up_to_the_last_day() -> None:
    ticks = frame(*["1"] * 30).ticks

    assert [tick.label for tick in ticks] == ["26 Oct", "2 Nov", "9 Nov", "16 Nov", "23 Nov"]
    assert [tick.is_minor for tick in ticks] == [False, True, False, True, False]
    assert (ticks[0].anchor, ticks[2].anchor, ticks[-1].anchor) == ("start", "middle", "end")


@pytest.mark.parametrize(("days", "named"), [(1, 1), (5, 5), (8, 4), (14, 4), (31, 5), (92, 4), (366, 5)])
def test_however_long_few_days_are_named_and_the_last_always(days: int, named: int) -> None:
    ticks = frame(*["1"] * days).ticks

    assert len(ticks) == named
    assert ticks[-1].day == _FIRST + timedelta(days=days - 1)


def test_a_day_is_written_as_its_reader_writes_it() -> None:
    with override("zh-hans"):
        assert frame("1").ticks[0].label == "10/25"


def test_the_highest_is_told_where_there_is_room_beside_the_last() -> None:
    assert [peak.amount for peak in frame("5", "1", "1", "2").told] == [usd("5"), usd("2")]
    assert [peak.amount for peak in frame("1", "1", "1", "5", "2").told] == [usd("2")]
    assert [peak.amount for peak in frame("0", "0", "0").told] == [usd("0")]


def test_bars_of_a_day_stand_on_each_other_and_the_smallest_is_seen() -> None:
    days = [{"card": usd("40"), "offline": usd("0"), "balance": usd("10")}, {"card": usd("0.01")}]

    bars = curves.stack(days, top=usd("100"))

    assert [(bar.kind, bar.x, bar.y, bar.width, bar.height) for bar in bars] == [
        ("card", "6.25", "60", "37.5", "40"),
        ("balance", "6.25", "50", "37.5", "10"),
        ("card", "56.25", "99", "37.5", "1"),
    ]


def test_every_pattern_that_a_plot_is_filled_with_is_drawn_in_it_once() -> None:
    """Without a key beside it, and with two plots on one page."""
    bars = curves.stack([{"card": usd("1"), "offline": usd("2"), "balance": usd("3")}], top=usd("6"))
    context = {"frame": frame("6"), "bars": bars, "title": "Credited"}
    page = "".join(render_to_string("billing/_plot.html", context | {"name": name}) for name in ("one", "two"))

    named = re.findall(r' id="([^"]+)"', page)
    assert len(set(named)) == len(named)
    assert re.findall(r"url\(#([^)]+)\)", page) == ["one-offline", "one-balance", "two-offline", "two-balance"]
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(re.findall(r'<pattern id="([^"]+)"', page))
