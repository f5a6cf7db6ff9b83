"""The admin's side navigation: the day's work first, then money, people, and the rules."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

GROUPS: Final[dict[Promise, tuple[str, ...]]] = {
    _("Transfers"): (
        "payments.transfer",
        "payments.bankline",
        "payments.finding",
        "payments.statementfile",
    ),
    _("Refunds"): ("billing.refund", "payments.cardrefund"),
    _("Fapiao"): ("billing.fapiao",),
    _("Stripe and banks"): (
        *("payments.payout", "payments.balancetransaction", "payments.housemove", "payments.suspensemove"),
    ),
    _("Disputes"): ("billing.dispute", "billing.cardblock", "billing.cardrule"),
    _("Orders"): (
        *("billing.order", "payments.payment", "billing.correction", "billing.flag", "billing.ordermail"),
        *("billing.document", "payments.inboxevent", "stuck"),
    ),
    _("Products"): (
        *("products.product", "products.productbalance", "products.hold", "billing.autofill"),
        *("billing.lowbalancealert", "billing.notice", "billing.noticemail"),
    ),
    _("Programming interface"): ("products.apikey", "billing.callbackendpoint", "billing.callback"),
    _("Customers"): ("wallet.organisation", "wallet.billingdetails", "wallet.payername"),
    _("Ledger"): (
        *("show_posting", "wallet.account", "wallet.posting", "wallet.entry", "wallet.sealedday", "wallet.auditrun"),
    ),
    _("Closing"): ("payments.dayclose", "payments.digestmail", "payments.glnumber"),
    _("Rules"): (
        *("billing.exchangerate", "billing.raterule", "billing.topuplimit", "payments.approvallimit"),
        *("payments.bankaccount", "billing.legalentity", "payments.rejectionreason", "billing.specialday"),
    ),
}
"""Whatever stands in no group is shown below them, so that nothing registered is out of reach."""


PAGES: Final[dict[str, tuple[Promise, str]]] = {
    "stuck": (_("What is stuck"), "billing.view_order"),
    "show_posting": (_("Show a posting"), "wallet.view_posting"),
}
"""Pages of no model, by the names of their addresses: what they are called, and who may see them."""


def navigate(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with what this person may see."""
    models = {model._meta.label_lower: model for model in admin.site._registry}  # noqa: SLF001  # no public list
    grouped = {label for labels in GROUPS.values() for label in labels}
    groups = GROUPS | {_("The site"): tuple(sorted(label for label in models if label not in grouped))}
    return [
        {"title": title, "separator": True, "items": items}
        for title, labels in groups.items()
        if (items := [item for label in labels for item in _items(request, models, label)])
    ]


def _items(request: HttpRequest, models: dict[str, Any], label: str) -> list[dict[str, Any]]:
    """One, or none that this person may see."""
    if label in PAGES:
        title, permission = PAGES[label]
        return [{"title": title, "link": reverse(label)}] if request.user.has_perm(permission) else []
    model = models.get(label)
    return [_item(model)] if model and _may_see(request, model) else []


def _may_see(request: HttpRequest, model: Any) -> bool:
    return admin.site._registry[model].has_view_permission(request)  # noqa: SLF001  # as above


def _item(model: Any) -> dict[str, Any]:
    meta = model._meta  # noqa: SLF001  # public API
    return {
        "title": capfirst(str(meta.verbose_name_plural)),
        "link": reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
    }
