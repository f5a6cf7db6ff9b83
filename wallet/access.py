"""Who may open a page: decorators for views. Whose rows a page shows is the business of its query."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

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


def may_top_up_required(view: MemberPage[P]) -> Page[P]:
    """A viewer is told who in the organisation can (403)."""

    @wraps(view)
    def guarded(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.member.may_top_up:
            return _refuse(request, [Role.OWNER, Role.BILLING], "wallet/may_not_top_up.html")
        return view(request, *args, **kwargs)

    return member_required(guarded)


def owner_required(view: MemberPage[P]) -> Page[P]:
    """Anybody but an owner is told who is one (403)."""

    @wraps(view)
    def guarded(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.member.may_manage_members:
            return _refuse(request, [Role.OWNER], "wallet/may_not_manage.html")
        try:
            return view(request, *args, **kwargs)
        except organisations.NotAnOwner:  # since a moment ago
            return _refuse(request, [Role.OWNER], "wallet/may_not_manage.html")
        except organisations.NotAMember:
            raise Http404 from None

    return member_required(guarded)


def _refuse(request: MemberRequest, roles: list[Role], template: str) -> HttpResponseBase:
    able = Member.objects.filter(organisation_id=request.member.organisation_id, role__in=roles)
    return render(request, template, {"able": able.select_related("user").order_by("joined_at")}, status=403)
