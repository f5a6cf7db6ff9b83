"""What each staff group may do: the one table, put into the database by a migration and by `manage.py set_up_staff`."""

from typing import Any

_SEES = {
    f"{label}.view_{model}"
    for label, models in {
        "wallet": (
            *("user", "organisation", "member", "billingdetails", "payername"),
            *("account", "posting", "entry", "sealedday", "auditrun"),
        ),
        "billing": (
            *("order", "orderevent", "ordermail", "flag", "topuplimit"),
            *("exchangerate", "raterule", "specialday", "correction", "refund", "autofill", "lowbalancealert"),
            *("dispute", "disputemovement", "debtpayment", "writeoff", "cardblock", "cardrule"),
            *("notice", "noticemail", "callbackendpoint", "callback", "legalentity", "document", "fapiao"),
        ),
        "products": ("product", "productbalance", "productaccess", "hold", "apikey", "usageday"),
        "payments": (
            *("payment", "inboxevent", "heartbeat", "transfer", "finding", "share", "approval", "allocation"),
            *("balancetransaction", "payout", "housemove", "suspensemove"),
            *("bankrefund", "cardrefund", "dayclose", "closeact", "difference", "digestmail", "glnumber"),
            *("deskact", "bankline", "suggestion", "statementfile", "bankaccount", "approvallimit", "rejectionreason"),
        ),
    }.items()
    for model in models
}

_FINANCE = {
    "payments.view_slip",
    "billing.change_flag",
    "billing.add_topuplimit",
    "billing.change_topuplimit",
    "billing.add_exchangerate",
    "billing.change_exchangerate",
    "billing.change_raterule",
    "billing.add_specialday",
    "billing.change_specialday",
    "billing.delete_specialday",
    "billing.add_correction",
    "billing.change_correction",
    "billing.change_dispute",
    "billing.add_refund",
    "billing.change_refund",
    "billing.change_fapiao",
    "payments.add_bankrefund",
    "payments.change_bankrefund",
    "payments.change_dayclose",
    "payments.change_payout",
    "payments.add_housemove",
    "payments.change_housemove",
    "payments.add_suspensemove",
    "payments.change_suspensemove",
    "products.add_product",
    "products.change_product",
    "payments.change_transfer",
    "payments.add_statementfile",
    "payments.change_bankline",
    "payments.add_rejectionreason",
    "payments.change_rejectionreason",
}

GROUPS: dict[str, set[str]] = {
    "finance": _SEES | _FINANCE,
    "finance lead": _SEES
    | _FINANCE
    | {
        "billing.change_order",
        "billing.add_writeoff",
        "billing.add_legalentity",
        "billing.change_legalentity",
        "billing.change_cardblock",
        "billing.add_cardrule",
        "payments.add_bankaccount",
        "payments.change_bankaccount",
        "payments.add_approvallimit",
        "payments.change_approvallimit",
        "payments.add_glnumber",
        "payments.change_glnumber",
        "innopaas.view_staffedit",
    },
    "ops": _SEES
    | {
        "billing.change_flag",
        "billing.change_order",
        "billing.change_callback",
        "billing.change_dispute",
        "billing.change_ordermail",
        "billing.change_noticemail",
        "wallet.add_auditrun",
        "payments.change_inboxevent",
        "products.add_apikey",
        "products.change_apikey",
        "innopaas.view_staffedit",
    },
}
"""Nobody in a group may change users or groups: that would be to give oneself rights. Only a superuser may."""


def grant(*, apps: Any, using: str) -> None:
    """Gives every group exactly the permissions of the table; repeating it changes nothing.

    `apps` is the registry (a migration's or the real one). Permissions are made where Django has not made them yet:
    it does so only after the last migration.
    """
    for name, wanted in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=name)
        group.permissions.set([_get_permission(apps, using, permission) for permission in sorted(wanted)])


def _get_permission(apps: Any, using: str, permission: str) -> Any:
    label, codename = permission.split(".")
    action, model = codename.split("_", 1)
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(using)
    content_type, _ = content_types.get_or_create(app_label=label, model=model)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    found, _ = permissions.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": f"Can {action} {model}"}
    )
    return found
