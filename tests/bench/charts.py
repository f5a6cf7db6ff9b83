"""The charts of docs/performance.md: described for Vega-Lite, drawn as SVG by vl-convert in its own environment."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from tests.bench import page, stage
from tests.bench.growth import Curve
from tests.bench.rounds import Line

_DRAW: Final = "import sys, vl_convert; sys.stdout.write(vl_convert.vegalite_to_svg(sys.stdin.read()))"
_LOOK: Final = {"background": "white", "config": {"font": "sans-serif", "axis": {"labelLimit": 420}}}


def draw(lines: Sequence[Line], curves: Sequence[Curve]) -> None:
    """Growth, and how far each ratio lies from its target."""
    if not stage.PYTHON.exists():
        sys.stderr.write("bench: no charts, for what draws them could not be installed.\n")
        return
    page.FOLDER.mkdir(exist_ok=True)
    _save("growth", _describe_growth(curves))
    _save("targets", _describe_targets(lines))


def _save(name: str, description: dict[str, Any]) -> None:
    command = [str(stage.PYTHON), "-c", _DRAW]
    drawn = subprocess.run(command, input=json.dumps(_LOOK | description), capture_output=True, text=True, check=True)
    (page.FOLDER / f"{name}.svg").write_text(drawn.stdout, "utf-8")


def _describe_growth(curves: Sequence[Curve]) -> dict[str, Any]:
    """Each thing beside itself at the smallest size: level lines do not grow with the data."""
    values = [
        {"what": curve.what, "postings": size, "times": statistics.median(found) / statistics.median(curve.values[0])}
        for curve in curves
        for size, found in zip(curve.sizes, curve.values, strict=True)
    ]
    sizes = sorted({size for curve in curves for size in curve.sizes})
    return {
        "title": "Time that one takes, as a multiple of that at the smallest size",
        "width": 520,
        "height": 280,
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "postings",
                "type": "quantitative",
                "scale": {"type": "log"},
                "axis": {"values": sizes, "format": ",", "title": "postings in the ledger", "grid": False},
            },
            "y": {"field": "times", "type": "quantitative", "title": None, "scale": {"domainMin": 0}},
            "color": {"field": "what", "type": "nominal", "title": None, "sort": None},
            "strokeDash": {"field": "what", "type": "nominal", "title": None, "sort": None},
        },
    }


def _describe_targets(lines: Sequence[Line]) -> dict[str, Any]:
    """Middle, least and most of every line with a target, so that one is the target and more is better."""
    values = []
    for line in lines:
        if line.judged and (line.least or line.most):
            shares = [one / line.least if line.least else (line.most or 0) / one for one in line.judged]
            values.append(
                {
                    "what": line.what.replace("`", ""),
                    "middle": statistics.median(shares),
                    "least": min(shares),
                    "most": max(shares),
                    "met": "met" if line.is_met else "missed",
                }
            )
    across = {"type": "quantitative", "scale": {"type": "log"}, "title": "times the target; right of 1 it is met"}
    along = {"field": "what", "type": "nominal", "sort": None, "title": None}
    colour = {"field": "met", "title": None, "scale": {"domain": ["met", "missed"], "range": ["#0a6e5f", "#b3261e"]}}
    shape = {"field": "met", "title": None, "scale": {"domain": ["met", "missed"]}}
    return {
        "width": 420,
        "data": {"values": values},
        "layer": [
            {"mark": "rule", "encoding": {"x": {"field": "least", **across}, "x2": {"field": "most"}, "y": along}},
            {
                "mark": {"type": "point", "filled": True, "size": 60},
                "encoding": {
                    "x": {"field": "middle", **across},
                    "y": along,
                    "color": colour,
                    "shape": shape,
                },
            },
            {"mark": {"type": "rule", "strokeDash": [4, 3]}, "encoding": {"x": {"datum": 1, "type": "quantitative"}}},
        ],
    }
