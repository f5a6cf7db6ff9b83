"""Acme: an organisation with one of everything that pages show or change, and the words that would give it away."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from re import search
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import Model

from billing import documents, form_tokens
from billing.models import (
    AutoFill,
    Callback,
    CallbackEndpoint,
    CardBlock,
    CardRule,
    Correction,
    Dispute,
    Document,
    DocumentSeries,
    ExchangeRate,
    Fapiao,
    Flag,
    LegalEntity,
    LowBalanceAlert,
    Notice,
    Order,
    OrderEvent,
    OrderMail,
    RateRule,
    Refund,
    SpecialDay,
    TopUpLimit,
    WriteOff,
)
from innopaas import edits
from payments import sightings
from payments.admin import transfer_trials
from payments.candidates import Candidate
from payments.desk_forms import FactsForm
from payments.models import (
    Allocation,
    Approval,
    ApprovalLimit,
    BalanceTransaction,
    BankAccount,
    BankLine,
    BankRefund,
    CardRefund,
    DeskAct,
    Finding,
    Heartbeat,
    HouseMove,
    InboxEvent,
    Payment,
    Payout,
    RejectionReason,
    Share,
    Slip,
    StatementFile,
    Suggestion,
    SuspenseMove,
    Transfer,
)
from products.models import ApiKey, Hold, Product, ProductAccess, ProductBalance
from tests.billing import fapiaos
from tests.innopaas.goods import Goods
from tests.innopaas.house import House
from tests.innopaas.routes import Route
from wallet import chart
from wallet.calendar import business_date
from wallet.models import (
    Account,
    BillingDetails,
    Entry,
    Invitation,
    Member,
    Organisation,
    PayerName,
    Posting,
    Role,
    User,
)

_OWN: list[type[Model]] = [
    *(Order, OrderEvent, Payment, Member, Invitation, Flag, Posting, Transfer, Slip, Finding, Allocation),
    *(BillingDetails, PayerName, ProductBalance, Hold, ApiKey, AutoFill, LowBalanceAlert, Notice, CallbackEndpoint),
    *(Callback, Fapiao, Correction, Refund, BankRefund, CardRefund, Document, Dispute, WriteOff, CardBlock),
]
_EVERYBODYS: list[type[Model]] = [
    *(BankAccount, BankLine, StatementFile, Share, Approval, Suggestion, DeskAct, ApprovalLimit, RejectionReason),
    *(ExchangeRate, RateRule, SpecialDay, TopUpLimit, Product, ProductAccess, ProductAccess.products.through),
    *(LegalEntity, DocumentSeries, CardRule, BalanceTransaction, Payout, HouseMove, SuspenseMove),
]


@dataclass(frozen=True, kw_only=True)
class Offline:
    """Acme's transfers at every stage, and what the bank says of them."""

    account: BankAccount
    pending: tuple[Transfer, Transfer]
    declared: Transfer
    found: Transfer
    paid: Transfer
    slip: Slip
    finding: Finding
    unasked: Finding
    exact: BankLine
    loose: BankLine
    part: BankLine
    twin: BankLine
    rate: ExchangeRate
    importer: User
    asked: Refund
    to_pay: BankRefund
    """Approved; `went` is its line at the bank."""
    went: BankLine
    paid_back: BankRefund
    """Paid; `came` is its line when it came back."""
    came: BankLine


@dataclass(kw_only=True)
class Acme:
    """The organisation nobody else may see."""

    organisation: Organisation
    order: Order
    open_order: Order
    payment: Payment
    invitation: Invitation
    event: InboxEvent
    offline: Offline
    goods: Goods
    house: House
    refund: Refund
    fapiao: Fapiao
    """Issued; of its order another one is asked for."""

    @property
    def carol(self) -> User:
        """Of billing, and limited to nothing."""
        return Member.objects.get(organisation=self.organisation, user__name="Carolina").user

    def secrets(self) -> set[str]:
        carol = self.carol
        bank, slip = self.offline, self.offline.slip
        transfers = Transfer.objects.filter(organisation=self.organisation)
        lines = BankLine.objects.filter(account=bank.account)
        return {
            self.organisation.name, carol.email, carol.name, self.invitation.email, str(self.organisation.pk),
            self.fapiao.order.number, str(self.fapiao.number),
            self.order.number, self.open_order.number, self.refund.number, str(self.order.pk), str(self.payment.pk),
            str(self.payment.session_id), self.payment.payment_intent_id, self.event.event_id,
            "8,765.43", "8765.43", "4,321.09", "4321.09", "Quetzal", "91350100M000100Y43",
            "Quetzal content", "Quetzal preview", "Quetzal Legal Ltd", "7 Quetzal Road", "Quetzal payer 0",
            *Posting.objects.filter(organisation=self.organisation).values_list("key", flat=True),
            *transfers.values_list("reference", flat=True), *transfers.values_list("order__number", flat=True),
            *lines.values_list("bank_reference", flat=True), bank.account.number,
            slip.original_name, slip.stored_name, slip.sha256, *self.goods.secrets(),
        }  # fmt: skip

    def ids(self, route: Route) -> dict[str, str]:
        label = search(r"\(\?P<app_label>[^)]*\)", route.pattern)
        return {
            "(?P<number>TU[0-9A-Z]{18})": self._number(route.name),
            "(?P<refund_number>RF[0-9A-Z]{18})": self.refund.number,
            documents.IN_ADDRESS: self._document(self.order).number,
            "(?P<place>[1-9][0-9]{0,3})": "1",
            "<path:object_id>": self.rows.get("_".join(route.pattern.split("/")[1:3]), str(self.order.pk)),
            "<uuid:pk>": self._key(route),
            "<uuid:member_id>": str(self.goods.lina.pk),
            "<uuidstr:hold_id>": str(self.goods.hold.pk),
            "<slug:slug>": self.goods.product.slug,
            "(?P<rest>.*)": f"orders/{self.order.number}",
            "<int:page>": "1",
            "<slug:measure>/<slug:currency>/<slug:side>": "CARD/USD/orders",
            "<path:content_type_id>": str(ContentType.objects.get_for_model(Order).pk),
            "<str:token>": secrets.token_urlsafe(32),
            "<str:key>": secrets.token_urlsafe(32),
            "(?P<key>[-:\\w]+)": "aaa:bbb",
            "(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)": "1-aaa-bbb",
            "<int:pk>": "1",
            label[0] if label else "no label": "billing",
            "(?P<url>.*)": f"billing/order/{self.order.pk}",
        }

    def hidden_ids(self, route: Route) -> dict[str, str]:
        """Those of what Lina may not see, where there is such a thing."""
        return self.ids(route) | {
            "(?P<number>TU[0-9A-Z]{18})": self.goods.hidden_order.number,
            documents.IN_ADDRESS: self._document(self.goods.hidden_order).number,
            "<slug:slug>": self.goods.hidden.slug,
        }

    def _document(self, order: Order) -> Document:
        return Document.objects.get(order=order)

    def _number(self, name: str) -> str:
        if name == "billing:undo":
            return self.goods.move.number
        if "fapiao" in name:
            return self.fapiao.order.number
        if name in {"payments:transfer", "payments:transfer_pdf", "payments:slip", "payments:remove_slip"}:
            return self.offline.declared.order.number
        return self.order.number if "receipt" in name or "refund" in name else self.open_order.number

    def _key(self, route: Route) -> str:
        """Of the row that an act of the admin is about."""
        row = {
            "admin:billing_order_end": self.open_order,
            "admin:billing_fapiao_reverse": self.fapiao,
            "admin:billing_fapiao_download": self.fapiao,
            "admin:billing_correction_propose": self.goods.hidden_order,
            "admin:billing_refund_start": self.order,
            "admin:billing_refund_write_off": self.refund,
            "admin:billing_refund_prepare": self.offline.asked,
            "admin:billing_refund_paid": self.offline.to_pay.refund,
            "admin:billing_refund_line": self.offline.to_pay.refund,
            "admin:billing_refund_refuse": self.offline.to_pay.refund,
            "admin:billing_refund_returned": self.offline.paid_back.refund,
            **self.house.acts(),
            "admin:payments_slip_preview": self.offline.slip,
            "admin:payments_slip_download": self.offline.slip,
            "admin:payments_line_same": self.offline.twin,
            "admin:payments_transfer_keep": self.offline.declared,
        }.get(route.name)
        return str(row.pk) if row else self.rows.get("_".join(route.pattern.split("/")[1:3]), str(self.order.pk))

    @cached_property
    def rows(self) -> dict[str, str]:
        """The key of acme's row, or of everybody's, of each model that an admin page shows."""
        mine = {"organisation": self.organisation}
        bank = self.offline
        rows: dict[str, Model] = {
            "auth_group": Group.objects.get(name="ops"),
            "innopaas_staffedit": edits.find_all()[0],
            "wallet_organisation": self.organisation,
            "wallet_user": self.order.created_by,
            "wallet_posting": Posting.objects.filter(**mine)[0],
            "wallet_account": Account.objects.of(self.organisation.pk)[0],
            "wallet_entry": Entry.objects.filter(**mine)[0],
            "wallet_billingdetails": BillingDetails.objects.get(**mine),
            "wallet_payername": PayerName.objects.get(**mine),
            "billing_order": self.order,
            "billing_document": self._document(self.order),
            "billing_legalentity": LegalEntity.objects.get(issues_by_default=True),
            "billing_flag": Flag.objects.get(order=self.order),
            "billing_ordermail": OrderMail.objects.filter(event__organisation=self.organisation)[0],
            "billing_topuplimit": TopUpLimit.objects.get(method="CARD", currency="USD"),
            "billing_exchangerate": bank.rate,
            "billing_raterule": RateRule.objects.get(),
            "billing_specialday": SpecialDay.objects.all()[0],
            "billing_correction": self.goods.waiting,
            "billing_refund": self.refund,
            "billing_fapiao": Fapiao.objects.get(state="REQUESTED", **mine),
            "billing_dispute": Dispute.objects.get(debt__gt=0, **mine),
            "billing_cardblock": CardBlock.objects.get(**mine),
            "billing_cardrule": CardRule.objects.order_by("-id")[0],
            "payments_cardrefund": CardRefund.objects.filter(**mine)[0],
            "billing_autofill": self.goods.rule,
            "billing_lowbalancealert": self.goods.alert,
            "billing_notice": self.goods.notice,
            "billing_noticemail": self.goods.notice_mail,
            "billing_callbackendpoint": self.goods.endpoint,
            "billing_callback": self.goods.callback,
            "products_product": self.goods.product,
            "products_productbalance": self.goods.balance,
            "products_hold": self.goods.hold,
            "products_apikey": self.goods.service_key.key,
            "payments_payment": self.payment,
            "payments_inboxevent": self.event,
            "payments_heartbeat": Heartbeat.objects.all()[0],
            **self.house.rows(),
            "payments_transfer": bank.found,
            "payments_finding": bank.unasked,
            "payments_bankline": bank.loose,
            "payments_statementfile": StatementFile.objects.filter(account=bank.account)[0],
            "payments_bankaccount": bank.account,
            "payments_approvallimit": ApprovalLimit.objects.get(currency="USD"),
            "payments_rejectionreason": RejectionReason.objects.all()[0],
        }
        return {name: str(row.pk) for name, row in rows.items()}

    @property
    def query(self) -> dict[str, Any]:
        """What an address might ask for to find acme."""
        numbers = [transfer.order.number for transfer in self.offline.pending]
        return {
            "q": self.order.number, "search": self.organisation.name, "term": self.organisation.name,
            "app_label": "billing", "model_name": "order", "field_name": "organisation", "order": numbers,
            "find": self.organisation.name, "line": [str(self.offline.loose.pk)], "state": "all",
        }  # fmt: skip

    def body(self, name: str = "") -> dict[str, Any]:
        """What a form might say to reach acme: its people, its ids, a token of one of its forms; all of it valid."""
        given = self._of_a_customer(name) | self._of_the_desk(name) | self._of_rules(name)
        more = self._of_refunds(name) | self._of_fapiao(name)
        return given | self._of_products(name) | more | self.house.body(name)

    def _of_a_customer(self, name: str) -> dict[str, Any]:
        alice = self.order.created_by
        target = {
            "billing:fapiao": f"fapiao:{self.fapiao.order.number}",
            "payments:product_topup": self.goods.product.code,
            "payments:move_several": "products",
        }.get(name)
        token = form_tokens.issue(user_id=alice.pk, organisation_id=self.organisation.pk, target=target or chart.WALLET)
        return {
            "email": alice.email, "role": Role.VIEWER, "amount": "77",
            "organisation": str(self.organisation.pk), "method": "card", "currency": "USD", "form_token": token,
            "note": "resolved", "name": "Quetzal Payments GmbH" if name == "wallet:remove_payer" else "Bob's second",
            "language": "en", "post": "yes", "_selected_action": str(self.order.pk), "action": "delete_selected",
            "order": self.query["order"], "paid_on": f"{business_date(self.order.created_at)}",
            "payer_name": "Somebody", "bank_number": "FT 1",
            "seen_version": "1", "legal_name_en": "Somebody", "address": "Somewhere",
        }  # fmt: skip

    def _of_products(self, name: str) -> dict[str, Any]:
        goods = self.goods
        given = {
            "threshold": "7", "roles": ["VIEWER"], "is_on": "on", "way": "amount", "size": "20", "floor": "0",
            "daily_cap": "100", "username": goods.endpoint.username, "event_id": str(goods.callback.event_id),
            "url": f"https://{secrets.token_hex(8)}.example/", "events": ["order.paid"], "token": secrets.token_hex(8),
            "key": str(goods.key.key.pk), "sure": "on", "scope": "some", "products": [goods.hidden.slug],
            goods.product.code: "20", "target": goods.hidden.code,
        }  # fmt: skip
        if name.startswith("admin:products_product_"):
            given |= {
                "slug": f"p-{secrets.token_hex(4)}", "name": "Somebody's", "name_zh": "某", "icon": "box",
                "position": "1",
            }  # fmt: skip
        if name == "admin:products_apikey_issue":
            given |= {
                "product": str(goods.product.pk), "requests_per_minute": "60", "seen": secrets.token_hex(8)
            }  # fmt: skip
        if name == "admin:billing_correction_propose":
            given |= {"reason": "Somebody asked", "target": goods.product.code}
        if name in {"admin:billing_dispute_write_off", "admin:billing_cardrule_decide"}:
            given |= {"reason": "Somebody asked", "amount": "1", "rule": "BLOCKING", "seen": secrets.token_hex(8)}
        return given | ({"target": goods.product.code} if name == "billing:alerts" else {})

    def _of_refunds(self, name: str) -> dict[str, Any]:
        if not name.startswith("admin:billing_refund_"):
            return {}
        bank = self.offline
        line = bank.came if name == "admin:billing_refund_returned" else bank.went
        return {
            "account": str(bank.account.pk), "payee_name": "Quetzal payer 2", "payee_account": "1", "payee_bank": "B",
            "reason": "Somebody asked", "seen": "", "bank_reference": "FT 9", "failure": "Closed",
            "line": str(line.pk),
        }  # fmt: skip

    def _of_fapiao(self, name: str) -> dict[str, Any]:
        if "fapiao" not in name:
            return {}
        today = f"{business_date(self.fapiao.asked_at)}"
        return {
            "kind": "PLAIN", "buyer": "COMPANY", "title": "Somebody", "tax_number": self.fapiao.tax_number,
            "number": fapiaos.make_number(), "issued_on": today, "dated_on": today, "reason": "Somebody asked",
            "file": SimpleUploadedFile("fapiao.ofd", fapiaos.make_ofd()),
        }  # fmt: skip

    def _of_the_desk(self, name: str) -> dict[str, Any]:
        bank = self.offline
        line = {
            "admin:payments_exact_approve": bank.exact, "admin:payments_transfer_keep": bank.part
        }.get(name, bank.loose)  # fmt: skip
        given = {
            "form-TOTAL_FORMS": "5", "form-INITIAL_FORMS": "0", "form-0-to": self.order.created_by.email,
            "form-0-amount": "10", "reason": "known", "words": "not found", "then": "approve", "line": [str(line.pk)],
            f"amount-{line.pk}": f"{line.rest.amount:.2f}", "finding": str(bank.finding.pk), "same_as": self._typed,
            "checked": "on", "rate": "7.3", "source": "Somebody", "passed": str(bank.found.pk),
        }  # fmt: skip
        if not name.startswith("admin:payments_transfer_"):
            shown = bank.twin if name == "admin:payments_line_same" else bank.loose
            return given | {"seen": sightings.of_line(shown)}
        offered = [Candidate(line=line, reason="", amount=line.rest)]
        form = FactsForm(given, candidates=offered, today=business_date(self.order.created_at))
        trial = transfer_trials.hold(bank.found, form, by=bank.importer)
        return given | {"payer_name": "", "bank_number": "", "seen": trial.seen if trial else ""}

    @cached_property
    def _typed(self) -> str:
        return str(BankLine.objects.get(account=self.offline.account, file=None).pk)

    def _of_rules(self, name: str) -> dict[str, Any]:
        account = {
            "code": f"b-{secrets.token_hex(4)}", "legal_entity": "Somebody", "payee_en": "Somebody",
            "bank_en": "A bank", "number": "1", "swift": "BKCHCNBJ300",
            "profile": "GENERIC", "fee_tolerance": "1", "position": "1",
        }  # fmt: skip
        rules = {
            "title": "T", "text_en": "T", "text_zh": "T",
            "minimum": "1", "maximum": "2", "presets": "", "max_age_hours": "7", "jump_percent": "7",
            "quote_hours": "7", "single_up_to": "999999", "is_active": "on", "is_staff": "on",
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        }  # fmt: skip
        unlimited = {"currency": "CNY"} if name == "admin:payments_approvallimit_add" else {}
        return account | rules | unlimited

    def state(self) -> list[Any]:
        """Everything of acme that somebody could have changed, and the rules that everybody's money follows."""
        rows: list[Any] = [Organisation.objects.filter(pk=self.organisation.pk).values_list("name").get()]
        for model in _OWN:
            own = model._default_manager.filter(organisation=self.organisation)
            rows.append((model.__name__, sorted(map(str, own.values_list()))))
        rows += [(model.__name__, sorted(map(str, model._default_manager.values_list()))) for model in _EVERYBODYS]
        rows.append(sorted(map(str, ApiKey.objects.filter(product=self.goods.product).values_list())))
        rows.append(InboxEvent.objects.filter(pk=self.event.pk).values_list("attempts", "handled_at").get())
        people_ = User.objects.filter(memberships__organisation=self.organisation)
        rows.append(sorted(people_.values_list("email", "name", "is_staff", "is_active", "groups")))
        rows.append(sorted(map(str, Group.objects.values_list("name", "permissions"))))
        return rows


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens to the rows inside is taken back."""
    before = transaction.savepoint()  # no block: verbs begin transactions that must be the outermost
    yield
    transaction.savepoint_rollback(before)
