"""Papers: what is printed, drawn as PDF by Typst from the sheets beside this module."""

from billing.papers.drawing import draw
from billing.papers.sheets import Column, Paper, Party, Table

__all__ = ["Column", "Paper", "Party", "Table", "draw"]
