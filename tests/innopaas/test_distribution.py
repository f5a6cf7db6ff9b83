"""Growth beyond one machine: what the money paths look at when the money tables are cut in parts by organisation."""

import re
from datetime import datetime, timedelta
from typing import Final

import psycopg
import pytest
from django.db import connections

from billing import moves
from products import charges, holds
from tests import builders
from tests.billing.refunding import succeeded_refund
from tests.builders import balance_of, begin_top_up, fill_wallet, make_organisation, make_product, open_balance, usd
from tests.innopaas import partitions
from tests.innopaas.partitions import MONEY_TABLES, ORGANISATION
from tests.products.spending import usage

WITHOUT_ORGANISATION: Final = {
    "billing_order_form_token_key": "(organisation_id, form_token): one person's page, one organisation",
    "billing_order_number_key": "(organisation_id, number); everywhere by the 40 random bits of the number",
    "billing_refund_form_token_key": "(organisation_id, form_token)",
    "billing_refund_number_key": "(organisation_id, number)",
    "billing_refund_stripe_id_key": "a table of Stripe's names, one row each, not cut",
    "entry_once_per_line": "(organisation_id, posting_id, line): the posting implies the organisation",
    "entry_once_per_position": "(organisation_id, account_id, position): the account implies the organisation",
    "payment_credits_an_order_once": "(organisation_id, credited_order_id): the order implies it",
    "payment_open_once_per_order": "(organisation_id, order_id): the order implies it",
    "payments_cardrefund_idempotency_key_key": "(organisation_id, idempotency_key): 128 random bits",
    "payments_cardrefund_refund_id_key": "(organisation_id, refund_id): the refund implies it",
    "payments_cardrefund_stripe_id_key": "a table of Stripe's names",
    "payments_payment_idempotency_key_key": "(organisation_id, idempotency_key): 128 random bits",
    "payments_payment_session_id_key": "a table of Stripe's names: it says whose session a webhook is about",
    "products_productbalance_number_key": "a table of product numbers: it says whose number a call of the API names",
}
"""The unique keys that PostgreSQL refuses on tables in parts, and what each becomes. Primary keys, of which every id
holds 74 random bits, become (organisation_id, id) all alike.
"""

STRAYS: Final = {
    "an order locked, read or changed by its id": r'(FROM|UPDATE) "billing_order" .*WHERE "billing_order"."id" = ',
    "a refund locked, read or changed by its id": r'(FROM|UPDATE) "billing_refund" .*WHERE "billing_refund"."id" = ',
    "a hold changed by its id": r'UPDATE "products_hold" SET .* WHERE "products_hold"."id" = ',
    "a form sent twice, found by its token": r'FROM "billing_(order|refund)" WHERE "billing_\w+"."form_token" = ',
    "payments of an order": r'FROM "payments_payment" WHERE "payments_payment"."order_id" = ',
    "refunds of an order": r'FROM "billing_refund" WHERE \("billing_refund"."order_id" = ',
    "events of an order": r'FROM "billing_orderevent" WHERE \(?"billing_orderevent"."order_id" = ',
    "what an order's refund must leave": r'FROM "billing_order" .*WHERE \(NOT EXISTS\(SELECT 1 AS "a"',
    "entries of a hold": r'FROM "wallet_entry" INNER JOIN "wallet_account" .*"wallet_posting"."key" = ',
    "a posting read back": r"FROM public.wallet_posting AS fact JOIN public.wallet_entry .* WHERE fact.id = posting",
    "what a reversal reverses": r"FROM public.wallet_posting AS posting WHERE posting.id IN \(SELECT entry",
}
"""Statements of the money paths that look into every part, because they name a row and not its organisation."""

BY_CHANCE: Final = {
    "a hold locked by its id": r'FROM "products_hold" .*"products_hold"."id" = .* FOR UPDATE OF "products_hold"',
    "the entry behind a balance": r"^NEW.entry_count <= OLD.entry_count OR NOT EXISTS",
    "the entries of a posting": r"^NOT EXISTS \(SELECT FROM public.wallet_entry AS entry WHERE entry.posting_id",
    "what an order was credited": r'^SELECT "billing_order"."target" AS "target", SUM\("billing_order"."credited"\)',
}
"""The same, of those that stop where they have found it: how many parts they look into depends on where it lies."""

HOUR = timedelta(hours=1)


@pytest.fixture
def cut_database(fresh_database: None, superuser_dsn: str) -> None:
    name = connections["owner"].settings_dict["NAME"]
    owner, app = (connections[alias].settings_dict["USER"] for alias in ("owner", "default"))
    with psycopg.connect(superuser_dsn, dbname=name, autocommit=True) as server:
        with server.transaction():
            partitions.cut(server, owner=owner, app=app)
        partitions.explain_everything(server, name)
    connections.close_all()


def test_every_money_table_says_whose_its_rows_are(fresh_database: None, superuser_dsn: str) -> None:
    """The keys that PostgreSQL itself refuses when the table is cut are known, one by one."""
    name = connections["owner"].settings_dict["NAME"]
    owner, app = (connections[alias].settings_dict["USER"] for alias in ("owner", "default"))
    with psycopg.connect(superuser_dsn, dbname=name, autocommit=True) as server:
        keys = {table: partitions.read_unique_keys(server, table) for table in MONEY_TABLES}
        with server.transaction():
            partitions.cut(server, owner=owner, app=app)
        refused = {
            key.name: key for table, found in keys.items() for key in found if partitions.refuses(server, table, key)
        }
    assert {name for name, key in refused.items() if not key.is_primary} == set(WITHOUT_ORGANISATION)
    assert all(key.columns == ("id",) for key in refused.values() if key.is_primary)
    assert all(ORGANISATION not in key.columns for key in refused.values())


def test_a_customers_money_moves_within_one_part(cut_database: None, now: datetime) -> None:
    acme = make_organisation(now=now)
    whatsapp = make_product()
    balance = open_balance(acme, whatsapp, now=now)
    connections["default"].ensure_connection()
    with partitions.explaining(connections["default"].connection) as plans:
        begin_top_up(acme, now=now)
        order = fill_wallet(acme, usd(100), now=now)
        moves.move(builders.move_wish(acme, whatsapp, usd(50)), by=builders.owner_of(acme), now=now)
        charges.charge(balance=balance, usage=usage(1), by="a gateway", now=now)
        placed = holds.place(balance=balance, usage=usage(5), expires_at=now + HOUR, by="a gateway", now=now)
        holds.release(hold_id=placed.id, product_id=whatsapp.pk, by="a gateway", now=now)
        succeeded_refund(order, amount=usd(20), now=now)
    assert balance_of(acme.pk) == usd(30)
    assert balance_of(acme.pk, whatsapp.code) == usd(49)
    strays = {plan.text: plan for plan in plans if plan.strays}
    named = STRAYS | BY_CHANCE
    known = {text: name for text in strays for name, pattern in named.items() if re.search(pattern, text)}
    assert sorted(set(strays) - set(known)) == []
    assert set(STRAYS) <= set(known.values()), "what strays no more is no exception any more"
    found_at_once = [plan for plan in plans if any(re.search(pattern, plan.text) for pattern in BY_CHANCE.values())]
    at_home = [plan for plan in plans if plan.parts and not plan.strays and plan not in found_at_once]
    assert len(at_home) > 20
    homes = {part: plan.text for plan in at_home for parts in plan.parts.values() for part in parts}
    assert len(homes) == 1, homes
