"""Billing > Order Details: the list, one order, and who sees them."""

import re
from datetime import datetime, timedelta
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from billing import flags, orders
from billing.models import Flag, Order
from payments import checkout
from payments.models import Payment
from products import access
from tests import builders
from tests.billing import ordering
from tests.billing.correcting import Desk
from wallet.middleware import CHOSEN
from wallet.models import Member, Organisation, Role

pytestmark = pytest.mark.django_db
LIST = "/billing/orders/"


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


@pytest.fixture
def bobs_order(now: datetime) -> Order:
    bob = builders.make_person("bob")
    return ordering.paid_order(builders.make_organisation(now=now, owner=bob, name="Bright Retail"), now=now)


def address(order: Order) -> str:
    return reverse("billing:order", args=[order.number])


def text_of(response: Any) -> str:
    return " ".join(unescape(response.getvalue().decode()).split())


def test_the_list_names_every_order_of_the_organisation_and_no_other(
    page: Client, acme: Organisation, bobs_order: Order, now: datetime
) -> None:
    mine = [ordering.open_order(acme, now=now), ordering.paid_order(acme, now=now)]

    shown = text_of(page.get(LIST))

    assert all(order.number in shown for order in mine)
    assert bobs_order.number not in shown


def test_filters_stand_in_the_address_and_stay_from_page_to_page(
    page: Client, acme: Organisation, now: datetime
) -> None:
    for _ in range(26):
        ordering.open_order(acme, now=now)
    paid = ordering.paid_order(acme, now=now)

    shown = page.get(LIST, {"state": "PENDING", "method": "CARD", "from": "2026-07-15", "to": "2026-07-15"})

    assert paid.number not in text_of(shown)
    older = f"?state=PENDING&method=CARD&from=2026-07-15&to=2026-07-15&after={shown.context['page'].older}"
    assert older in text_of(shown)
    assert len(page.get(LIST + older).context["page"].orders) == 1


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "after=%00",
        "before=x",
        "state=NONSENSE",
        "from=yesterday",
        "to=9999-99-99",
        "to=9999-12-31",
        "from=0001-01-01",
        f"q={'9' * 500}",
        "after=",
    ],
)
def test_a_strange_address_is_no_error(page: Client, acme: Organisation, now: datetime, query: str) -> None:
    ordering.open_order(acme, now=now)

    assert page.get(f"{LIST}?{query}").status_code == 200
    assert page.get(f"/billing/orders/totals/?{query}").status_code == 200
    for path in ("/billing/orders.csv", "/billing/orders.xlsx"):
        answer = page.get(f"{path}?{query}", follow=True)
        assert answer.status_code == 200
        assert answer.getvalue()


def test_an_empty_list_says_why(page: Client, acme: Organisation, now: datetime) -> None:
    assert "There are no orders yet." in text_of(page.get(LIST))

    ordering.open_order(acme, now=now)

    assert "No order fits these filters." in text_of(page.get(LIST, {"q": "nonsense"}))


def test_an_order_shows_its_timeline_its_amounts_and_the_balance_after(
    page: Client, acme: Organisation, now: datetime
) -> None:
    ordering.paid_order(acme, now=now, amount=builders.usd(50))
    order = ordering.paid_order(acme, now=now, amount=builders.usd(100))

    shown = text_of(page.get(address(order)))

    assert "Paid and credited" in shown
    assert "The card payment was confirmed by Stripe and credited" in shown
    assert re.search(r"USD \$50\.00</td>.{,99}\+\$100\.00</td>.{,99}USD \$150\.00</td>", shown)
    assert "stripe_clearing" not in shown
    assert "2026-07-15 12:00:00 (UTC+8)" in shown
    assert "2026-07-15 04:00:00 UTC" in shown
    assert reverse("billing:receipt", args=[order.number]) in shown


def test_a_waiting_order_can_be_gone_on_with_and_cancelled(page: Client, acme: Organisation) -> None:
    order = ordering.open_order(acme, now=_recently())

    shown = text_of(page.get(address(order)))

    assert reverse("payments:continue", args=[order.number]) in shown
    assert reverse("payments:cancel", args=[order.number]) in shown
    assert "Nothing has been credited for this order." in shown


def test_an_order_past_its_time_is_being_asked_about(page: Client, acme: Organisation) -> None:
    order = ordering.open_order(acme, now=_recently() - timedelta(days=2))

    shown = text_of(page.get(address(order)))

    assert "The time to pay is over" in shown
    assert reverse("payments:continue", args=[order.number]) not in shown


def test_doubt_is_shown_as_being_checked_without_its_details(page: Client, acme: Organisation) -> None:
    order = ordering.open_order(acme, now=_recently())
    flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, detail="cs_1: 99 USD", now=_recently())

    shown = text_of(page.get(address(order)))

    assert "Being checked by our team" in shown
    assert "cs_1" not in shown
    assert reverse("payments:continue", args=[order.number]) not in shown


def test_money_that_came_late_or_twice_is_explained(page: Client, acme: Organisation, now: datetime) -> None:
    late = ordering.open_order(acme, now=now)
    orders.cancel(order=late, by="Alice", now=now)
    ordering.pay(late, now=now)
    follower = ordering.pay(late, now=now)

    assert "arrived after this order had ended" in text_of(page.get(address(late)))
    assert "A further payment, credited" in text_of(page.get(address(follower)))
    assert follower.number in text_of(page.get(address(late)))
    assert late.number in text_of(page.get(address(follower)))


@pytest.mark.parametrize("what", ["order", "receipt", "receipt_pdf"])
def test_another_organisations_order_is_not_found(page: Client, bobs_order: Order, what: str) -> None:
    assert page.get(reverse(f"billing:{what}", args=[bobs_order.number])).status_code == 404


def test_a_reader_of_two_organisations_opens_the_orders_of_both(
    page: Client, acme: Organisation, bobs_order: Order, now: datetime
) -> None:
    mine = ordering.open_order(acme, now=now)
    Member.objects.create(
        organisation=bobs_order.organisation, user=builders.owner_of(acme), role=Role.VIEWER, joined_at=now
    )
    session = page.session
    session[CHOSEN] = str(bobs_order.organisation_id)
    session.save()

    assert "Acme Messaging" in text_of(page.get(address(mine)))
    assert mine.number not in text_of(page.get(LIST))
    assert bobs_order.number in text_of(page.get(LIST))


def test_a_viewer_sees_orders_and_no_way_to_pay(client: Client, acme: Organisation) -> None:
    order = ordering.open_order(acme, now=_recently())
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=_recently()).user)

    shown = text_of(client.get(address(order)))

    assert "Waiting for your payment" in shown
    assert reverse("payments:continue", args=[order.number]) not in shown
    assert "TOP UP" not in text_of(client.get(LIST))


def test_a_viewer_is_told_who_can_pay_instead_of_being_asked_to(client: Client, acme: Organisation) -> None:
    order = ordering.open_order(acme, now=_recently())
    carol = builders.make_member(acme, role=Role.BILLING, now=_recently(), name="carol").user
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=_recently()).user)

    for path in (address(order), reverse("payments:return", args=[order.number])):
        shown = text_of(client.get(path))
        assert f"these people can pay, cancel or top up: {builders.owner_of(acme)}, {carol}." in shown
        assert "Continue to payment" not in shown


def test_an_order_that_ended_unpaid_claims_no_money(page: Client, acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now)
    assert "To be credited" in text_of(page.get(address(order)))

    orders.cancel(order=order, by="Alice", now=now)
    shown = text_of(page.get(address(order)))

    assert "To pay" not in shown
    assert "To be credited" not in shown
    assert "once the order is paid" not in shown
    assert "Nothing was credited, so there is no receipt." in shown


@pytest.mark.parametrize("reason", [Flag.Reason.NO_SUCH_SESSION, Flag.Reason.UNREADABLE])
def test_what_stripe_cannot_tell_is_being_checked(page: Client, acme: Organisation, reason: Flag.Reason) -> None:
    order = ordering.open_order(acme, now=_recently())
    Payment.objects.filter(order=order).update(cancel_wished_by="Alice")
    flags.raise_flag(order=order, reason=reason, now=_recently())

    shown = text_of(page.get(address(order)))

    assert "Being checked by our team" in shown
    assert "Being cancelled" not in shown


def test_what_our_team_ended_is_told_with_its_reason_and_no_word_about_a_charge(
    page: Client, acme: Organisation
) -> None:
    order = ordering.open_order(acme, now=_recently())
    flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, now=_recently())
    checkout.end_flagged(order_id=order.pk, by="Olivia", note="Stripe lost the session.", now=_recently())

    for path in (address(order), reverse("payments:return", args=[order.number])):
        shown = text_of(page.get(path))
        assert "Ended by our team" in shown
        assert "Stripe lost the session." in shown
        assert "The bank refused" not in shown
        assert "charged" not in shown


def test_nobody_sees_orders_without_logging_in(client: Client, acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now)

    for path in (LIST, address(order), "/billing/orders.csv", reverse("billing:receipt_pdf", args=[order.number])):
        assert client.get(path).status_code == 302
        assert "/accounts/login/" in client.get(path)["Location"]


def test_our_team_can_be_asked_with_the_order_named(page: Client, acme: Organisation, settings: LazySettings) -> None:
    order = ordering.open_order(acme, now=_recently())
    settings.SUPPORT_URL, settings.SUPPORT_EMAIL = "", "help@example.com"
    assert f'href="mailto:help@example.com?subject={order.number}"' in text_of(page.get(address(order)))

    settings.SUPPORT_URL = "https://support.example/new?kind=billing"
    assert f'href="https://support.example/new?kind=billing&order={order.number}"' in text_of(page.get(address(order)))


@pytest.mark.parametrize(("path", "most"), [(LIST, 12), ("/billing/orders/totals/", 10), ("order", 12)])
def test_no_page_of_orders_needs_more_queries_the_more_there_is(
    *, page: Client, acme: Organisation, now: datetime, path: str, most: int, django_assert_max_num_queries: Any
) -> None:
    paid = [ordering.paid_order(acme, now=now) for _ in range(3)]
    where = path if path.startswith("/") else reverse(f"billing:{path}", args=[paid[0].number])

    with django_assert_max_num_queries(most):
        assert page.get(where).status_code == 200


def _recently() -> datetime:
    """The pages read the real clock."""
    return datetime.now().astimezone() - timedelta(minutes=5)


def test_what_was_asked_to_be_cancelled_is_told_to_be_under_way(page: Client, acme: Organisation) -> None:
    order = ordering.open_order(acme, now=_recently())
    Payment.objects.filter(order=order).update(cancel_wished_by="Alice")

    assert "Being cancelled" in text_of(page.get(address(order)))


def test_a_limited_member_reads_of_a_correction_and_not_of_the_order_he_may_not_see(
    client: Client, now: datetime
) -> None:
    desk = Desk(now)
    wrong = desk.by_card()
    right = desk.approve(desk.propose(wrong))
    for mine, hidden, product in ((wrong, right, desk.wrong), (right, wrong, desk.right)):
        vera = builders.make_member(desk.acme, role=Role.VIEWER, now=now)
        access.limit(member_id=vera.pk, products=[product], by=builders.owner_of(desk.acme))
        client.force_login(vera.user)
        for name in ("order", "receipt", "receipt_pdf"):
            answer = client.get(reverse(f"billing:{name}", args=[mine.number]))
            said = text_of(answer) if name != "receipt_pdf" else read_pdf(answer.getvalue())
            assert mine.number in said
            assert hidden.number not in said
            assert "Meant for SMS" not in said
        client.force_login(builders.owner_of(desk.acme))
        assert hidden.number in text_of(client.get(address(mine)))
        assert "Meant for SMS" in text_of(client.get(address(mine)))


def read_pdf(pdf: bytes) -> str:
    return "\n".join(sheet.extract_text() for sheet in PdfReader(BytesIO(pdf)).pages)


@pytest.mark.parametrize("name", ["orders", "order", "receipt", "receipt_pdf", "orders_csv"])
def test_what_was_paid_is_in_no_cache(page: Client, acme: Organisation, now: datetime, name: str) -> None:
    order = ordering.paid_order(acme, now=now)
    args = [order.number] if name in ("order", "receipt", "receipt_pdf") else []
    assert "no-store" in page.get(reverse(f"billing:{name}", args=args))["Cache-Control"]
