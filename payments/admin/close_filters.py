"""How finance narrows the differences of a day down; the filters stand in the address."""

from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.models import Method
from payments.closing.selections import NOBODY, Selection, Standing
from payments.models import DayClose, Difference
from wallet.names import tidy

PAGE: Final = 100
"""So many rows stand on a page; the report has all."""

_FILTERS: Final = ("standing", "kind", "method", "currency", "owner", "q")


class DifferenceFilterForm(forms.Form):
    """Every filter may be empty."""

    standing = forms.ChoiceField(label=_("how it stands"), required=False, widget=UnfoldAdminSelectWidget)
    kind = forms.ChoiceField(label=_("what"), required=False, widget=UnfoldAdminSelectWidget)
    method = forms.ChoiceField(label=_("method"), required=False, widget=UnfoldAdminSelectWidget)
    currency = forms.ChoiceField(label=_("currency"), required=False, widget=UnfoldAdminSelectWidget)
    owner = forms.ChoiceField(label=_("owner"), required=False, widget=UnfoldAdminSelectWidget)
    q = forms.CharField(
        label=_("number, text or note"),
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, close: DayClose, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = ("", pgettext_lazy("filter", "all"))
        open_ = ("", _("all that do not agree"))
        kinds = set(close.differences.values_list("kind", flat=True))
        currencies = sorted(set(close.differences.values_list("amount_currency", flat=True)))
        owners = Difference.objects.filter(close=close, owner__isnull=False).select_related("owner")
        people = {str(one.owner_id): str(one.owner) for one in owners.distinct("owner").order_by("owner")}
        self._offer("standing", [open_, *Standing.choices])
        self._offer("kind", [every, *((code, label) for code, label in Difference.Kind.choices if code in kinds)])
        self._offer("method", [every, *Method.choices])
        self._offer("currency", [every, *((code, code) for code in currencies)])
        self._offer("owner", [every, (NOBODY, _("nobody")), *people.items()])

    def clean_q(self) -> str:
        return tidy(str(self.cleaned_data["q"]))

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]  # a choice field


def read(request: HttpRequest, close: DayClose) -> tuple[DifferenceFilterForm, Selection]:
    """The form as the address fills it, and what it means; a filter that is not understood narrows nothing."""
    form = DifferenceFilterForm(request.GET, close=close)
    form.is_valid()
    given = {name: form.cleaned_data[name] for name in _FILTERS if form.cleaned_data.get(name)}
    return form, Selection(**given)


def keep(request: HttpRequest) -> str:
    """The filters and the page as they stand in the address, to come back to."""
    kept = [(name, request.GET[name]) for name in (*_FILTERS, "page") if request.GET.get(name)]
    return f"?{urlencode(kept)}" if kept else ""


def turn(request: HttpRequest, rows: Any) -> dict[str, Any]:
    """The page of the rows that the address asks for, with the addresses of those beside it."""
    page: Page[Any] = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    kept = [(name, request.GET[name]) for name in _FILTERS if request.GET.get(name)]

    def address(number: int) -> str:
        return f"?{urlencode([*kept, ('page', number)])}"

    return {
        "page": page,
        "before": address(page.previous_page_number()) if page.has_previous() else "",
        "after": address(page.next_page_number()) if page.has_next() else "",
    }
