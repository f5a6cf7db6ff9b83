"""A paper as PDF: A4, with its fonts in it, and the same bytes for the same content."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cvttf_NotoSansCJK_Regular
import typst

_HERE = Path(__file__).parent
_PAPER = str(_HERE / "paper.typ")
_FORM = str(_HERE / "form.typ")


def draw(content: Mapping[str, Any], *, language: str) -> bytes:
    """The file of what `Paper.to_json` gave, some 20 milliseconds of a processor for a page. Nothing outside this
    package is read, and no network.
    """
    return _compile(_PAPER, content, language=language)


def draw_form(content: Mapping[str, Any], *, language: str) -> bytes:
    """As `draw`, of what `Form.to_json` gave."""
    return _compile(_FORM, content, language=language)


def _compile(sheet: str, content: Mapping[str, Any], *, language: str) -> bytes:
    return typst.compile(
        sheet,
        root=str(_HERE),
        font_paths=_load_fonts(),
        sys_inputs={"paper": json.dumps(content), "language": "zh" if language.startswith("zh") else "en"},
    )


@cache
def _load_fonts() -> typst.Fonts:
    """The package's one font has Latin and Chinese letters; what the machine has is never looked at."""
    folder = Path(cvttf_NotoSansCJK_Regular.get_TTF_path()).parent
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder)])
