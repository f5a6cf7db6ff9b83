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
    _("Orders"): (
        *("billing.order", "payments.payment", "billing.correction", "billing.flag", "billing.ordermail"),
        "payments.inboxevent",
    ),
    _("Products"): (
        *("products.product", "products.productbalance", "products.hold", "billing.autofill"),
        *("billing.lowbalancealert", "billing.notice", "billing.noticemail"),
    ),
    _("Programming interface"): ("products.apikey", "billing.callbackendpoint", "billing.callback"),
    _("Customers"): ("wallet.organisation", "wallet.billingdetails", "wallet.payername"),
    _("Ledger"): ("wallet.account", "wallet.posting", "wallet.entry", "wallet.sealedday", "wallet.auditrun"),
    _("Rules"): (
        *("billing.exchangerate", "billing.raterule", "billing.topuplimit", "payments.approvallimit"),
        *("payments.bankaccount", "payments.rejectionreason", "billing.specialday"),
    ),
}
"""Whatever stands in no group is shown below them, so that nothing registered is out of reach."""


def navigate(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with what this person may see."""
    models = {model._meta.label_lower: model for model in admin.site._registry}  # noqa: SLF001  # no public list
    grouped = {label for labels in GROUPS.values() for label in labels}
    groups = GROUPS | {_("The site"): tuple(sorted(label for label in models if label not in grouped))}
    return [
        {"title": title, "separator": True, "items": items}
        for title, labels in groups.items()
        if (items := [_item(models[label]) for label in labels if label in models and _may_see(request, models[label])])
    ]


def _may_see(request: HttpRequest, model: Any) -> bool:
    return admin.site._registry[model].has_view_permission(request)  # noqa: SLF001  # as above


def _item(model: Any) -> dict[str, Any]:
    meta = model._meta  # noqa: SLF001  # public API
    return {
        "title": capfirst(str(meta.verbose_name_plural)),
        "link": reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
    }
