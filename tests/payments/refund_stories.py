"""Card orders paid through Stripe's stand-in, and refunds of them, as far as a test wants them."""

import secrets
from datetime import datetime, timedelta

from djmoney.money import Money

from billing import refunds
from billing.models import Order, Refund
from payments import card_refunds, checkout, stripe_api
from payments.models import CardRefund, Payment
from payments.standin.client import StandIn
from payments.stripe_api import StripeRefund
from tests import builders
from wallet.models import Organisation, User

TAKES_TIME = "4000000000007726"
FAILS_LATER = "4000000000005126"


def pay(organisation: Organisation, stripe: StandIn, *, now: datetime, card: str = "4242424242424242") -> Payment:
    """A card top-up of $100, paid and credited."""
    payment = builders.open_checkout(organisation, now=now)
    stripe.pay(builders.session_of(payment), card=card)
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    return Payment.objects.select_related("order").get(pk=payment.pk)


def make_finance(name: str = "fiona") -> User:
    person = builders.make_person(name)
    person.is_staff = True
    person.save()
    return person


def ask(order: Order, amount: Money, *, now: datetime) -> Refund:
    """As alice asks for it."""
    return refunds.ask(
        order_id=order.pk,
        amount=amount,
        reason="Not needed",
        by=builders.owner_of(order.organisation),
        origin=Refund.Origin.CUSTOMER,
        form_token=secrets.token_urlsafe(18),
        now=now,
    )


def approve(order: Order, amount: Money, *, now: datetime) -> Refund:
    """Asked for by alice, approved by fiona, not sent yet."""
    return refunds.approve(refund_id=ask(order, amount, now=now).pk, by=make_finance(), now=now)


def send(order: Order, amount: Money, *, now: datetime) -> CardRefund:
    """At Stripe, as far as Stripe takes it at once."""
    refund = approve(order, amount, now=now)
    card_refunds.send_due(now=now + timedelta(seconds=1))
    return CardRefund.objects.select_related("refund", "payment").get(refund=refund)


def at_stripe(payment: Payment) -> list[StripeRefund]:
    return stripe_api.list_refunds(payment_intent_id=payment.payment_intent_id)
