"""Whether what was sampled is flat, and whether the load passed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_GROWTH: Final = 1.10
"""Memory is flat when the most of the run's last fifth is at most so many times the most of its second fifth."""

SHORTEST: Final = 10 * 60.0
"""Seconds; in a shorter run caches and threads are still being filled, and nothing is said about growth."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """One process over the run, in whatever unit it was given."""

    name: str
    early: float
    late: float
    per_hour: float
    """By a straight line through the last two thirds."""

    @property
    def is_flat(self) -> bool:
        return self.late <= self.early * MOST_GROWTH


def judge(name: str, times: Sequence[float], values: Sequence[float]) -> Growth:
    """Of at least five samples, in order."""
    fifth = len(values) // 5
    tail = len(values) // 3
    return Growth(
        name=name,
        early=max(values[fifth : 2 * fifth]),
        late=max(values[-fifth:]),
        per_hour=3600 * slope(times[tail:], values[tail:]),
    )


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """By the least squares, a second."""
    middle, level = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - middle) ** 2 for time in times)
    return sum((time - middle) * (value - level) for time, value in zip(times, values, strict=True)) / spread


def is_growing(counts: Sequence[int]) -> bool:
    """A queue grows when it was never empty in the last fifth, and twice as long there as in the second, on average."""
    fifth = len(counts) // 5
    early, late = counts[fifth : 2 * fifth], counts[-fifth:]
    return min(late) > 0 and sum(late) > 2 * sum(early)
