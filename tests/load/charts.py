"""Lines over minutes: described for Vega-Lite, drawn as SVG by vl-convert, which stands where locust stands."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_DRAW: Final = "import sys, vl_convert; sys.stdout.write(vl_convert.vegalite_to_svg(sys.stdin.read()))"


def draw(description: Mapping[str, Any], *, python: Path) -> str:
    given = json.dumps(description)
    return subprocess.run([str(python), "-c", _DRAW], input=given, capture_output=True, text=True, check=True).stdout


def describe(title: str, minutes: Sequence[float], lines: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Every line has a value for each of the moments; the scale begins at nothing."""
    values = [
        {"what": name, "minute": round(minute, 2), "value": value}
        for name, those in lines.items()
        for minute, value in zip(minutes, those, strict=True)
    ]
    return {
        "title": title,
        "width": 520,
        "height": 280,
        "background": "white",
        "config": {"font": "sans-serif"},
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "minute", "type": "quantitative", "title": "minutes", "axis": {"grid": False}},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"domainMin": 0}},
            "color": {
                "field": "what",
                "type": "nominal",
                "title": None,
                "sort": None,
                "scale": {"scheme": "category20"},
            },
        },
    }
