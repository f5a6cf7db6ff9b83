"""Product permissions: an owner says which products a member may use."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from products import access
from products.access_forms import ALL, SOME, AccessForm
from products.models import Product
from wallet.access import MemberRequest, owner_required
from wallet.models import Member, Role


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def show(request: MemberRequest, member_id: UUID) -> HttpResponse:
    mine = Member.objects.select_related("user").filter(organisation_id=request.member.organisation_id)
    person = get_object_or_404(mine, pk=member_id)
    if request.method == "POST":
        return _submit(request, person)
    limit = access.find_limit(person)
    chosen = [product.slug for product in limit.products.all()] if limit else []
    return _render(request, person, scope=SOME if limit else ALL, chosen=chosen, status=200)


def _submit(request: MemberRequest, person: Member) -> HttpResponse:
    form = AccessForm(request.POST)
    if not form.is_valid():
        for contradiction in form.non_field_errors():
            messages.error(request, _("%(why)s Nothing was changed.") % {"why": contradiction})
        if not form.non_field_errors():
            messages.error(request, _("Choose all products, or only some of those shown. Nothing was changed."))
        return _render(
            request, person, scope=request.POST.get("scope", ""), chosen=request.POST.getlist("products"), status=422
        )
    try:
        if form.is_unlimited:
            access.lift(member_id=person.pk, by=request.user)
        else:
            access.limit(member_id=person.pk, products=form.cleaned_data["products"], by=request.user)
    except Member.DoesNotExist:  # since a moment ago
        raise Http404 from None
    messages.success(request, _tell(person, None if form.is_unlimited else list(form.cleaned_data["products"])))
    return redirect("wallet:members")


def _tell(person: Member, products: Sequence[Product] | None) -> str:
    """What the member may use from now on; None stands for every product."""
    if products is None:
        return _("%(who)s may use every product.") % {"who": person.user}
    if not products:
        return _("%(who)s may use the wallet, but no product.") % {"who": person.user}
    return _("%(who)s may use %(products)s only.") % {"who": person.user, "products": access.name_all(products)}


def _render(request: MemberRequest, person: Member, *, scope: str, chosen: list[str], status: int) -> HttpResponse:
    context = {
        "person": person,
        "is_owner": person.role == Role.OWNER,
        "scope": scope,
        "chosen": chosen,
        "products": Product.objects.in_order(),
    }
    return render(request, "products/access.html", context, status=status)
