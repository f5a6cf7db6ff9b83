"""The page where staff go on with a form that had to wait for their second factor."""

from dataclasses import dataclass
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from innopaas import step_up


@dataclass(frozen=True, kw_only=True)
class Row:
    """One field of the form, as a person reads it."""

    label: str
    values: list[str]


@never_cache
@require_safe
def show(request: HttpRequest, key: str) -> HttpResponse:
    """What will be sent, and the button that sends it to the very address where it was typed."""
    user_id = UUID(str(request.user.pk))
    try:
        kept = step_up.find(session=request.session, key=key, user_id=user_id, now=timezone.now())
    except step_up.NotKept:
        raise Http404 from None
    context = admin.site.each_context(request) | {
        "title": _("Go on with: %(what)s") % {"what": _find_title(kept)},
        "kept": kept,
        "rows": [Row(label=_find_label(kept, field), values=values) for field, values in kept.fields if any(values)],
        "field": step_up.KEY,
        "key": key,
    }
    return render(request, "innopaas/step_up.html", context)


def _find_title(kept: step_up.Kept) -> str:
    if kept.title:
        return str(kept.title)
    label, model = kept.name.partition(":")[2].split("_")[:2]
    return capfirst(str(apps.get_model(label, model)._meta.verbose_name))  # noqa: SLF001  # public API


def _find_label(kept: step_up.Kept, field: str) -> str:
    """The model's own word for the field where the address is a model's, else the field's name."""
    label, model = kept.name.partition(":")[2].split("_")[:2]
    try:
        found = apps.get_model(label, model)._meta.get_field(field)  # noqa: SLF001  # public API
    except (LookupError, FieldDoesNotExist):
        return capfirst(field.strip("_").replace("_", " ").replace("-", " "))
    return capfirst(str(getattr(found, "verbose_name", field)))
