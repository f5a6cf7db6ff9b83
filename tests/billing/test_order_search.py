"""Finding orders: what a search text means, and which filters fit."""

from datetime import UTC, date, datetime, timedelta

import pytest

from billing import documents, refunds, search
from billing.forms import OrderFilterForm
from billing.models import Dispute, Method, Order, State
from billing.search import OrderFilter
from payments.models import CardRefund, Payment
from products.models import Product
from tests import builders
from tests.billing import ordering, refunding
from tests.payments import offline
from wallet.models import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def find(organisation: Organisation, **narrowed_to: str | date) -> list[Order]:
    wanted = OrderFilter(**narrowed_to)  # type: ignore[arg-type]  # a test's shorthand
    return list(search.select(organisation_id=organisation.pk, narrowed_to=wanted).order_by("id"))


def test_a_number_is_found_however_it_was_typed(acme: Organisation, now: datetime) -> None:
    order, other = ordering.open_order(acme, now=now), ordering.open_order(acme, now=now)

    for typed in (order.number, order.number.lower(), f" {order.number[:10]} {order.number[10:]} "):
        assert find(acme, q=typed) == [order]
    assert find(acme, q=order.number[:13]) == [order]
    assert find(acme, q=order.number[:10]) == [order, other]


def test_an_amount_is_found_with_and_without_ornament(acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now, amount=builders.usd("1234.50"))
    ordering.open_order(acme, now=now, amount=builders.usd("1234"))

    for typed in ("1234.50", "1234.5", "$1,234.50", "USD 1,234.50"):
        assert find(acme, q=typed) == [order]


def test_an_id_of_stripes_finds_its_order(acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now)
    ordering.open_order(acme, now=now)
    Payment.objects.filter(order=order).update(session_id="cs_test_a1B2c3", payment_intent_id="pi_3XyZ00")

    assert find(acme, q="cs_test_a1B2c3") == [order]
    assert find(acme, q=" pi_3XyZ00 ") == [order]
    assert find(acme, q="pi_3Xy") == []


def test_enough_of_an_id_of_stripes_finds_its_order(acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now)
    Payment.objects.filter(order=order).update(session_id="cs_test_a1B2c3D4", payment_intent_id="pi_3XyZ00aBcDe")

    assert find(acme, q="cs_test_a1B2") == [order]
    assert find(acme, q="pi_3XyZ00aBc") == [order]
    assert find(acme, q="cs_test_a1B") == []
    assert find(acme, q="cs_test%a1B2") == []
    assert find(acme, q="cs_testXa1B2") == []


@pytest.mark.parametrize("text", ["nonsense", "'; DROP TABLE billing_order; --", "1e3", "TU", "%", "９９", "cs_"])
def test_a_text_that_means_nothing_finds_nothing(acme: Organisation, now: datetime, text: str) -> None:
    ordering.open_order(acme, now=now, amount=builders.usd(1000))

    assert find(acme, q=text) == []


def test_every_filter_given_must_fit(acme: Organisation, now: datetime) -> None:
    paid = ordering.paid_order(acme, now=now)
    waiting = ordering.open_order(acme, now=now)

    assert find(acme) == [paid, waiting]
    assert find(acme, state=State.PAID) == [paid]
    assert find(acme, state=State.PAID, q=waiting.number) == []
    assert find(acme, method=Method.CARD, target="wallet") == [paid, waiting]
    assert find(acme, method=Method.OFFLINE) == []
    assert find(acme, target="product:whatsapp") == []


def test_days_of_the_filter_are_days_in_shanghai(acme: Organisation) -> None:
    last_second = datetime(2026, 7, 15, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
    before = ordering.open_order(acme, now=last_second)
    after = ordering.open_order(acme, now=last_second + timedelta(seconds=1))
    first, second = date(2026, 7, 15), date(2026, 7, 16)

    assert find(acme, first_day=first, last_day=first) == [before]
    assert find(acme, first_day=second) == [after]
    assert find(acme, last_day=first) == [before]
    assert find(acme, first_day=first, last_day=second) == [before, after]


def test_another_organisations_orders_are_never_found(acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(builders.make_organisation(now=now, owner=builders.make_person("bob")), now=now)

    assert find(acme, q=order.number) == []
    assert find(acme) == []


def test_a_transfers_reference_and_the_banks_numbers_find_its_order(acme: Organisation, now: datetime) -> None:
    account = offline.make_account("USD")
    transfer, other = (offline.begin(acme, offline.usd(1000), account=account, now=now) for _ in range(2))
    offline.declare(transfer, now=now, bank_number="20260715")
    reference = transfer.reference

    for typed in (reference, reference.lower(), f"{reference[:4]} {reference[4:8]}-{reference[8:]}", reference[:9]):
        assert find(acme, q=typed) == [transfer.order]
    assert find(acme, q=reference[:2] + reference[2:].replace("0", "O").replace("1", "I")) == [transfer.order]
    for typed in ("20260715", "2026 0715", "2026\u30000715", "\uff12\uff10260715"):
        assert find(acme, q=typed) == [transfer.order]
    assert find(acme, q="\u200b") == find(acme, q="2026071") == []
    assert find(acme, q=other.reference) == [other.order]
    bright = builders.make_organisation(now=now, name="Bright Retail")
    assert find(bright, q=reference) == find(bright, q="20260715") == []


def test_a_product_number_finds_the_orders_into_its_balance(acme: Organisation, now: datetime) -> None:
    sms = builders.make_product("SMS")
    balance = builders.open_balance(acme, sms, now=now)
    builders.fill_wallet(acme, builders.usd(50), now=now)
    order = builders.fill_product(acme, sms, builders.usd(60), now=now)
    bright = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bright")
    builders.fill_product(bright, sms, builders.usd(60), now=now)

    for typed in (balance.number, f"{balance.number[:5]} {balance.number[5:10]} {balance.number[10:]}"):
        assert find(acme, q=typed) == [order]
        assert find(bright, q=typed) == []


def test_a_product_is_found_by_its_name_in_either_language(acme: Organisation, now: datetime) -> None:
    voice = builders.make_product("Voice")
    Product.objects.filter(pk=voice.pk).update(name=f"Voice {voice.pk.hex}", name_zh=f"语音{voice.pk.hex}")
    order = builders.fill_product(acme, voice, builders.usd(60), now=now)
    builders.fill_wallet(acme, builders.usd(60), now=now)

    for typed in (f"voice {voice.pk.hex}", f"语音{voice.pk.hex[:30]}", voice.slug, voice.slug.upper()):
        assert find(acme, q=typed) == [order]
    assert find(acme, q=voice.slug[:-1]) == find(acme, q="%") == []


def test_a_refunds_number_finds_the_order(acme: Organisation, now: datetime) -> None:
    order, _ = ordering.paid_order(acme, now=now), ordering.paid_order(acme, now=now)
    refund = refunding.approved_refund(order, now=now, amount=builders.usd(10))

    for typed in (refund.number, refund.number.lower(), f"{refund.number[:10]} {refund.number[10:15]}"):
        assert find(acme, q=typed) == [order]
    assert find(acme, q="RF19990716") == []


def test_a_refund_we_sent_is_found_by_its_id_at_stripe(acme: Organisation, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    order = ordering.pay(payment.order, now=now)
    Payment.objects.filter(pk=payment.pk).update(state="CONFIRMED", confirmed_at=now, credited_order=order)
    ordering.paid_order(acme, now=now)
    refund = refunding.approved_refund(order, now=now, amount=builders.usd(10))
    CardRefund.objects.create(
        organisation=acme,
        refund=refund,
        payment=payment,
        amount=refund.back,
        stripe_id="re_3XyZ00aBcDe",
        created_at=now,
    )

    assert find(acme, q="re_3XyZ00aBcDe") == find(acme, q="re_3XyZ00aBc") == [order]
    assert find(acme, q="re_3XyZ00") == []


def test_a_refund_made_at_stripe_is_found_by_its_id_there(acme: Organisation, now: datetime) -> None:
    order, _ = ordering.paid_order(acme, now=now), ordering.paid_order(acme, now=now)
    refunds.adopt(order_id=order.pk, back=builders.usd(10), stripe_id="re_4XyZ00aBcDe", now=now)

    assert find(acme, q="re_4XyZ00aBcDe") == [order]


def test_what_disputes_are_called_at_stripe_finds_the_order(acme: Organisation, now: datetime) -> None:
    order, _ = ordering.paid_order(acme, now=now), ordering.paid_order(acme, now=now)
    dispute = Dispute(organisation=acme, order=order, stripe_id="dp_1XyZ00aBcDe", amount=order.paid)
    dispute.fee, dispute.code, dispute.opened_at = builders.usd(0), order.target, now
    dispute.asked_at = now
    dispute.save()

    assert find(acme, q="dp_1XyZ00aBcDe") == find(acme, q="dp_1XyZ00aBc") == [order]
    assert find(acme, q="du_1XyZ00aBcDe") == []


def test_a_receipt_or_a_refund_note_finds_its_order_by_its_whole_number(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now)
    ordering.paid_order(acme, now=now)
    refund = refunding.succeeded_refund(order, now=now)
    receipt = documents.issue_receipt(order_id=order.pk, now=now)
    note = documents.issue_note(refund_id=refund.pk, now=now)

    for number in (receipt.number, note.number):
        assert number[:3] in {"RC-", "RN-"}
        assert find(acme, q=number) == find(acme, q=f" {number.lower()} ") == [order]
        assert find(acme, q=number[:-1]) == []


def test_as_many_characters_are_enough_as_the_search_says(acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now)
    Payment.objects.filter(order=order).update(session_id="cs_test_a1B2c3D4")
    said = str(OrderFilterForm().fields["q"].help_text)

    assert "Of an order, a refund or a reference the first 4 characters are enough." in said
    assert find(acme, q=order.number[:4]) == [order]
    assert find(acme, q=order.number[:3]) == []
    assert find(acme, q="cs_test_a1B2") == [order]  # its help is for those who have no ids of Stripe's; ops has
