"""The filled demo: people, organisations and a few top-ups, made through the site's own verbs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from djmoney.money import Money

from billing import top_ups
from billing.models import Method, Order
from innopaas import demo_history, demo_stripe
from payments import checkout
from wallet import chart, organisations
from wallet.models import Member, User

_STAFF = {
    "fiona@example.com": ("Fiona", "finance"),
    "felix@example.com": ("Felix", "finance"),
    "frank@example.com": ("Frank", "finance lead"),
    "olivia@example.com": ("Olivia", "ops"),
}
_CUSTOMERS = {"alice@example.com": ("Alice", "Acme Messaging"), "bob@example.com": ("Bob", "Bright Retail")}
_OTHER_CUSTOMERS = {demo_history.HARBOUR: "Carol", demo_history.LANTERN: "Dan"}
"""Their organisations begin with the demo's history."""


@dataclass(frozen=True, kw_only=True)
class _TopUp:
    email: str
    dollars: int
    ending: str


_TOP_UPS = (
    _TopUp(email="alice@example.com", dollars=500, ending="paid"),
    _TopUp(email="alice@example.com", dollars=200, ending="paid"),
    _TopUp(email="alice@example.com", dollars=1000, ending="cancelled"),
    _TopUp(email="alice@example.com", dollars=50, ending="open"),
    _TopUp(email="bob@example.com", dollars=100, ending="paid"),
)


_FOUNDED_BEFORE: Final = timedelta(days=45)
"""Earlier than anything the demo books for them."""


def add_people(*, password: str, now: datetime) -> None:
    """Make staff, customers and their organisations; whoever is there stays as he is."""
    for email, (name, group) in _STAFF.items():
        user = _person(email, name, password, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
    _person("admin@example.com", "Admin", password, is_staff=True, is_superuser=True)
    for email, (name, organisation) in _CUSTOMERS.items():
        user = _person(email, name, password)
        if not user.memberships.exists():
            organisations.create(name=organisation, owner=user, now=now - _FOUNDED_BEFORE)
    for email, name in _OTHER_CUSTOMERS.items():
        _person(email, name, password)


def fill(*, now: datetime) -> bool:
    """Make the card top-ups; False when they were there already. A fill that was cut off is carried on."""
    if Order.objects.filter(form_token=_token(len(_TOP_UPS) - 1)).exists():
        return False
    for place, wish in enumerate(_TOP_UPS):
        _top_up(wish, form_token=_token(place), now=now)
    return True


def _token(place: int) -> str:
    return f"demo-{place}"


def _person(email: str, name: str, password: str, **fields: bool) -> User:
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, password, name=name, **fields)
    EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user


def _top_up(wish: _TopUp, *, form_token: str, now: datetime) -> None:
    member = Member.objects.select_related("organisation", "user").get(user__email=wish.email)
    payment = checkout.begin(
        top_ups.TopUp(
            organisation_id=member.organisation_id,
            target=chart.WALLET,
            method=Method.CARD,
            amount=Money(wish.dollars, "USD"),
            form_token=form_token,
        ),
        by=member.user,
        now=now,
        language="en",
        return_url=_return_url,
    )
    if not payment.is_open:
        return
    checkout.open_session(payment_id=payment.pk, now=now)
    if wish.ending == "paid":
        payment.refresh_from_db()
        demo_stripe.pay(str(payment.session_id), email=wish.email)
        checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    elif wish.ending == "cancelled":
        checkout.cancel(order_id=UUID(str(payment.order_id)), by=str(member.user), now=now)


def _return_url(order: Order) -> str:
    return f"{settings.SITE_URL}/payments/orders/{order.number}/return/"
