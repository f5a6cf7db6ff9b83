"""Sentences of ours that follow each other: English ones a blank apart, Chinese ones joined."""

import re
from typing import Final

_GAP: Final = re.compile(r"(?<=[。！？；：，、])\s+")


def join(*sentences: object) -> str:
    """Those that say something, in their order."""
    return tighten(" ".join(filter(None, map(str, sentences))))


def tighten(text: str) -> str:
    """Without the blanks that a template has between its sentences, where they end as Chinese ones do."""
    return _GAP.sub("", text)
