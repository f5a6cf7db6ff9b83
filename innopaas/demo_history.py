"""Six weeks of the demo: two customers who pay by card and by transfer, ask for money and fapiao, and dispute; finance
that gives back, answers and signs. All by the site's own verbs, each at its moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from django.conf import settings
from djmoney.money import Money

from billing import fapiao, flags, legal_entities, papers, rates, refunds, top_ups
from billing.fapiao import Issued, Wish
from billing.models import Dispute, Fapiao, LegalEntity, Method, Order, Refund
from billing.papers import Paper, Party
from innopaas import demo_banks, demo_stripe
from innopaas.demo_banks import A_DAY, Bank, Row
from payments import bank_refunds, card_refunds, checkout, disputing, transfers
from payments.closing import days
from payments.models import BankAccount, BankRefund, DayClose, Payment, Payout, StatementFile, Transfer
from payments.payees import Payee
from wallet import chart, details, organisations
from wallet.calendar import BOOKS, business_date
from wallet.models import Member, User

HARBOUR: Final = "carol@example.com"
LANTERN: Final = "dan@example.com"

_SPAN: Final = 42
"""So many days, the weekends among them."""

_CLOSED: Final = 9
"""The last so many days were drawn up by themselves, and all but yesterday signed."""

_SATURDAY: Final = 5
_COMPANIES: Final = {HARBOUR: "Harbour Logistics", LANTERN: "Lantern Games"}
_TAX_NUMBER: Final = "91350100M000100Y43"
_UNKNOWN: Final = Row(amount=Decimal(3600), reference="FT900001", text="Pinewood Trading top-up")
_FEE: Final = Row(amount=Decimal(-20), reference="FT900002", text="手续费")


@dataclass(frozen=True, kw_only=True)
class _Cast:
    """Who takes part, and when it is told: `today` is the day after the last of the history."""

    now: datetime
    today: date
    members: dict[str, Member]
    fiona: User
    felix: User
    frank: User

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """That moment, on Shanghai's clocks and on Stripe's; this morning's work is done by now."""
        moment = min(datetime.combine(day, time(hour, minute), BOOKS), self.now)
        demo_stripe.turn_clock(moment, now=self.now)
        return moment


_Step = Callable[[_Cast, date], None]


def fill(*, now: datetime) -> None:
    """Make the six weeks before today, once; one that was cut off is carried on with the days it had. A demo that has
    statements of its own from before stays as it is.
    """
    begun = Member.objects.filter(user__email=HARBOUR).exists()
    if not begun and StatementFile.objects.filter(account__code="demo-cny").exists():
        return
    cast = _gather(now=now)
    if DayClose.objects.filter(day=cast.today - A_DAY).exists():
        return
    banks = _describe_banks(cast)
    try:
        day = cast.today - _SPAN * A_DAY
        while day < cast.today:
            _live_through(cast, day, banks)
            day += A_DAY
    finally:
        demo_stripe.turn_clock(now, now=now)


def complete_entity() -> None:
    """What a finance lead would enter first of all."""
    entity = LegalEntity.objects.get(issues_by_default=True)
    if entity.lacks:
        account = BankAccount.objects.get(code="demo-cny")
        if not LegalEntity.objects.filter(name_en=account.legal_entity).exists():  # an older demo has it already
            entity.name_en, entity.name_zh = account.legal_entity, account.payee_zh
        entity.address, entity.tax_number = "1 Example Road\nShanghai, China", "91310000EXAMPLE001"
        legal_entities.keep(entity)


def _gather(*, now: datetime) -> _Cast:
    """The people; the companies are founded on the first day, by which it is known when the history began."""
    first = datetime.combine(business_date(now) - _SPAN * A_DAY, time(9), BOOKS)
    for email, name in _COMPANIES.items():
        owner = User.objects.get(email=email)
        if not owner.memberships.exists():
            organisations.create(name=name, owner=owner, now=first)
    members = {
        email: Member.objects.select_related("organisation", "user").get(user__email=email) for email in _COMPANIES
    }
    began = min(business_date(member.organisation.created_at) for member in members.values())
    team = {name: User.objects.get(email=f"{name}@example.com") for name in ("fiona", "felix", "frank")}
    cast = _Cast(now=now, today=began + _SPAN * A_DAY, members=members, **team)
    for email, member in members.items():
        if details.current(member.organisation_id) is None:
            facts = details.Facts(
                legal_name_en=f"{_COMPANIES[email]} Ltd",
                address="88 Example Street, Shanghai",
                tax_number=_TAX_NUMBER if email == HARBOUR else "",
            )
            details.record(facts, organisation_id=member.organisation_id, seen_version=0, by=member.user, now=first)
    return cast


def _describe_banks(cast: _Cast) -> tuple[Bank, Bank]:
    """The RMB account ends where the statement of today begins."""
    first = cast.today - (_SPAN + 1) * A_DAY
    renminbi = sum(amount for _key, _ago, amount, currency in _TRANSFERS if currency == "CNY")
    opening = Decimal(1_000_000) - renminbi - _UNKNOWN.amount - _FEE.amount
    return Bank(code="demo-cny", first=first, opening=opening), Bank(
        code="demo-usd", first=first, opening=Decimal(250_000)
    )


def _live_through(cast: _Cast, day: date, banks: tuple[Bank, Bank]) -> None:
    """The day, and the morning after."""
    steps = [step for ago, step in _STORY if _find_workday(cast.today, ago) == day]
    for step in steps:
        step(cast, day)
    is_closed = day >= cast.today - _CLOSED * A_DAY
    if not steps and not is_closed:
        return
    morning = cast.at(day + A_DAY, 9)
    for bank in banks:
        rows = _list_rows(cast, day, currency=bank.account.currency)
        demo_banks.bring_statement(bank, rows, day=day, by=cast.felix, now=morning)
    demo_banks.settle(now=morning)
    waiting = Transfer.objects.filter(organisation_id=cast.members[HARBOUR].organisation_id, confirmed_at=None)
    approvers = (cast.fiona, cast.frank)
    demo_banks.approve_arrived(waiting, recorded_by=cast.felix, approvers=approvers, now=morning)
    if is_closed:
        demo_banks.close(day=day, owner=cast.fiona, now=cast.at(day + A_DAY, 9, 30))
        if day < cast.today - A_DAY:
            days.sign(day=day, by=cast.frank, now=cast.at(day + A_DAY, 9, 45))


def _find_workday(today: date, ago: int) -> date:
    """So many days ago, or the Friday before."""
    day = today - ago * A_DAY
    while day.weekday() >= _SATURDAY:
        day -= A_DAY
    return day


def _list_rows(cast: _Cast, day: date, *, currency: str) -> list[Row]:
    rows = []
    for key, ago, amount, paid_in in _TRANSFERS:
        if paid_in == currency and _find_workday(cast.today, ago) == day:
            transfer = Transfer.objects.get(order__form_token=f"demo-history-{key}")
            text = f"{transfer.payer_name} {transfer.reference}"
            rows.append(Row(amount=Decimal(amount), reference=f"HL{transfer.reference[2:]}", text=text))
    if currency == "CNY":
        rows += [row for ago, row in ((3, _UNKNOWN), (20, _FEE)) if _find_workday(cast.today, ago) == day]
    return rows


# --- what happens ---


def _card(key: str, email: str, dollars: int) -> _Step:
    def pay(cast: _Cast, day: date) -> None:
        now, member = cast.at(day, 10), cast.members[email]
        wish = _wish(member, key, Method.CARD, Money(dollars, "USD"))
        payment = checkout.begin(wish, by=member.user, now=now, language="en", return_url=_return_url)
        if not payment.is_open:
            return
        checkout.open_session(payment_id=payment.pk, now=now)
        payment.refresh_from_db()
        demo_stripe.pay(str(payment.session_id), email=email)
        checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now + timedelta(minutes=1))

    return pay


def _transfer(key: str, amount: int, currency: str) -> _Step:
    def declare(cast: _Cast, day: date) -> None:
        now, member = cast.at(day, 11), cast.members[HARBOUR]
        if currency == rates.QUOTED and not Order.objects.filter(form_token=f"demo-history-{key}").exists():
            rates.enter(rate=Decimal("7.2"), source="Demo Bank, mid rate", by=cast.fiona, now=now - timedelta(hours=1))
        wish = _wish(member, key, Method.OFFLINE, Money(amount, currency))
        transfer = transfers.begin(wish, by=member.user, now=now)
        if transfer.declared_at is None:
            said = transfers.Declaration(payer_name="Harbour Logistics Ltd", paid_on=day)
            transfers.declare(transfer_id=transfer.pk, declaration=said, by=member.user, now=now)

    return declare


def _refund(key: str, dollars: int, *, reason: str) -> _Step:
    def ask(cast: _Cast, day: date) -> None:
        order = _order(key)
        refunds.ask(
            order_id=order.pk,
            amount=Money(dollars, "USD"),
            reason=reason,
            by=cast.members[HARBOUR].user,
            origin=Refund.Origin.CUSTOMER,
            form_token=f"demo-refund-{key}",
            now=cast.at(day, 14),
        )

    return ask


def _give_back(key: str) -> _Step:
    def approve(cast: _Cast, day: date) -> None:
        now = cast.at(day, 15)
        refund = Refund.objects.get(form_token=f"demo-refund-{key}")
        if refund.state == Refund.State.ASKED:
            refunds.approve(refund_id=refund.pk, by=cast.fiona, now=now)
        card_refunds.send_due(now=now)

    return approve


def _prepare_payment(key: str) -> _Step:
    def prepare(cast: _Cast, day: date) -> None:
        refund = Refund.objects.get(form_token=f"demo-refund-{key}")
        payee = Payee(name="Harbour Logistics Ltd", account="6222000100020003", bank="Example Bank, Shanghai Branch")
        facts = bank_refunds.Facts(
            account=BankAccount.objects.get(code="demo-cny"),
            payee=payee,
            reason="The account named in the customer's letter; the bank's statement names none.",
        )
        if not BankRefund.objects.filter(refund=refund).exists():
            bank_refunds.prepare(refund_id=refund.pk, facts=facts, by=cast.fiona, now=cast.at(day, 16))

    return prepare


def _dispute(key: str, *, reason: str) -> _Step:
    def take_back(cast: _Cast, day: date) -> None:
        now, order = cast.at(day, 13), _order(key)
        if not Dispute.objects.filter(order=order).exists():
            payment = Payment.objects.get(order=order)
            told = demo_stripe.dispute(str(payment.session_id), reason=reason)
            disputing.follow(object_id=told, by="Stripe", now=now + timedelta(minutes=1))

    return take_back


def _win(key: str) -> _Step:
    def decide(cast: _Cast, day: date) -> None:
        now = cast.at(day, 17)
        dispute = Dispute.objects.get(order=_order(key))
        if dispute.state == Dispute.State.OPEN:
            demo_stripe.decide(dispute.stripe_id, outcome="win")
            disputing.follow(object_id=dispute.stripe_id, by="Stripe", now=now + timedelta(minutes=1))
        for flag in dispute.order.flags.filter(resolved_at=None):
            note = "Won: the delivery reports were enough for the bank."
            flags.resolve(flag_id=flag.pk, by=cast.fiona, note=note, now=now + timedelta(minutes=5))

    return decide


def _pay_out(*, arrives_after: int) -> _Step:
    def send(cast: _Cast, day: date) -> None:
        now = cast.at(day, 18)
        arrival = now + arrives_after * A_DAY
        while arrival.weekday() >= _SATURDAY:
            arrival += A_DAY
        if not Payout.objects.filter(arrival_on=business_date(arrival)).exists():
            demo_stripe.pay_out(arrival=arrival)

    return send


def _fapiao(key: str) -> _Step:
    def ask(cast: _Cast, day: date) -> None:
        wish = Wish(
            kind=Fapiao.Kind.PLAIN,
            buyer=Fapiao.Buyer.COMPANY,
            title="海港物流示例有限公司",
            amount=_order(key).paid,
            tax_number=_TAX_NUMBER,
        )
        by = cast.members[HARBOUR].user
        form_token = f"demo-fapiao-{key}"
        fapiao.ask(order_id=_order(key).pk, wish=wish, by=by, form_token=form_token, now=cast.at(day, 15))

    return ask


def _issue_fapiao(key: str, number: str) -> _Step:
    def issue(cast: _Cast, day: date) -> None:
        asked = Fapiao.objects.get(form_token=f"demo-fapiao-{key}")
        drawn = Paper(
            title="示例发票 Sample fapiao",
            number=number,
            issuer=Party(name="英诺帕斯科技（上海）有限公司"),
            reader=Party(name=asked.title, details=[asked.tax_number]),
            facts=[("金额 Amount", f"{asked.amount}")],
            notes=["本文件仅供演示，不是发票。 A sample of the demo: this is no fapiao."],
        )
        file = papers.draw(drawn.to_json(), language="zh-hans")
        issued = Issued(number=number, issued_on=day, file_kind=Fapiao.FileKind.PDF, file=file)
        fapiao.issue(fapiao_id=asked.pk, issued=issued, by=cast.fiona, now=cast.at(day, 16))

    return issue


def _wish(member: Member, key: str, method: Method, amount: Money) -> top_ups.TopUp:
    return top_ups.TopUp(
        organisation_id=member.organisation_id,
        target=chart.WALLET,
        method=method,
        amount=amount,
        form_token=f"demo-history-{key}",
    )


def _order(key: str) -> Order:
    return Order.objects.get(form_token=f"demo-history-{key}")


def _return_url(order: Order) -> str:
    return f"{settings.SITE_URL}/payments/orders/{order.number}/return/"


_CARDS: Final = (
    *(("h1", HARBOUR, 41, 300), ("h2", HARBOUR, 36, 150), ("l1", LANTERN, 34, 500), ("h3", HARBOUR, 30, 250)),
    *(("h4", HARBOUR, 27, 400), ("h5", HARBOUR, 23, 120), ("h6", HARBOUR, 17, 600), ("h7", HARBOUR, 13, 200)),
    *(("h8", HARBOUR, 11, 350), ("l2", LANTERN, 8, 180), ("l3", LANTERN, 7, 240), ("h9", HARBOUR, 6, 90)),
    *(("h10", HARBOUR, 2, 450), ("h11", HARBOUR, 1, 160)),
)
_TRANSFERS: Final = (
    *(("t1", 33, 14_400, "CNY"), ("t2", 24, 1_500, "USD"), ("t3", 14, 7_200, "CNY"), ("t4", 9, 10_800, "CNY")),
    ("t5", 5, 2_000, "USD"),
)
_STORY: Final[tuple[tuple[int, _Step], ...]] = (
    *((ago, _card(key, email, dollars)) for key, email, ago, dollars in _CARDS),
    *((ago, _transfer(key, amount, currency)) for key, ago, amount, currency in _TRANSFERS),
    (20, _pay_out(arrives_after=2)),
    (28, _dispute("l1", reason="product_not_received")),
    (18, _win("l1")),
    (4, _dispute("l2", reason="fraudulent")),
    (16, _refund("h6", 200, reason="We paid for one campaign twice.")),
    (15, _give_back("h6")),
    (2, _refund("h8", 100, reason="A campaign was called off.")),
    (4, _refund("t3", 250, reason="We close our Shanghai branch and need less.")),
    (3, _prepare_payment("t3")),
    (30, _fapiao("t1")),
    (29, _issue_fapiao("t1", "26317000000000000001")),
    (6, _fapiao("t4")),
    (2, _pay_out(arrives_after=5)),
)
"""How many days ago, and what happened; what falls on a weekend happened the Friday before, in this order. What needs a
transfer to be approved, the morning after, stands three days after it or more: less may be one Friday.
"""
