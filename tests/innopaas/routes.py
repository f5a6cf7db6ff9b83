"""Every route of the site, and whose data it shows. A new route stands here before its page is done."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from django.urls import URLPattern, URLResolver, get_resolver


class Shows(Enum):
    """Whose data a route shows."""

    NAMED = auto()  # of the organisation whose id stands in the address
    OWN = auto()  # of the visitor's own organisation
    VISITOR = auto()  # of the visitor himself
    NOBODY = auto()  # of no customer
    STAFF = auto()  # of everybody, to staff who may
    KEYED = auto()  # of the organisation, or the product, whose key the request shows


TABLE = {
    "home": Shows.OWN,
    "products": Shows.OWN,
    "product": Shows.OWN,  # a product is everybody's, what stands on its page is the visitor's own
    "product_access": Shows.NAMED,
    "payments:topup": Shows.OWN,
    "payments:product_topup": Shows.OWN,  # of the product in the address, which is everybody's
    "payments:move_several": Shows.OWN,
    "payments:moved_several": Shows.OWN,  # of those the visitor names that are his own
    "payments:continue": Shows.NAMED,
    "payments:cancel": Shows.NAMED,
    "payments:return": Shows.NAMED,
    "payments:conversion": Shows.NOBODY,  # a rate that everybody is quoted
    "payments:transfer": Shows.NAMED,
    "payments:transfer_pdf": Shows.NAMED,
    "payments:slip": Shows.NAMED,
    "payments:remove_slip": Shows.NAMED,
    "payments:transfers": Shows.OWN,  # of those the visitor names that are his own
    "payments:transfers_pdf": Shows.OWN,
    "payments:webhook": Shows.NOBODY,
    "billing:orders": Shows.OWN,
    "billing:orders_csv": Shows.OWN,
    "billing:orders_xlsx": Shows.OWN,
    "billing:order_totals": Shows.OWN,
    "billing:saved_filters": Shows.OWN,
    "billing:rename_filter": Shows.OWN,
    "billing:delete_filter": Shows.OWN,
    "billing:order": Shows.NAMED,
    "billing:undo": Shows.NAMED,
    "billing:refund": Shows.NAMED,
    "billing:refund_withdraw": Shows.NAMED,
    "billing:receipt": Shows.NAMED,
    "billing:receipt_pdf": Shows.NAMED,
    "billing:document": Shows.NAMED,
    "billing:fapiao": Shows.NAMED,
    "billing:fapiao_file": Shows.NAMED,
    "billing:statement": Shows.OWN,
    "billing:statement_csv": Shows.OWN,
    "billing:statement_pdf": Shows.OWN,
    "billing:statement_pack": Shows.OWN,
    "billing:alerts": Shows.OWN,
    "billing:auto_fill": Shows.OWN,  # of the product in the address, which is everybody's
    "billing:auto_fill_off": Shows.OWN,
    "billing:callbacks": Shows.OWN,
    "billing:callback_secret": Shows.OWN,
    "billing:callback_rotate": Shows.OWN,
    "billing:callback_events": Shows.OWN,
    "billing:callback_off": Shows.OWN,
    "billing:callback_on": Shows.OWN,
    "billing:callback_remove": Shows.OWN,
    "billing:callback_test": Shows.OWN,
    "billing:callback_again": Shows.OWN,
    "products:keys": Shows.OWN,
    "products:revoke_key": Shows.OWN,
    **dict.fromkeys(
        [
            "api:charge", "api:charge_batch", "api:place_hold", "api:show_hold", "api:capture_hold", "api:release_hold",
            "api:list_balances", "api:list_entries", "api:list_orders", "api:unknown",
        ],
        Shows.KEYED,
    ),
    "api:api-root": Shows.NOBODY,
    "api": Shows.NOBODY,
    "api:openapi-json": Shows.NOBODY,
    "api:openapi-view": Shows.NOBODY,
    "wallet:switch": Shows.OWN,
    "wallet:create_organisation": Shows.VISITOR,
    "wallet:members": Shows.OWN,
    "wallet:change_role": Shows.OWN,
    "wallet:remove": Shows.OWN,
    "wallet:leave": Shows.OWN,
    "wallet:offer_ownership": Shows.OWN,
    "wallet:demand_second_factor": Shows.OWN,
    "wallet:waive_second_factor": Shows.OWN,
    "wallet:invite": Shows.OWN,
    "wallet:withdraw": Shows.OWN,
    "wallet:details": Shows.OWN,
    "wallet:add_payer": Shows.OWN,
    "wallet:remove_payer": Shows.OWN,
    "wallet:accept": Shows.NOBODY,  # to whoever holds the secret of the mail
    "wallet:accept_second_factor": Shows.NOBODY,  # to the person it was made for
    "wallet:confirm_email": Shows.VISITOR,
    "wallet:sessions": Shows.VISITOR,
    "wallet:time_zone": Shows.VISITOR,
    "wallet:end_session": Shows.VISITOR,
    "wallet:end_other_sessions": Shows.VISITOR,
    "wallet:language": Shows.VISITOR,
    "wallet:mail": Shows.VISITOR,
    "mail_previews": Shows.NOBODY,
    "mail_preview": Shows.NOBODY,
    "styleguide": Shows.NOBODY,
    "healthz": Shows.NOBODY,
    "readyz": Shows.NOBODY,
    "metrics": Shows.NOBODY,
    **dict.fromkeys(
        [
            "account_login", "account_logout", "account_inactive", "account_signup", "account_reauthenticate",
            "account_email", "account_email_verification_sent", "account_change_password", "account_set_password",
            "account_reset_password", "account_confirm_login_code", "account_confirm_email",
            "account_reset_password_from_key_done", "account_reset_password_from_key", "account_reset_password_done",
            "mfa_index", "mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
            "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
            "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn",
            "mfa_edit_webauthn", "mfa_login_webauthn",
        ],
        Shows.VISITOR,
    ),
    **dict.fromkeys(
        [
            "admin:search", "admin:index", "admin:login", "admin:logout", "admin:password_change",
            "admin:password_change_done", "admin:autocomplete", "admin:jsi18n", "admin:view_on_site",
            "admin:app_list", "admin/(?P<url>.*)$", "admin:billing_flag_resolve", "admin:payments_inboxevent_replay",
            "admin:wallet_user_second_factor", "admin:billing_order_end", "resume",
            "admin:payments_transfer_next", "admin:payments_transfer_desk", "admin:payments_transfer_take",
            "admin:payments_transfer_give_back", "admin:payments_transfer_propose", "admin:payments_transfer_approve",
            "admin:payments_transfer_reject", "admin:payments_transfer_keep", "admin:payments_slip_preview",
            "admin:payments_slip_download", "admin:billing_exchangerate_enter", "admin:billing_exchangerate_approve",
            "admin:billing_exchangerate_refuse", "admin:payments_assignment_approve", "admin:payments_exact_approve",
            "admin:payments_assignment_withdraw", "admin:billing_correction_propose",
            "admin:billing_correction_approve", "admin:billing_correction_withdraw",
            "admin:billing_callback_again", "admin:billing_document_pdf",
            "admin:billing_fapiao_issue", "admin:billing_fapiao_reject", "admin:billing_fapiao_reverse",
            "admin:billing_fapiao_download",
            "admin:billing_refund_start", "admin:billing_refund_approve", "admin:billing_refund_decline",
            "admin:billing_refund_prepare", "admin:billing_refund_paid", "admin:billing_refund_line",
            "admin:billing_refund_refuse", "admin:billing_refund_returned", "admin:billing_refund_to_pay",
            "admin:billing_dispute_write_off", "admin:billing_refund_write_off", "admin:billing_dispute_ask",
            "admin:billing_cardblock_lift", "admin:billing_cardrule_decide",
            "admin:payments_line_assign", "admin:payments_line_return", "admin:payments_line_same",
            "admin:payments_line_sent",
            "admin:payments_statementfile_import", "admin:payments_statementfile_progress",
            "admin:products_apikey_issue", "admin:products_apikey_revoke",
            "admin:payments_payout_match", "admin:payments_payout_back", "admin:payments_housemove_charge",
            "admin:payments_housemove_exchange", "admin:payments_housemove_approve",
            "admin:payments_suspensemove_credit", "admin:payments_suspensemove_refund",
            "admin:payments_suspensemove_approve", "admin:payments_suspensemove_withdraw",
            "admin:payments_housemove_withdraw", "admin:payments_close_draw_up", "admin:payments_close_sign",
            "admin:payments_close_withdraw", "admin:payments_close_month", "admin:payments_close_journal",
            "admin:payments_close_csv", "admin:payments_close_pdf", "admin:payments_close_charts",
            "admin:payments_difference_explain", "admin:payments_close_figure",
            "stuck", "run_audit", "ask_about_refund", "issue_receipt", "show_posting",
            "admin:payments_payment_ask", "admin:billing_ordermail_again", "admin:billing_noticemail_again",
        ],
        Shows.STAFF,
    ),
}  # fmt: skip

ADMIN_MODELS = {
    "account_emailaddress", "auth_group", "billing_flag", "billing_order", "billing_ordermail", "billing_topuplimit",
    "innopaas_staffedit", "mfa_authenticator", "payments_heartbeat", "payments_inboxevent", "payments_payment",
    "wallet_account",
    "wallet_auditrun", "wallet_billingdetails", "wallet_entry", "wallet_organisation", "wallet_payername",
    "wallet_posting", "wallet_sealedday", "wallet_user",
    "billing_exchangerate", "billing_raterule", "billing_specialday", "payments_bankline", "payments_finding",
    "payments_statementfile",
    "payments_approvallimit", "payments_bankaccount", "payments_rejectionreason", "payments_transfer",
    "billing_refund", "payments_cardrefund", "billing_dispute", "billing_cardblock", "billing_cardrule",
    "billing_correction", "billing_autofill", "billing_lowbalancealert", "billing_notice", "billing_noticemail",
    "billing_callbackendpoint", "billing_callback", "billing_legalentity", "billing_document", "billing_fapiao",
    "payments_payout", "payments_balancetransaction", "payments_housemove", "payments_dayclose", "payments_glnumber",
    "payments_suspensemove",
    "payments_digestmail",
    "products_product", "products_productbalance", "products_hold", "products_apikey",
}  # fmt: skip
for _model in ADMIN_MODELS:
    for _page in ("changelist", "add", "history", "delete", "change"):
        TABLE[f"admin:{_model}_{_page}"] = Shows.STAFF
    TABLE[f"admin/{_model.replace('_', '/', 1)}/<path:object_id>/"] = Shows.STAFF

FOR_ANY_STAFF = {  # pages of the visitor himself, or of nobody's data
    "admin:index", "admin:login", "admin:logout", "admin:password_change", "admin:password_change_done",
    "admin:jsi18n", "admin:search",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Route:
    name: str
    pattern: str

    def address(self, ids: dict[str, str]) -> str:
        """The route with acme's ids in it."""
        filled = self.pattern.replace("^", "").replace(r"\Z", "").replace("$", "").replace(r"\.", ".")
        for shape, value in ids.items():
            filled = filled.replace(shape, value)
        return f"/{filled}"


def routes() -> list[Route]:
    return list(_walk(get_resolver(), "", ()))


def _walk(resolver: URLResolver, prefix: str, spaces: tuple[str, ...]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield Route(name=":".join((*spaces, entry.name)) if entry.name else pattern, pattern=pattern)
        else:
            yield from _walk(entry, pattern, (*spaces, entry.namespace) if entry.namespace else spaces)
