"""`{{ order.created_at|moment }}`: a moment in the reader's zone, which stands beside it. See `wallet.zones`."""

from datetime import datetime

from django import template

from wallet import zones

register = template.Library()


@register.filter
def moment(at: datetime | None) -> str:
    """`2026-07-15 12:00 (UTC+8)`; empty for none."""
    return zones.tell(at) if at else ""


@register.filter
def moment_to_second(at: datetime) -> str:
    """`2026-07-15 12:00:30 (UTC+8)`."""
    return zones.tell(at, form="%Y-%m-%d %H:%M:%S")


@register.filter
def clock(at: datetime) -> str:
    """`12:00 (UTC+8)`, of a moment that is near."""
    return zones.tell(at, form="%H:%M")


@register.filter
def own_day(at: datetime) -> str:
    """`2026-07-15`, in a column whose heading tells the zone."""
    return f"{zones.shift(at):%Y-%m-%d}"


@register.filter
def own_time(at: datetime) -> str:
    """`12:00:30`, likewise."""
    return f"{zones.shift(at):%H:%M:%S}"


@register.filter
def offset(at: datetime) -> int:
    """In minutes, for a script that compares it with the browser's."""
    return zones.count_minutes(at)


@register.simple_tag
def zone() -> str:
    """What stands above such a column."""
    return zones.tell_zone()
