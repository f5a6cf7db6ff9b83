"""Finding orders: what a search text means, which filters fit, and going from page to page."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest

from billing import exports, orders, search
from billing.models import Method, Order, State
from billing.search import OrderFilter
from payments.models import Payment
from tests import builders
from tests.billing import ordering
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


def test_pages_lead_through_every_order_once_and_back_again(acme: Organisation, now: datetime) -> None:
    made = [ordering.open_order(acme, now=now).number for _ in range(2 * search.PAGE_SIZE + 3)]
    everything = search.select(organisation_id=acme.pk, narrowed_to=OrderFilter())

    page = search.page(everything, organisation_id=acme.pk, after="", before="")
    assert page.newer == ""
    pages = [page]
    while page.older:
        page = search.page(everything, organisation_id=acme.pk, after=page.older, before="")
        pages.append(page)
    walked = [order.number for page in pages for order in page.orders]
    assert walked == made[::-1]
    assert [len(page.orders) for page in pages] == [25, 25, 3]

    back = search.page(everything, organisation_id=acme.pk, after="", before=page.newer)
    assert back.orders == pages[1].orders
    back = search.page(everything, organisation_id=acme.pk, after="", before=back.newer)
    assert (back.orders, back.newer) == (pages[0].orders, "")


def test_a_place_that_does_not_fit_the_filter_any_more_still_leads_on(acme: Organisation, now: datetime) -> None:
    older, edge = ordering.open_order(acme, now=now), ordering.open_order(acme, now=now)
    newest = ordering.open_order(acme, now=now)
    ordering.pay(edge, now=now)
    waiting = search.select(organisation_id=acme.pk, narrowed_to=OrderFilter(state=State.PENDING))

    assert search.page(waiting, organisation_id=acme.pk, after=edge.number, before="").orders == [older]
    assert search.page(waiting, organisation_id=acme.pk, after="", before=edge.number).orders == [newest]


def test_another_organisations_number_is_no_place_in_the_list(acme: Organisation, now: datetime) -> None:
    strange = ordering.open_order(builders.make_organisation(now=now, owner=builders.make_person("bob")), now=now)
    order = ordering.open_order(acme, now=now)
    everything = search.select(organisation_id=acme.pk, narrowed_to=OrderFilter())

    assert search.page(everything, organisation_id=acme.pk, after=strange.number, before="").orders == [order]


def test_the_whole_list_is_walked_in_chunks(acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_CHUNK", 2)
    made = [ordering.open_order(acme, now=now) for _ in range(5)]

    assert list(search.walk(Order.objects.filter(organisation=acme))) == made[::-1]


def test_the_export_has_columns_that_stay_and_no_formula(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now, amount=builders.usd("1234.50"))
    order.created_by_name = '=HYPERLINK("http://evil.example")'

    lines = list(csv.DictReader(io.StringIO("".join(exports.write_csv([order])).removeprefix("\ufeff"))))

    assert lines == [
        {
            "number": order.number,
            "created_at_utc": "2026-07-15T04:00:00Z",
            "state": "PAID",
            "method": "CARD",
            "target": "wallet",
            "paid_amount": "1234.50",
            "paid_currency": "USD",
            "credited_amount": "1234.50",
            "credited_currency": "USD",
            "rate": "",
            "paid_at_utc": "2026-07-15T04:00:00Z",
            "created_by": '\'=HYPERLINK("http://evil.example")',
            "amount": "1234.50",
            "currency": "USD",
        }
    ]


def test_the_export_claims_no_money_that_has_not_come(acme: Organisation, now: datetime) -> None:
    waiting = ordering.open_order(acme, now=now, amount=builders.usd(77))
    cancelled = ordering.open_order(acme, now=now, amount=builders.usd(88))
    orders.cancel(order=cancelled, by="Alice", now=now)
    paid = ordering.paid_order(acme, now=now, amount=builders.usd(50))

    rows = list(csv.DictReader(io.StringIO("".join(exports.write_csv([waiting, cancelled, paid])))))

    assert [row["paid_amount"] for row in rows] == ["", "", "50.00"]
    assert [row["credited_amount"] for row in rows] == ["", "", "50.00"]
    assert [row["amount"] for row in rows] == ["77.00", "88.00", "50.00"]


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
