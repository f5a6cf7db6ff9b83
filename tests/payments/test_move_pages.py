"""A product topped up from the wallet through its page: seen first, moved once, undone; and several at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing import moves
from billing.models import Note, Order, State, TopUpLimit
from payments.standin.client import StandIn
from products import access, charges
from products.models import Product
from tests import builders
from tests.builders import usd
from wallet.models import Member, Organisation, Role, User

pytestmark = pytest.mark.django_db
SEVERAL = "/products/topup/"
Form = Callable[..., dict[str, str]]


@pytest.fixture
def now() -> datetime:
    """The real moment: the pages read the clock."""
    return datetime.now(UTC)


@pytest.fixture
def alice() -> User:
    return builders.make_person("alice")


@pytest.fixture
def acme(alice: User, now: datetime) -> Organisation:
    made = builders.make_organisation(now=now, owner=alice)
    builders.fill_wallet(made, usd(100), now=now)
    return made


@pytest.fixture
def whatsapp(db: None) -> Product:
    return builders.make_product("WhatsApp")


@pytest.fixture
def page(client: Client, alice: User, acme: Organisation) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def address(whatsapp: Product) -> str:
    return reverse("payments:product_topup", args=[whatsapp.slug])


@pytest.fixture
def form(page: Client, address: str) -> Form:
    """What the page's form would send, were it sent without the review."""

    def fill(**typed: str) -> dict[str, str]:
        token = page.get(address).context["form_token"]
        return {"form_token": token, "method": "balance", "currency": "USD", "amount": "30"} | typed

    return fill


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def balances_of(acme: Organisation, *products: Product) -> list[str]:
    codes = ["wallet", *(product.code for product in products)]
    return [f"{builders.balance_of(acme.pk, code).amount:.2f}" for code in codes]


def moved_order(acme: Organisation) -> Order:
    return Order.objects.get(organisation=acme, method="BALANCE")


def test_a_move_is_made_at_once_and_leads_to_its_order(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product
) -> None:
    answer = page.post(address, form())

    order = moved_order(acme)
    assert (answer.status_code, answer["Location"]) == (303, reverse("billing:order", args=[order.number]))
    assert (order.state, order.paid, order.credited, order.target) == ("PAID", usd(30), usd(30), whatsapp.code)
    assert balances_of(acme, whatsapp) == ["70.00", "30.00"]


def test_the_pages_own_form_shows_both_balances_first_and_moves_nothing(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product
) -> None:
    shown = page.post(address, form(step="review"))

    text = text_of(shown)
    assert shown.status_code == 200
    for said in ("USD $100.00", "USD $70.00", "USD $0.00", "USD $30.00", "Move $30.00 now"):
        assert said in text
    assert f"it can only be used within {whatsapp.title}" in text
    assert balances_of(acme, whatsapp) == ["100.00", "0.00"]


def test_the_review_moves_what_it_showed_when_it_is_confirmed(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product
) -> None:
    shown = page.post(address, form(step="review", how="all", amount=""))
    sent = {
        "form_token": shown.context["form_token"],
        "method": "balance",
        "currency": "USD",
        "amount": f"{shown.context['amount'].amount}",
    }

    assert page.post(address, sent).status_code == 303
    assert balances_of(acme, whatsapp) == ["0.00", "100.00"]


@pytest.mark.parametrize(
    ("typed", "moved"),
    [
        ({"how": "amount", "amount": "12.34"}, "12.34"),
        ({"how": "amount", "amount": "", "preset_balance": "50"}, "50.00"),
        ({"how": "all", "amount": "7"}, "100.00"),
        ({"how": "fill", "amount": "", "fill_to": "45.50"}, "25.50"),
        ({"how": "fill", "amount": "7", "fill_to": " 20.01 "}, "0.01"),
    ],
)
def test_the_amount_may_be_written_or_reckoned(
    *,
    page: Client,
    form: Form,
    address: str,
    acme: Organisation,
    whatsapp: Product,
    now: datetime,
    typed: dict[str, str],
    moved: str,
) -> None:
    TopUpLimit.objects.filter(method="BALANCE").update(minimum="0.01")
    builders.fill_product(acme, whatsapp, usd(20), now=now)

    shown = page.post(address, form(step="review", **typed))

    assert f"{shown.context['amount'].amount:.2f}" == moved


def test_a_reckoned_amount_is_always_shown_first(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product
) -> None:
    assert "Move $100.00 now" in text_of(page.post(address, form(how="all", amount="")))
    assert balances_of(acme, whatsapp) == ["100.00", "0.00"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"how": "fill", "fill_to": "20"}, "how"),
        ({"how": "fill", "fill_to": "1e3"}, "fill_to"),
        ({"how": "fill", "fill_to": ""}, "fill_to"),
        ({"how": "everything"}, "how"),
        ({"how": "amount", "amount": "NaN"}, "amount"),
        ({"currency": "CNY"}, "currency"),
        ({"amount": "0.99"}, "amount"),
    ],
)
def test_a_move_that_cannot_be_made_says_so_beside_its_field(
    *,
    page: Client,
    form: Form,
    address: str,
    acme: Organisation,
    whatsapp: Product,
    now: datetime,
    typed: dict[str, str],
    field: str,
) -> None:
    builders.fill_product(acme, whatsapp, usd(20), now=now)

    answer = page.post(address, form(**typed))

    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert balances_of(acme, whatsapp) == ["100.00", "20.00"]


@pytest.mark.parametrize("step", [{}, {"step": "review"}])
def test_a_wallet_too_low_says_how_much_is_missing_and_offers_just_that(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product, step: dict[str, str]
) -> None:
    answer = page.post(address, form(amount="160.50", **step))

    text = text_of(answer)
    assert answer.status_code == 422
    assert "USD $60.50 is missing in the wallet." in text
    assert f'<a class="button primary" href="/topup/?amount=60.50&amp;next={whatsapp.slug}">' in answer.content.decode()
    assert answer.context["form"]["amount"].value() == "160.50"
    assert not acme.orders.filter(method="BALANCE").exists()


def test_a_small_shortage_asks_for_the_smallest_top_up_by_card(
    page: Client, form: Form, address: str, acme: Organisation
) -> None:
    smallest = TopUpLimit.objects.get(method="CARD", currency="USD").lowest

    answer = page.post(address, form(amount="100.01"))

    assert answer.context["shortage"].missing == usd("0.01")
    assert answer.context["shortage"].asked == smallest
    assert "The smallest top-up of the wallet is" in text_of(answer)


def test_a_large_shortage_leads_to_a_transfer(page: Client, form: Form, address: str) -> None:
    largest = TopUpLimit.objects.get(method="CARD", currency="USD").highest.amount

    answer = page.post(address, form(amount=f"{largest + 101}"))

    assert "method=offline" in answer.context["shortage"].address


def test_the_same_form_sent_twice_moves_once_and_gives_the_same_answer(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product
) -> None:
    sent = form()

    answers = [page.post(address, sent)["Location"] for _ in range(2)]

    assert answers[0] == answers[1]
    assert balances_of(acme, whatsapp) == ["70.00", "30.00"]
    assert page.post(address, sent | {"step": "review"})["Location"] == answers[0]


@pytest.mark.parametrize("other", [{"amount": "31"}, {"method": "offline"}, {"amount": "5", "step": "review"}])
def test_other_content_in_a_form_sent_before_is_refused(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product, other: dict[str, str]
) -> None:
    sent = form()
    page.post(address, sent)

    answer = page.post(address, sent | other)

    assert answer.status_code == 409
    assert moved_order(acme).number in text_of(answer)
    assert address in text_of(answer)
    assert balances_of(acme, whatsapp) == ["70.00", "30.00"]


def test_a_wallet_is_not_filled_from_itself(page: Client, acme: Organisation) -> None:
    token = page.get("/topup/").context["form_token"]
    answer = page.post("/topup/", {"form_token": token, "method": "balance", "amount": "30", "currency": "USD"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["method"]
    assert acme.orders.count() == 1


@pytest.mark.parametrize("target", ["wallet", "other"])
def test_a_form_for_one_balance_tops_up_no_other(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product, target: str
) -> None:
    other = "/topup/" if target == "wallet" else reverse("payments:product_topup", args=[builders.make_product().slug])
    token = page.get(other).context["form_token"]

    assert page.post(address, form(form_token=token)).status_code == 422
    assert balances_of(acme, whatsapp) == ["100.00", "0.00"]


def test_a_viewer_moves_nothing_and_learns_who_can(
    client: Client, acme: Organisation, whatsapp: Product, address: str, now: datetime
) -> None:
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)
    assert (client.get(address).status_code, client.get(SEVERAL).status_code) == (403, 403)


def test_a_product_that_a_member_may_not_use_is_not_there(
    client: Client, acme: Organisation, whatsapp: Product, address: str, now: datetime
) -> None:
    carol = builders.make_member(acme, role=Role.BILLING, now=now)
    client.force_login(carol.user)
    token = client.get(address).context["form_token"]
    access.limit(member_id=carol.pk, products=[builders.make_product("SMS")], by=builders.owner_of(acme))

    sent = {"form_token": token, "method": "balance", "amount": "30", "currency": "USD"}

    assert (client.get(address).status_code, client.post(address, sent).status_code) == (404, 404)
    assert client.get("/products/nothing-of-the-kind/topup/").status_code == 404
    assert balances_of(acme, whatsapp) == ["100.00", "0.00"]


def test_a_product_that_is_offered_no_more_takes_nothing(
    page: Client, form: Form, address: str, acme: Organisation, whatsapp: Product
) -> None:
    sent = form()
    Product.objects.filter(pk=whatsapp.pk).update(is_active=False)

    answers = [page.get(address), page.post(address, sent), page.post(address, sent | {"step": "review"})]

    assert [answer.status_code for answer in answers] == [200, 409, 409]
    assert all("cannot be topped up any more" in text_of(answer) for answer in answers)
    assert balances_of(acme, whatsapp) == ["100.00", "0.00"]


def test_without_a_limit_for_moves_the_page_offers_none(
    page: Client, form: Form, address: str, acme: Organisation
) -> None:
    sent = form()
    TopUpLimit.objects.filter(method="BALANCE").delete()
    assert page.get(address).context["offers"].balance.refusal
    assert page.post(address, sent).context["form"].errors["method"]
    assert not acme.orders.filter(method="BALANCE").exists()


def test_several_products_are_filled_in_one_step(page: Client, acme: Organisation, whatsapp: Product) -> None:
    sms = builders.make_product("SMS")
    sent = {"form_token": page.get(SEVERAL).context["form_token"], whatsapp.code: "20", sms.code: "5.50"}

    review = page.post(SEVERAL, sent | {"step": "review"})
    assert "Move $25.50 now" in text_of(review)
    assert "USD $74.50" in text_of(review)
    assert balances_of(acme, whatsapp, sms) == ["100.00", "0.00", "0.00"]

    first, second = page.post(SEVERAL, sent), page.post(SEVERAL, sent)

    assert (first.status_code, second["Location"]) == (303, first["Location"])
    assert balances_of(acme, whatsapp, sms) == ["74.50", "20.00", "5.50"]
    told = text_of(page.get(first["Location"]))
    made = Order.objects.filter(organisation=acme, method="BALANCE")
    assert made.count() == 2
    assert all(order.number in told for order in made)


def test_of_several_products_all_are_filled_or_none(page: Client, acme: Organisation, whatsapp: Product) -> None:
    sms = builders.make_product("SMS")
    token = page.get(SEVERAL).context["form_token"]

    for step in ({}, {"step": "review"}):
        answer = page.post(SEVERAL, {"form_token": token, whatsapp.code: "60", sms.code: "60"} | step)
        assert answer.status_code == 422
        assert answer.context["shortage"].missing == usd(20)
        assert answer.context["form"][sms.code].value() == "60"
    assert balances_of(acme, whatsapp, sms) == ["100.00", "0.00", "0.00"]
    assert not acme.orders.filter(method="BALANCE").exists()


@pytest.mark.parametrize("other", [{"a": "20", "b": ""}, {"a": "20", "b": "6"}, {"a": "20", "b": "5", "c": "1"}])
def test_other_amounts_in_a_form_of_several_sent_before_are_refused(
    page: Client, acme: Organisation, other: dict[str, str]
) -> None:
    products = [builders.make_product(name) for name in "abc"]
    code_of = {product.name: product.code for product in products}
    sent = {"form_token": page.get(SEVERAL).context["form_token"]}
    page.post(SEVERAL, sent | {code_of["a"]: "20", code_of["b"]: "5"})

    answer = page.post(SEVERAL, sent | {code_of[name]: amount for name, amount in other.items()})

    assert answer.status_code == 409
    assert balances_of(acme, *products) == ["75.00", "20.00", "5.00", "0.00"]


@pytest.mark.parametrize(
    ("typed", "said"), [("", "at least one product"), ("x", "digits only"), ("0.5", "smallest"), ("9", "at least $10")]
)
def test_an_amount_of_several_that_cannot_be_taken_is_named(
    page: Client, acme: Organisation, typed: str, said: str
) -> None:
    voice = builders.make_product("Voice", smallest_top_up="10")
    token = page.get(SEVERAL).context["form_token"]
    answer = page.post(SEVERAL, {"form_token": token, voice.code: typed})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert answer.context["form"][voice.code].value() == typed
    assert balances_of(acme, voice) == ["100.00", "0.00"]


def test_a_product_that_has_gone_since_is_not_left_out_in_silence(
    page: Client, acme: Organisation, whatsapp: Product
) -> None:
    sms = builders.make_product("SMS")
    sent = {"form_token": page.get(SEVERAL).context["form_token"], whatsapp.code: "20", sms.code: "5"}
    Product.objects.filter(pk=sms.pk).update(is_active=False)
    answer = page.post(SEVERAL, sent)
    assert answer.status_code == 422
    assert "One of the products cannot be topped up any more" in text_of(answer)
    assert balances_of(acme, whatsapp, sms) == ["100.00", "0.00", "0.00"]


def test_a_stranger_sees_no_result_of_several(page: Client, acme: Organisation, whatsapp: Product) -> None:
    sent = {"form_token": page.get(SEVERAL).context["form_token"], whatsapp.code: "20"}
    done = page.post(SEVERAL, sent)["Location"]
    bob = builders.make_person("bob")
    builders.make_organisation(now=acme.created_at, owner=bob)
    page.force_login(bob)
    assert page.get(done).status_code == 404


@pytest.fixture
def moved(acme: Organisation, whatsapp: Product, alice: User, now: datetime) -> Order:
    with_token = builders.move_wish(acme, whatsapp, usd(40))
    return moves.pay(with_token, by=alice, paid_by=str(alice), now=now)


def test_a_move_is_undone_from_its_page(page: Client, moved: Order, acme: Organisation, whatsapp: Product) -> None:
    order_page, undo = (reverse(f"billing:{name}", args=[moved.number]) for name in ("order", "undo"))
    assert undo in text_of(page.get(order_page))
    asked = text_of(page.get(undo))
    for said in ("USD $60.00", "USD $100.00", "USD $40.00", "USD $0.00", "Move $40.00 back"):
        assert said in asked

    answer = page.post(undo)

    assert (answer.status_code, answer["Location"]) == (303, order_page)
    assert balances_of(acme, whatsapp) == ["100.00", "0.00"]
    told = text_of(page.get(order_page))
    assert "Undone: the money is back in the wallet" in told
    assert undo not in told
    assert moved.events.filter(note=Note.UNDONE, state=State.REFUNDED).count() == 1
    assert page.post(undo).status_code == 303
    assert balances_of(acme, whatsapp) == ["100.00", "0.00"]


def test_a_move_of_half_an_hour_ago_stays(page: Client, moved: Order, acme: Organisation, whatsapp: Product) -> None:
    Order.objects.filter(pk=moved.pk).update(paid_at=datetime.now(UTC) - timedelta(minutes=30))
    undo = reverse("billing:undo", args=[moved.number])

    assert undo not in text_of(page.get(reverse("billing:order", args=[moved.number])))
    answers = [page.get(undo), page.post(undo)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "can be undone for 30 minutes" in text_of(answers[0])
    assert balances_of(acme, whatsapp) == ["60.00", "40.00"]


def test_a_move_that_is_partly_spent_stays(
    page: Client, moved: Order, acme: Organisation, whatsapp: Product, now: datetime
) -> None:
    charges.charge(
        balance=whatsapp.balances.get(), usage=charges.Usage(request_id="one", amount=usd("0.01")), by="test", now=now
    )
    undo = reverse("billing:undo", args=[moved.number])

    answers = [page.get(undo), page.post(undo)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "holds USD $39.99 now, less than the USD $40.00" in text_of(answers[1])
    assert balances_of(acme, whatsapp) == ["60.00", "39.99"]


def test_only_who_may_top_up_undoes(client: Client, moved: Order, acme: Organisation, now: datetime) -> None:
    undo = reverse("billing:undo", args=[moved.number])
    vera = builders.make_member(acme, role=Role.VIEWER, now=now).user
    client.force_login(vera)
    assert (client.get(undo).status_code, client.post(undo).status_code) == (403, 403)
    Member.objects.filter(user=vera).delete()
    builders.make_organisation(now=now, owner=vera)
    assert (client.get(undo).status_code, client.post(undo).status_code) == (404, 404)
    moved.refresh_from_db()
    assert moved.state == State.PAID


def test_a_card_top_up_is_not_undone(page: Client, acme: Organisation, whatsapp: Product, now: datetime) -> None:
    paid = builders.fill_product(acme, whatsapp, usd(10), now=now)
    undo = reverse("billing:undo", args=[paid.number])
    assert (page.get(undo).status_code, page.post(undo).status_code) == (409, 409)
    assert "Only moves from the wallet can be undone" in text_of(page.get(undo))
    assert balances_of(acme, whatsapp) == ["100.00", "10.00"]


def test_a_level_that_the_wallet_cannot_fill_is_told_beside_its_own_field(
    page: Client, form: Form, address: str, acme: Organisation
) -> None:
    answer = page.post(address, form(how="fill", fill_to="500", amount="", step="review"))

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["fill_to"]
    assert "USD $400.00 is missing in the wallet." in text_of(answer)


def test_the_way_back_from_the_review_keeps_what_was_asked_for(page: Client, form: Form, address: str) -> None:
    review = page.post(address, form(how="fill", fill_to="90", amount="", step="review")).content.decode()
    assert f'href="{address}?method=balance&amp;how=fill&amp;fill_to=90"' in review

    filled = page.get(f"{address}?method=balance&how=fill&fill_to=90").context["form"]
    assert [filled[name].value() for name in ("method", "how", "fill_to")] == ["balance", "fill", "90"]


def test_a_wallet_topped_up_for_a_product_leads_back_to_it(
    page: Client, acme: Organisation, whatsapp: Product, address: str, stripe: StandIn
) -> None:
    shown = page.get("/topup/", {"amount": "60.50", "next": whatsapp.slug})
    assert f'href="{address}?method=balance"' in shown.content.decode()

    sent = {"form_token": shown.context["form_token"], "method": "card", "currency": "USD", "amount": "60.50"}
    page.post("/topup/", sent | {"next": whatsapp.slug})
    order = acme.orders.get(method="CARD", state="PENDING")
    assert "Back to topping up WhatsApp" in text_of(page.get(reverse("billing:order", args=[order.number])))
    assert "Back to topping up WhatsApp" in text_of(page.get(reverse("payments:return", args=[order.number])))


@pytest.mark.parametrize("place", ["nowhere", "//evil.example", "https://evil.example/", "a\x00b", "x" * 90])
def test_nothing_but_a_product_is_led_back_to(page: Client, place: str) -> None:
    shown = page.get("/topup/", {"next": place})
    assert shown.status_code == 200
    assert shown.context["next"] is None
    assert 'href="/"' in shown.content.decode()
    assert "?method=balance" not in shown.content.decode()


def test_the_page_tells_what_can_really_be_moved(page: Client, address: str) -> None:
    shown = page.get(address)
    assert "at most $100.00: that is all the wallet holds." in text_of(shown)
    assert max(preset.amount for preset in shown.context["offers"].balance.presets) == usd(100)


def test_a_move_undone_is_called_so_in_lists_and_files(
    page: Client, moved: Order, acme: Organisation, now: datetime
) -> None:
    page.post(reverse("billing:undo", args=[moved.number]))

    assert Order.objects.get(pk=moved.pk).state == "REFUNDED"
    for address in (reverse("billing:orders"), reverse("home"), reverse("billing:order", args=[moved.number])):
        text = text_of(page.get(address))
        assert ">Undone</span>" in text, address
        assert ">Refunded<" not in text, address
    rows = b"".join(page.get(reverse("billing:orders_csv"))).decode().splitlines()
    assert [row.split(",")[2] for row in rows if moved.number in row] == ["UNDONE"]
