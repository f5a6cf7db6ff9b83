"""Low-balance alerts: what counts as low for each balance, and who is told."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from djmoney.money import Money

from billing import alerts, notices, targets
from billing.alert_forms import AlertForm
from billing.models import LowBalanceAlert
from products import access
from products.charges import INSUFFICIENT_CODE
from products.models import Product
from wallet import chart
from wallet.access import MemberRequest, find_acting, member_required
from wallet.models import Account, Member, Role, User
from wallet.money import WALLET_CURRENCY


@dataclass(frozen=True, kw_only=True)
class Row:
    """One watched balance, as the page shows it."""

    alert: LowBalanceAlert
    product: Product | None
    name: str
    available: Money
    default: Money
    roles: tuple[str, ...]
    readers: tuple[User, ...]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        return _change(request)
    target = request.GET.get("change", "")
    alert = _find(request.member, target) if target and request.member.may_top_up else None
    return _render(request, request.member, form=_fill(alert) if alert else None, status=200)


def _change(request: MemberRequest) -> HttpResponse:
    """A form counts for the organisation it was shown for, whichever one is current now."""
    form = AlertForm(request.POST)
    form.is_valid()
    acting = find_acting(request, form.cleaned_data.get("organisation"))
    if not acting.may_top_up:
        return _refuse(request, acting)
    alert = _find(acting, form.cleaned_data.get("target", ""))
    if not form.is_valid():
        return _render(request, acting, form=form, status=422)
    try:
        changed = alerts.change(
            form.wish, organisation_id=acting.organisation_id, target=alert.target, by=request.user, now=timezone.now()
        )
    except alerts.MayNotChangeAlerts:  # since a moment ago
        return _refuse(request, acting)
    messages.success(request, _("The alert of “%(name)s” is saved.") % {"name": targets.name(alert.target)})
    if changed.is_on and changed.dipped_at:
        messages.warning(
            request, _("The balance is below the threshold already: those who get the mail are told of it at once.")
        )
    return redirect("billing:alerts")


def _find(member: Member, target: str) -> LowBalanceAlert:
    """The alert of a balance the member may see; 404 for any other."""
    found = next((row for row in _read_alerts(member) if row[0].target == target), None)
    if found is None:
        raise Http404
    return found[0]


def _read_alerts(member: Member) -> list[tuple[LowBalanceAlert, Product | None]]:
    """The wallet's first, then those of the products the member may use, in the catalogue's order."""
    alerts_ = {alert.target: alert for alert in LowBalanceAlert.objects.of(member.organisation_id)}
    usable = [(product.code, product) for product in access.usable(member)]
    return [(alerts_[code], product) for code, product in [(chart.WALLET, None), *usable] if code in alerts_]


def _read_rows(member: Member) -> list[Row]:
    names = targets.names()
    audience = notices.find_audience(member.organisation_id)
    accounts = Account.objects.of(member.organisation_id).filter(currency=WALLET_CURRENCY)
    balances = {account.code: account.balance for account in accounts}
    return [
        Row(
            alert=alert,
            product=product,
            name=names.get(alert.target, alert.target),
            available=balances.get(alert.target, Money(0, WALLET_CURRENCY)),
            default=Money(alert.default_threshold, WALLET_CURRENCY),
            roles=tuple(str(Role(role).label) for role in alert.roles),
            readers=tuple(audience.readers(target=alert.target, roles=alert.roles)),
        )
        for alert, product in _read_alerts(member)
    ]


def _fill(alert: LowBalanceAlert) -> AlertForm:
    return AlertForm(
        initial={
            "organisation": alert.organisation_id,
            "target": alert.target,
            "threshold": alert.threshold,
            "roles": alert.roles,
            "is_on": alert.is_on,
        }
    )


def _render(request: MemberRequest, acting: Member, *, form: AlertForm | None, status: int) -> HttpResponse:
    rows = _read_rows(acting)
    changed = form["target"].value() if form else None
    context: dict[str, Any] = {
        "acting": acting,
        "rows": rows,
        "untold": [row for row in rows if row.alert.is_on and not row.readers],
        "form": form,
        "changed": next((row for row in rows if row.alert.target == changed), None),
        "days": alerts.DEFAULT_DAYS,
        "code": INSUFFICIENT_CODE,
    }
    return render(request, "billing/alerts.html", context, status=status)


def _refuse(request: MemberRequest, member: Member) -> HttpResponse:
    context = {"able": Member.objects.able_to_top_up(member.organisation_id), "member": member}
    return render(request, "wallet/may_not_top_up.html", context, status=403)
