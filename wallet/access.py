"""Who may open a page: decorators for views. Whose rows a page shows is the business of its query."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase  # noqa: TID251  # part of the doors: it answers for views
from django.shortcuts import render

from wallet import organisations
from wallet.models import Member, Role, User

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request of somebody who acts for an organisation."""

    user: User
    member: Member
    memberships: list[Member]


Page = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
MemberPage = Callable[Concatenate[MemberRequest, P], HttpResponseBase]


def member_required(view: MemberPage[P]) -> Page[P]:
    """Somebody without an organisation is told how to get into one (403)."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if getattr(request, "member", None) is None:
            return render(request, "wallet/no_organisation.html", status=403)
        return view(cast(MemberRequest, request), *args, **kwargs)

    return guarded


def owner_required(view: MemberPage[P]) -> Page[P]:
    """Anybody but an owner is told who is one (403)."""

    @wraps(view)
    def guarded(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.member.may_manage_members:
            return _refuse(request)
        try:
            return view(request, *args, **kwargs)
        except organisations.NotAnOwner:  # since a moment ago
            return _refuse(request)
        except organisations.NotAMember:
            raise Http404 from None

    return member_required(guarded)


def memberships_of(request: MemberRequest) -> dict[UUID, Member]:
    """The reader's memberships by organisation: a page about one acts in that one, not in the one chosen last."""
    return {member.organisation_id: member for member in request.memberships}


def find_acting(request: MemberRequest, organisation_id: UUID | None) -> Member:
    """The reader's membership in the organisation that a form was shown for; 404 when he has none."""
    acting = memberships_of(request).get(organisation_id) if organisation_id else None
    if acting is None:
        raise Http404
    return acting


def _refuse(request: MemberRequest) -> HttpResponseBase:
    owners = Member.objects.filter(organisation_id=request.member.organisation_id, role=Role.OWNER)
    context = {"able": owners.select_related("user").order_by("joined_at")}
    return render(request, "wallet/may_not_manage.html", context, status=403)
