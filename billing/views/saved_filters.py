"""The filters of the list of orders that a member keeps: kept, renamed, deleted. Nobody sees another's."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing import saved_filters
from billing.forms import FilterForm, FilterNameForm, FilterRenameForm, OrderFilterForm
from products import access
from wallet.access import MemberRequest, find_acting, member_required
from wallet.forms import ShownForm
from wallet.models import Member


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest) -> HttpResponse:
    """What is kept, and the filters of the address to be kept, if it has any."""
    if request.method == "POST":
        return _keep(request)
    filters = _read(request.member, request.GET)
    if not filters.is_understood:
        return HttpResponseRedirect(f"{reverse('billing:orders')}?{request.GET.urlencode()}")  # which names the errors
    given = {"organisation": request.member.organisation_id, "address": filters.address()}
    form = FilterNameForm(initial=given) if given["address"] else None
    return _render(request, request.member, form=form, filters=filters)


def _keep(request: MemberRequest) -> HttpResponse:
    form = FilterNameForm(request.POST)
    member = _find_member(request, form)
    filters = _read(member, QueryDict(form.cleaned_data.get("address", "")))
    if not filters.is_understood or not filters.address():
        raise Http404
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            kept = saved_filters.keep(member_id=member.pk, name=name, address=filters.address(), now=timezone.now())
        except saved_filters.NameTaken:
            form.add_error("name", _("You have a filter of this name already. Choose another one."))
        except saved_filters.TooMany:
            most = {"most": saved_filters.MOST}
            form.add_error(None, _("You keep %(most)d filters, and more are not possible. Delete one first.") % most)
        else:
            messages.success(request, _("The filter “%(name)s” is saved.") % {"name": kept.name})
            return HttpResponseRedirect(f"{reverse('billing:orders')}?{kept.address}")
    return _render(request, member, form=form, filters=filters, status=422)


@never_cache
@require_POST
@member_required
def rename(request: MemberRequest) -> HttpResponse:
    form = FilterRenameForm(request.POST)
    member = _find_member(request, form)
    if form.is_valid():
        given = form.cleaned_data
        try:
            kept = saved_filters.rename(member_id=member.pk, name=given["name"], new_name=given["new_name"])
        except saved_filters.NameTaken:
            form.add_error("new_name", _("You have a filter of this name already. Choose another one."))
        except saved_filters.NotKept:
            raise Http404 from None
        else:
            messages.success(request, _("The filter is called “%(name)s” now.") % {"name": kept.name})
            return redirect("billing:saved_filters")
    return _render(request, member, renaming=form, status=422)


@never_cache
@require_POST
@member_required
def delete(request: MemberRequest) -> HttpResponse:
    form = FilterForm(request.POST)
    member = _find_member(request, form)
    if not form.is_valid():
        raise Http404
    saved_filters.delete(member_id=member.pk, name=form.cleaned_data["name"])
    messages.success(request, _("The filter “%(name)s” is deleted.") % {"name": form.cleaned_data["name"]})
    return redirect("billing:saved_filters")


def _find_member(request: MemberRequest, form: ShownForm) -> Member:
    """A form counts for the organisation it was shown for, whichever one is current now."""
    form.is_valid()
    return find_acting(request, form.cleaned_data.get("organisation"))


def _read(member: Member, address: QueryDict) -> OrderFilterForm:
    return OrderFilterForm(address, products=access.usable(member))


def _render(request: MemberRequest, acting: Member, *, status: int = 200, **shown: Any) -> HttpResponse:
    products = list(access.usable(acting))
    kept = [
        {"filter": row, "told": OrderFilterForm(QueryDict(row.address), products=products).told()}
        for row in saved_filters.of_member(acting)
    ]
    context = {"acting": acting, "kept": kept, "most": saved_filters.MOST, **shown}
    return render(request, "billing/saved_filters.html", context, status=status)
