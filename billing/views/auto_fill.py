"""Auto-fill of one product: the rule, a dry run of it, and switching it on and off."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing import auto_fill, trials
from billing.alert_forms import BY_AMOUNT, UP_TO, AutoFillForm
from billing.auto_fill_terms import TermsRefused, check, read_terms
from billing.models import LowBalanceAlert
from products import access, balances, catalogue
from products.models import Product
from wallet import chart
from wallet.access import MemberRequest, find_acting, member_required
from wallet.calendar import business_date
from wallet.forms import ShownForm
from wallet.models import Account, Member
from wallet.money import labelled

_FIRST_SIZE = Decimal(100)
"""What an empty form begins with: so much at a time, and three times that a day."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest, slug: str) -> HttpResponse:
    """The rule, or what the address asks to try out; sending it switches it on."""
    if request.method == "POST":
        return _set(request, slug)
    product = _find_product(request.member, slug)
    if not request.GET or not request.member.may_top_up:
        return _render(request, product, request.member, form=_fill(request.member, product), status=200)
    form = AutoFillForm(request.GET)
    acting = _find_acting(request, form)
    return _render(request, _find_product(acting, slug), acting, form=form, status=200)


@require_POST
@member_required
def switch_off(request: MemberRequest, slug: str) -> HttpResponse:
    """Repeating it changes nothing."""
    acting = _find_acting(request, ShownForm(request.POST))
    product = _find_product(acting, slug)
    try:
        auto_fill.switch_off(organisation_id=acting.organisation_id, product=product, by=request.user)
    except auto_fill.MayNotSetRule:
        return _refuse(request, acting)
    said = _("Auto-fill of %(product)s is off. Nothing is moved from the wallet by itself any more.")
    messages.success(request, said % {"product": product.title})
    return redirect("billing:auto_fill", slug)


def _set(request: MemberRequest, slug: str) -> HttpResponse:
    form = AutoFillForm(request.POST)
    acting = _find_acting(request, form)
    product = _find_product(acting, slug)
    if not acting.may_top_up:
        return _refuse(request, acting)
    if not form.is_valid():
        return _render(request, product, acting, form=form, status=422)
    try:
        auto_fill.set_rule(
            form.terms, organisation_id=acting.organisation_id, product=product, by=request.user, now=timezone.now()
        )
    except auto_fill.MayNotSetRule:  # since a moment ago
        return _refuse(request, acting)
    except (TermsRefused, catalogue.NotOffered):  # the page says which
        return _render(request, product, acting, form=form, status=422)
    said = _("Auto-fill of %(product)s is on. The wallet fills it as soon as less than %(threshold)s is left.")
    messages.success(request, said % {"product": product.title, "threshold": labelled(form.terms.threshold)})
    return redirect("billing:auto_fill", slug)


def _find_acting(request: MemberRequest, form: ShownForm) -> Member:
    """The reader's membership in the organisation the form was shown for; 404 when he has none."""
    form.is_valid()
    return find_acting(request, form.cleaned_data.get("organisation"))


def _find_product(member: Member, slug: str) -> Product:
    product = access.find_usable(member, slug)
    if product is None:
        raise Http404
    return product


def _fill(member: Member, product: Product) -> AutoFillForm:
    """The form as the rule stands; without one, as a rule might begin."""
    shown = {"organisation": member.organisation_id}
    rule = auto_fill.find(organisation_id=member.organisation_id, product=product)
    if rule:
        by_amount = rule.amount is not None
        return AutoFillForm(
            initial=shown
            | {
                "threshold": rule.threshold.amount,
                "way": BY_AMOUNT if by_amount else UP_TO,
                "size": rule.amount if by_amount else rule.fill_to,
                "floor": rule.floor,
                "daily_cap": rule.daily_cap,
            }
        )
    alert = LowBalanceAlert.objects.of(member.organisation_id).filter(target=product.code).first()
    threshold = alert.counts_as_low.amount if alert else Decimal()
    size = max(_FIRST_SIZE, threshold)
    return AutoFillForm(
        initial=shown
        | {"threshold": threshold or size, "way": BY_AMOUNT, "size": size, "floor": Decimal(), "daily_cap": size * 3}
    )


def _try_out(form: AutoFillForm, member: Member, product: Product, *, now: datetime) -> trials.Trial | None:
    """The dry run of what the form says; None, with the error in the form, where no such rule can stand."""
    if not form.is_valid():
        return None
    try:
        check(form.terms, product=product)
    except TermsRefused as error:
        form.blame(error.field, str(error))
        return None
    except catalogue.NotOffered:
        form.add_error(None, _("%(product)s cannot be topped up at the moment.") % {"product": product.title})
        return None
    today = business_date(now)
    return trials.try_out(form.terms, organisation_id=member.organisation_id, product=product, today=today)


def _render(
    request: MemberRequest, product: Product, acting: Member, *, form: AutoFillForm, status: int
) -> HttpResponse:
    now = timezone.now()
    trial = _try_out(form, acting, product, now=now) if form.is_bound else None
    rule = auto_fill.find(organisation_id=acting.organisation_id, product=product)
    holding = balances.read(organisation_id=acting.organisation_id, product=product)
    context: dict[str, Any] = {
        "acting": acting,
        "product": product,
        "form": form,
        "trial": trial,
        "rule": rule,
        "terms": read_terms(rule) if rule else None,
        "at_once": form.terms.wanted(holding.available) if trial else None,
        "latest": auto_fill.list_latest(rule) if rule else (),
        "moved_today": auto_fill.moved_today(rule, now=now) if rule else None,
        "is_waiting": bool(rule and rule.waits_until and rule.waits_until > now),
        "holding": holding,
        "wallet": Account.objects.balance(
            organisation_id=acting.organisation_id, code=chart.WALLET, currency=product.currency
        ),
        "able": () if acting.may_top_up else Member.objects.able_to_top_up(acting.organisation_id),
    }
    return render(request, "billing/auto_fill.html", context, status=status)


def _refuse(request: MemberRequest, member: Member) -> HttpResponse:
    context = {"able": Member.objects.able_to_top_up(member.organisation_id), "member": member}
    return render(request, "wallet/may_not_top_up.html", context, status=403)
