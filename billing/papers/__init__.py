"""Papers: what is printed, drawn as PDF by Typst from the sheets beside this module."""

from billing.papers.drawing import draw, draw_form
from billing.papers.sheets import Column, Field, Form, Paper, Party, Section, Table

__all__ = ["Column", "Field", "Form", "Paper", "Party", "Section", "Table", "draw", "draw_form"]
