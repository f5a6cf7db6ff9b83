"""What acme has of products: balances, holds, keys, rules, alerts, callbacks, corrections; and a product that not every
member of acme may see.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing import alerts, auto_fill, callbacks, corrections, moves, notices
from billing.auto_fill_terms import Terms
from billing.models import (
    AutoFill,
    Callback,
    CallbackEndpoint,
    Correction,
    LowBalanceAlert,
    Notice,
    NoticeMail,
    Order,
)
from products import access, charges, holds, keys
from products.models import Hold, Product, ProductBalance
from tests import builders, people
from tests.payments.offline import usd
from wallet.models import Member, Organisation, Role, User


@dataclass(frozen=True, kw_only=True)
class Goods:
    """One of everything that came with products."""

    product: Product
    balance: ProductBalance
    hidden: Product
    """Lina may not use this one."""
    hidden_balance: ProductBalance
    hidden_order: Order
    lina: Member
    move: Order
    hold: Hold
    key: keys.Issued
    service_key: keys.Issued
    rule: AutoFill
    alert: LowBalanceAlert
    notice: Notice
    notice_mail: NoticeMail
    endpoint: CallbackEndpoint
    callback: Callback
    waiting: Correction
    done: Correction

    def secrets(self) -> set[str]:
        """Words that would give them away to a stranger."""
        return {
            self.balance.number, self.key.key.prefix, self.key.secret, self.service_key.secret,
            self.endpoint.url, self.endpoint.username, self.endpoint.secret, self.callback.body,
            str(self.hold.pk), self.hold.request_id, self.hold.description, str(self.waiting.pk), str(self.done.pk),
            *self.hidden_secrets(), *_spellings(self.balance.number),
        }  # fmt: skip

    def hidden_secrets(self) -> set[str]:
        """Words that would give away to Lina what she may not see."""
        orders = Order.objects.filter(organisation=self.balance.organisation, target=self.hidden.code)
        return {
            self.hidden_balance.number, *_spellings(self.hidden_balance.number), "3,333.21", "3333.21",
            *orders.values_list("number", flat=True),
        }  # fmt: skip


def make_goods(organisation: Organisation, alice: User, *, now: datetime) -> Goods:
    """Needs some thousands of dollars in the wallet."""
    product, hidden = builders.make_product("SMS"), builders.make_product("Hoopoe")
    builders.fill_product(organisation, product, usd("2222.43"), now=now)
    hidden_order = builders.fill_product(organisation, hidden, usd("3333.21"), now=now)
    move = moves.move(builders.move_wish(organisation, product, usd("111.43")), by=alice, now=now)
    balance = ProductBalance.objects.select_related("product").get(organisation=organisation, product=product)
    lina = builders.make_member(organisation, role=Role.BILLING, now=now, name="lina")
    access.limit(member_id=lina.pk, products=[product], by=alice)
    service_key = keys.issue_for_product(
        product=product, name="Quetzal back end", requests_per_minute=1000, by=alice, now=now
    )
    key = keys.issue_for_organisation(organisation_id=organisation.pk, name="Quetzal books", by=alice, now=now)
    endpoint, callback = _call(organisation, alice, now=now)
    alert, mail = _watch(organisation, product, alice, now=now)
    waiting, done = _correct(organisation, product, hidden, now=now)
    return Goods(
        product=product,
        balance=balance,
        hidden=hidden,
        hidden_balance=ProductBalance.objects.get(organisation=organisation, product=hidden),
        hidden_order=hidden_order,
        lina=lina,
        move=move,
        hold=_hold(balance, now=now),
        key=key,
        service_key=service_key,
        rule=_automate(organisation, product, alice, now=now),
        alert=alert,
        notice=mail.notice,
        notice_mail=mail,
        endpoint=endpoint,
        callback=callback,
        waiting=waiting,
        done=done,
    )


def _hold(balance: ProductBalance, *, now: datetime) -> Hold:
    usage = charges.Usage(request_id=secrets.token_hex(8), amount=usd("12.34"), description="Quetzal call")
    placed = holds.place(balance=balance, usage=usage, expires_at=now + timedelta(hours=1), by="Voice", now=now)
    return Hold.objects.get(pk=placed.id)


def _automate(organisation: Organisation, product: Product, alice: User, *, now: datetime) -> AutoFill:
    terms = Terms(threshold=usd(10), amount=usd(50), floor=usd(1), daily_cap=usd(500))
    return auto_fill.set_rule(terms, organisation_id=organisation.pk, product=product, by=alice, now=now)


def _watch(
    organisation: Organisation, product: Product, alice: User, *, now: datetime
) -> tuple[LowBalanceAlert, NoticeMail]:
    """The product's balance is low, and its readers were told."""
    alerts.watch_new()
    wish = alerts.Wish(threshold=usd(99999), roles=(Role.OWNER,), is_on=True)
    alert = alerts.change(wish, organisation_id=organisation.pk, target=product.code, by=alice, now=now)
    alerts.tell_due(now=now)
    notices.send_due(now=now)
    return alert, NoticeMail.objects.select_related("notice").get(notice__organisation=organisation)


def _call(organisation: Organisation, alice: User, *, now: datetime) -> tuple[CallbackEndpoint, Callback]:
    """An address, and a call that was delivered there."""
    wish = callbacks.Wish(
        url=f"https://quetzal-{secrets.token_hex(4)}.example/told", events=["order.paid", "balance.low"]
    )
    endpoint = callbacks.add(wish, organisation_id=organisation.pk, by=alice, now=now)
    sent = callbacks.send_test(endpoint, now=now)
    Callback.objects.filter(pk=sent.pk).update(next_at=None, delivered_at=now, attempts=1, last_status=200)
    return endpoint, Callback.objects.get(pk=sent.pk)


def _correct(
    organisation: Organisation, product: Product, hidden: Product, *, now: datetime
) -> tuple[Correction, Correction]:
    """One that waits, and one that took money from one product to the other."""
    felix, frank = people.make_staff("felix", "finance"), people.make_staff("frank", "finance lead")
    waiting, done = (
        corrections.propose(
            order_id=builders.fill_product(organisation, product, usd(amount), now=now).pk,
            target=hidden.code,
            reason="Quetzal asked us",
            by=felix,
            now=now,
        )
        for amount in ("61.43", "62.43")
    )
    corrections.approve(correction_id=done.pk, by=frank, now=now)
    return waiting, Correction.objects.get(pk=done.pk)


def _spellings(number: str) -> set[str]:
    """As pages group its digits for reading."""
    return {" ".join(number[place : place + size] for place in range(0, 15, size)) for size in (3, 4, 5)}
