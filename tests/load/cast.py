"""Who takes part in a load: customers with a past, staff with second factors, programs with keys."""

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from djmoney.money import Money

from billing import documents
from products import keys
from products.models import Product
from tests import builders, people
from wallet.models import Member

_PRODUCTS = ("whatsapp", "sms")


def tell(*, organisations: int, orders: int, finance: int, ops: int) -> None:
    """Make them, each organisation with that many paid orders, and print whatever they need to know."""
    now = datetime.now(UTC)
    products = list(Product.objects.filter(slug__in=_PRODUCTS))
    customers = [_make_customer(number, products, orders=orders, now=now) for number in range(organisations)]
    secrets = {
        product.slug: keys.issue_for_product(
            product=product, name="Gateway", requests_per_minute=6000, by=builders.make_person("olivia"), now=now
        ).secret
        for product in products
    }
    cast = {
        "password": people.PASSWORD,
        "customers": customers,
        "finance": [_make_staff("finance") for _ in range(finance)],
        "ops": [_make_staff("ops") for _ in range(ops)],
        "services": secrets,
    }
    sys.stdout.write(f"CAST {json.dumps(cast)}\n")


def _make_customer(number: int, products: list[Product], *, orders: int, now: datetime) -> dict[str, Any]:
    owner = people.make_owner("customer", f"Customer {number} Ltd")
    organisation = owner.organisation
    for place in range(orders):
        paid_at = now - timedelta(days=orders - place, minutes=number)
        order = builders.fill_wallet(organisation, Money(Decimal(20 + place), "USD"), now=paid_at)
        documents.issue_receipt(order_id=order.pk, now=now)  # the job looks at what is newer than the demo
    numbers = {}
    for product in products:
        numbers[product.slug] = builders.open_balance(organisation, product, now=now).number
        order = builders.fill_product(organisation, product, Money(Decimal(1000), "USD"), now=now)
        documents.issue_receipt(order_id=order.pk, now=now)
    return {"email": owner.user.email, "numbers": numbers, "key": _make_key(owner, now=now)}


def _make_key(owner: Member, *, now: datetime) -> str:
    return keys.issue_for_organisation(
        organisation_id=owner.organisation_id, name="Reports", by=owner.user, now=now
    ).secret


def _make_staff(group: str) -> dict[str, str]:
    user, secret = people.make_staff(group, group), str(generate_totp_secret())
    TOTP.activate(user, secret)
    return {"email": user.email, "secret": secret}
