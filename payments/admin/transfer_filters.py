"""How finance narrows its queue down."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import State
from payments import approvers
from payments.models import BankLine, Finding, Suggestion, Transfer

ALL = "all"


class StateFilter(admin.SimpleListFilter):
    """The queue, unless somebody asks for more."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [(State.IN_REVIEW.value, State.IN_REVIEW.label), (ALL, _("All")), *_other_states()]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            yield {
                "selected": value == (self.value() or State.IN_REVIEW),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:  # noqa: ARG002  # as above
        wanted = self.value() or State.IN_REVIEW
        return queryset if wanted == ALL else queryset.filter(order__state=wanted)


class CurrencyFilter(admin.SimpleListFilter):
    title = _("currency")
    parameter_name = "currency"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("CNY", "CNY ¥"), ("USD", "USD $")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:  # noqa: ARG002  # as above
        return queryset.filter(amount_currency=self.value()) if self.value() else queryset


class TakenFilter(admin.SimpleListFilter):
    title = _("taken")
    parameter_name = "taken"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("me", _("By me")), ("others", _("By others")), ("free", _("By nobody"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
        now = timezone.now()
        taken = Q(taken_until__gt=now, taken_by__is_active=True)
        match self.value():
            case "me":
                return queryset.filter(taken, taken_by=UUID(str(request.user.pk)))
            case "others":
                return queryset.filter(taken).exclude(taken_by=UUID(str(request.user.pk)))
            case "free":
                return queryset.exclude(pk__in=Transfer.objects.filter(taken).values("pk"))
        return queryset


class DueFilter(admin.SimpleListFilter):
    title = _("due")
    parameter_name = "due"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("overdue", _("Overdue"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:  # noqa: ARG002  # as above
        return queryset.filter(expected_by__lt=timezone.now()) if self.value() else queryset


class NeedsFilter(admin.SimpleListFilter):
    """What a transfer waits for."""

    title = _("needs")
    parameter_name = "needs"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [
            ("exact", _("Exact bank line found")),
            ("near", _("Near bank line found")),
            ("facts", _("Received facts")),
            ("first", _("A first approval")),
            ("further", _("A further approval")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:  # noqa: ARG002  # as above
        match self.value():
            case "exact":
                return queryset.filter(matched(BankLine.Pile.EXACT))
            case "near":
                return queryset.filter(matched(BankLine.Pile.NEAR))
            case "facts":
                return queryset.exclude(found())
            case "first":
                return queryset.filter(found()).exclude(approved())
            case "further":
                return queryset.filter(approved())
        return queryset


def matched(pile: BankLine.Pile) -> Exists:
    """Whether a bank line with money left was matched to the transfer."""
    lines = BankLine.objects.with_rest().filter(pile=pile)
    return Exists(Suggestion.objects.filter(transfer=OuterRef("pk"), line__in=lines))


def found() -> Exists:
    """Whether its received facts are recorded and wait for approval."""
    return Exists(Finding.objects.open().filter(transfer=OuterRef("pk")))


def approved() -> Exists:
    """Whether somebody has said yes to its received facts, and more have to."""
    waiting = Finding.objects.open().filter(transfer=OuterRef("pk"))
    return Exists(waiting.filter(Exists(approvers.list_valid().filter(finding=OuterRef("pk")))))


def _other_states() -> list[tuple[str, Any]]:
    states = (State.PENDING, State.REJECTED, State.PAID, State.EXPIRED, State.CANCELLED)
    return [(state.value, state.label) for state in states]
