"""docs/operations.md has every alarm there is: whoever is woken by one finds it there by the words it was told in."""

import re
from pathlib import Path
from typing import Final

import pytest
from django.utils import translation
from prometheus_client import REGISTRY

from innopaas import health, stuck
from innopaas.stuck import Kind

TEXT: Final = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
OURS: Final = sorted(metric.name for metric in REGISTRY.collect() if metric.name.startswith("innopaas_"))


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_stuck_thing_is_explained(kind: Kind) -> None:
    with translation.override("en"):
        assert f"\n| {kind.label} | " in TEXT


@pytest.mark.parametrize("part", health._CHECKS)
def test_every_part_of_readiness_is_explained(part: str) -> None:
    assert f"\n| `{part}` | " in TEXT


def test_every_metric_of_ours_is_explained() -> None:
    assert len(OURS) == 3
    assert [name for name in OURS if f"\n| `{name}` | " not in TEXT] == []


def test_every_button_that_unsticks_something_is_named() -> None:
    finders = Path(stuck.__file__).parent.glob("*.py")
    titles = {title for file in finders for title in re.findall(r'title=_\("([^"]+)"\)', file.read_text("utf-8"))}
    assert len(titles) > 10
    assert [title for title in sorted(titles) if f"**{title}**" not in TEXT] == []
