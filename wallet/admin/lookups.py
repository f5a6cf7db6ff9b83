"""What an address may narrow a staff list by: what the list offers, and nothing else."""

from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin as UnfoldModelAdmin

_KINDS: Final = ("exact", "in", "isnull", "isempty", "gt", "gte", "lt", "lte", "year", "month", "day")


class ModelAdmin(UnfoldModelAdmin):
    """The base of every staff page. Django would let an address ask for any column, also one that no page shows:
    `?secret__startswith=a`, and a letter at a time a hidden column is read by what is found.
    """

    empty_value_display = "—"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Called what the menu calls it, where Django would say what can be selected there."""
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:  # noqa: ARG002  # Django's contract
        return any(_offers(self.model, item, lookup) for item in (*self.get_list_filter(request), self.date_hierarchy))


def _offers(model: type[Any], item: Any, lookup: str) -> bool:
    """Whether an item of `list_filter` asks this itself."""
    if item is None:
        return False
    if isinstance(item, type) and issubclass(item, admin.SimpleListFilter):
        return lookup == item.parameter_name
    path = item[0] if isinstance(item, list | tuple) else item
    return lookup in {
        name for start in _spell(model, path) for name in (start, *(f"{start}__{kind}" for kind in _KINDS))
    }


def _spell(model: type[Any], path: str) -> tuple[str, ...]:
    """A relation is named by itself, or by the column of its target."""
    field: Any = get_fields_from_path(model, path)[-1]
    return (path, f"{path}__{field.target_field.name}") if field.is_relation else (path,)
