"""Reading the audit trail: every change of whatever is tracked, as people read it."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.functions import Cast
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from pghistory.models import Event

from innopaas import history
from innopaas.models import StaffEdit


def find_all() -> models.QuerySet[StaffEdit]:
    """The latest first. Each has its `diff` and `data` as text: read as JSON, amounts would become floats."""
    edits: models.QuerySet[StaffEdit] = StaffEdit.objects.exclude(pgh_label=history.BEGUN)
    exact = {"diff": Cast("pgh_diff", models.TextField()), "data": Cast("pgh_data", models.TextField())}
    return edits.annotate(**exact).order_by("-pgh_created_at", "-pgh_slug")


def name_tracked(event: type[Event]) -> str:
    """The tracked model's name for people; a many-to-many table is named for both its sides."""
    meta: Any = history.find_tracked(event)._meta  # noqa: SLF001  # public API
    if not meta.auto_created:
        return capfirst(str(meta.verbose_name))
    owner = meta.auto_created._meta  # noqa: SLF001  # as above
    sides = {field.related_model._meta for field in meta.fields if field.is_relation}  # noqa: SLF001  # as above
    others = ", ".join(str(side.verbose_name_plural) for side in sides - {owner})
    return f"{capfirst(str(owner.verbose_name))}: {others}"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one field said before and says now; None where there was no before or is no after."""

    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return " → ".join(said for said in (self.before, self.after) if said is not None)


def list_changes(edit: Any) -> list[Change]:
    """Field by field, of one that `find_all` found. Where the row before is not known, every field as it was left."""
    fields = {field.column: field for field in apps.get_model(edit.pgh_model)._meta.fields}  # noqa: SLF001  # public API
    if edit.pgh_label == "update" and edit.diff:
        return [
            Change(field=_label(fields[column]), before=_say(fields[column], old), after=_say(fields[column], new))
            for column, (old, new) in _load(edit.diff).items()
        ]
    said = {fields[column]: value for column, value in _load(edit.data).items() if fields[column].name != "id"}
    if edit.pgh_label == "delete":
        return [Change(field=_label(field), before=_say(field, value), after=None) for field, value in said.items()]
    return [Change(field=_label(field), before=None, after=_say(field, value)) for field, value in said.items()]


def _load(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return loaded


def _label(field: "models.Field[Any, Any]") -> str:
    return capfirst(str(field.verbose_name))


def _say(field: "models.Field[Any, Any]", value: Any) -> str:
    """A value as the row's JSON has it, for people."""
    if value is None or value == "":
        return "—"
    if isinstance(field, models.ForeignKey):
        found = field.related_model._default_manager.filter(pk=value).first()  # noqa: SLF001  # as above
        return str(found or value)
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {one}" for name, one in value.items()) or "—"
    return str(dict(field.flatchoices).get(value, value))
