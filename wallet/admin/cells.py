"""What stands in the cells of staff's tables: links and moments, written in one way."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join


def link_to(address: str, text: object) -> str:
    return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', address, text)


def say_moment(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s") if moment else ""


def show_moment(moment: datetime | None) -> str:
    """For a list: a narrow column breaks it between day and time only."""
    parts = say_moment(moment).split()
    return format_html_join(" ", '<span class="whitespace-nowrap">{}</span>', ((part,) for part in parts)) or "—"


def name_person(column: str, description: Any) -> Callable[[Any, Any], str]:
    """A method of an admin: the name that somebody had when he did it, under words that say what he did."""

    def show(_admin: Any, row: Any) -> str:
        return getattr(row, column) or "—"

    return admin.display(show, description=description, ordering=column)
