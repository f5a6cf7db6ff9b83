"""The page of one posting for finance and ops, found by whatever is known of it; it prints on one sheet."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from innopaas import posting_search, posting_stories
from innopaas.posting_stories import Fact, Story
from wallet.admin.people import find_person
from wallet.models import User

SEES = "wallet.view_posting"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fact as this reader may see it."""

    fact: Fact
    address: str


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """One posting with its story; a list where several are meant; and what can be asked where none is."""
    by = find_person(request, permission=SEES)
    text = request.GET.get("q", "").strip()
    context = admin.site.each_context(request) | {"title": _("Show a posting"), "q": text, "most": posting_search.MOST}
    try:
        hits = posting_search.find(text)
    except posting_search.TooSlow:
        return render(request, "staff/posting.html", context | {"is_slow": True})
    if len(hits.postings) == 1:
        return render(request, "staff/posting.html", context | _lay_out(posting_stories.tell(hits.postings[0]), by=by))
    rows = [
        (posting, posting_stories.address_of(posting), posting_stories.name_kind(posting)) for posting in hits.postings
    ]
    return render(request, "staff/posting.html", context | {"rows": rows, "is_cut": hits.is_cut})


def _lay_out(story: Story, *, by: User) -> dict[str, Any]:
    return {
        "story": story,
        "facts": _rows(story.facts, by=by),
        "sections": [(title, _rows(facts, by=by)) for title, facts in story.sections if facts],
    }


def _rows(facts: Any, *, by: User) -> list[Row]:
    return [
        Row(fact=fact, address=fact.address if not fact.permission or by.has_perm(fact.permission) else "")
        for fact in facts
    ]
