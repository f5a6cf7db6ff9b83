"""The bank sheet and “I have paid”: what a customer reads, says and may change, in every state."""

from datetime import UTC, datetime, timedelta
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from billing.models import Note, Order, State
from payments import desk, keeping, transfers
from payments.appraisals import Claim
from payments.models import BankAccount, Slip, Transfer
from tests import builders, people
from tests.payments import offline
from tests.payments import slip_samples as samples
from wallet import details
from wallet.calendar import business_date
from wallet.models import Organisation, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


@pytest.fixture
def dollars(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def yuan(db: None, now: datetime) -> BankAccount:
    offline.set_rate("7.2", at=now)
    return offline.make_account("CNY")


@pytest.fixture
def transfer(acme: Organisation, dollars: BankAccount, now: datetime) -> Transfer:
    return offline.begin(acme, offline.usd(1000), account=dollars, now=now)


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture(autouse=True)
def slips_folder(settings: LazySettings, tmp_path: Path) -> Path:
    folder = tmp_path / "slips"
    settings.STORAGES = samples.storages_below(folder)
    settings.CLAMD_ADDRESS = ""
    return folder


def sheet(transfer: Transfer, what: str = "transfer") -> str:
    return reverse(f"payments:{what}", args=[transfer.order.number])


def declaration(now: datetime, **typed: Any) -> dict[str, Any]:
    return {"payer_name": "Acme Messaging Ltd", "paid_on": f"{business_date(now)}", "bank_number": ""} | typed


def slip(name: str = "slip.png", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content if content is not None else samples.picture("PNG"))


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def words_of(response: Any) -> str:
    return "".join(
        page.extract_text() for page in PdfReader(BytesIO(b"".join(response.streaming_content))).pages
    ).replace("\n", "")


def fresh(transfer: Transfer) -> Transfer:
    return Transfer.objects.select_related("order").get(pk=transfer.pk)


# --- the sheet --------------------------------------------------------------------------------------


def test_the_sheet_names_account_amount_and_reference_in_both_languages(
    page: Client, transfer: Transfer, dollars: BankAccount
) -> None:
    shown = text_of(page.get(sheet(transfer)))

    for said in (
        "Payee",
        "收款人",
        "英诺帕斯科技有限公司",
        "InnoPaaS Technology Ltd",
        "中国银行上海市分行",
        "BKCHCNBJ300",
    ):
        assert said in shown
    assert dollars.number in shown
    assert "USD $1,000.00" in shown
    assert 'data-copy="1000.00"' in shown
    spaced = " ".join(transfer.reference[place : place + 4] for place in (0, 4, 8))
    assert spaced in shown
    assert f'data-copy="{transfer.reference}"' in shown
    assert "人民币大写" not in shown
    assert "CNAPS" not in shown


def test_an_rmb_sheet_has_the_amount_in_capitals_cnaps_and_the_quoted_rate(
    page: Client, acme: Organisation, yuan: BankAccount, now: datetime
) -> None:
    transfer = offline.begin(acme, offline.cny("7207.50"), account=yuan, now=now)

    shown = text_of(page.get(sheet(transfer)))

    assert "人民币柒仟贰佰零柒元伍角整" in shown
    assert "CNY ¥7,207.50" in shown
    assert "104290003033" in shown
    assert "1 USD = 7.2000 CNY" in shown
    assert "Bank of China" in shown
    assert "Will be credited" in shown
    assert "USD $1,001.04" in shown
    order = transfer.order
    assert order.rate_until
    last = f"{business_date(order.rate_until)}"
    assert 'up to and including</span> <span lang="zh-Hans">适用于银行起息日不晚于（含当日）' in shown
    assert f"</dt> <dd><span>{last}</span></dd>" in shown
    assert f"for the bank's value dates up to and including {last}" in look(page, transfer)


def test_the_pdf_says_what_the_sheet_says(page: Client, acme: Organisation, yuan: BankAccount, now: datetime) -> None:
    transfer = offline.begin(acme, offline.cny(7200), account=yuan, now=now)

    response = page.get(sheet(transfer, "transfer_pdf"))

    assert response["Content-Type"] == "application/pdf"
    assert f'filename="{transfer.order.number}.pdf"' in response["Content-Disposition"]
    words = words_of(response)
    for said in ("Payee", "收款人", "人民币柒仟贰佰元整", yuan.number, "CNY ¥7,200.00", "附言"):
        assert said in words
    assert transfer.reference in words.replace(" ", "")


def test_the_customers_legal_names_stand_on_the_sheet_or_a_way_to_record_them(
    page: Client, transfer: Transfer, acme: Organisation, now: datetime
) -> None:
    assert reverse("wallet:details") in text_of(page.get(sheet(transfer)))
    facts = details.Facts(legal_name_zh="阿克美有限公司", legal_name_en="Acme Ltd", address="1 Road\nShanghai")
    details.record(facts, organisation_id=acme.pk, seen_version=0, by=builders.owner_of(acme), now=now)

    shown = text_of(page.get(sheet(transfer)))

    assert "阿克美有限公司" in shown
    assert "record your billing details" not in shown
    assert 'value="阿克美有限公司"' in shown


def test_a_card_order_has_no_bank_sheet(page: Client, acme: Organisation, now: datetime) -> None:
    order = builders.begin_top_up(acme, now=now).order

    assert page.get(reverse("payments:transfer", args=[order.number])).status_code == 404


def test_continue_and_the_way_back_from_stripe_lead_to_the_sheet(page: Client, transfer: Transfer) -> None:
    number = transfer.order.number
    assert page.post(reverse("payments:continue", args=[number]))["Location"] == sheet(transfer)
    assert page.get(reverse("payments:return", args=[number]))["Location"] == sheet(transfer)


@pytest.mark.parametrize("what", ["transfer", "transfer_pdf"])
def test_another_organisation_finds_no_sheet(client: Client, transfer: Transfer, now: datetime, what: str) -> None:
    bob = builders.make_person("bob")
    builders.make_organisation(now=now, owner=bob, name="Bright Retail")
    client.force_login(bob)

    assert client.get(sheet(transfer, what)).status_code == 404
    assert client.post(sheet(transfer), declaration(now)).status_code == 404
    assert fresh(transfer).declared_at is None


def test_a_viewer_reads_the_sheet_and_changes_nothing(
    client: Client, acme: Organisation, transfer: Transfer, now: datetime
) -> None:
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)

    shown = text_of(client.get(sheet(transfer)))
    assert transfer.reference in shown
    assert "<h2>I have paid" not in shown
    assert str(builders.owner_of(acme)) in shown
    assert client.post(sheet(transfer), declaration(now)).status_code == 403
    assert fresh(transfer).order.state == State.PENDING


# --- “I have paid” ----------------------------------------------------------------------------------


def test_a_declaration_puts_the_order_into_review_and_says_until_when(
    page: Client, transfer: Transfer, now: datetime
) -> None:
    typed = declaration(now, payer_name="  Acme   Ltd ", bank_number=" B-1 ")
    response = page.post(sheet(transfer), typed, follow=True)

    declared = fresh(transfer)
    assert (declared.order.state, declared.payer_name, declared.bank_number) == (State.IN_REVIEW, "Acme Ltd", "B-1")
    assert response.redirect_chain == [(f"{sheet(transfer)}#top", 303)]
    shown = text_of(response)
    assert "In review by our finance team" in shown
    assert "usually within one working day: by" in shown
    assert "We do not know “Acme Ltd” as a payer" in shown


def test_a_declaration_sent_twice_is_one(page: Client, transfer: Transfer, now: datetime) -> None:
    for _ in range(2):
        assert page.post(sheet(transfer), declaration(now)).status_code == 303

    assert transfer.order.events.filter(note=Note.DECLARED).count() == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"payer_name": ""}, "Write who paid."),
        ({"payer_name": "\u202e"}, "Write who paid."),
        ({"paid_on": ""}, "Choose the day."),
        ({"paid_on": "31/12/2026"}, "Write the day like 2026-01-31."),
        ({"paid_on": "tomorrow"}, "Write the day like"),
    ],
)
def test_a_declaration_that_is_not_whole_keeps_what_was_typed(
    page: Client, transfer: Transfer, now: datetime, typed: dict[str, str], sentence: str
) -> None:
    response = page.post(sheet(transfer), declaration(now, bank_number="KEEP-ME") | typed)

    assert response.status_code == 422
    assert sentence in text_of(response)
    assert 'value="KEEP-ME"' in text_of(response)
    assert fresh(transfer).order.state == State.PENDING


@pytest.mark.parametrize(("days", "status"), [(1, 422), (0, 303), (-180, 303), (-181, 422)])
def test_the_day_paid_lies_in_the_last_half_year(
    page: Client, transfer: Transfer, now: datetime, days: int, status: int
) -> None:
    day = business_date(now) + timedelta(days=days)

    assert page.post(sheet(transfer), declaration(now, paid_on=f"{day}")).status_code == status


def test_the_next_declaration_begins_with_the_payer_of_the_last(
    page: Client, acme: Organisation, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    offline.declare(transfer, now=now, payer="Acme Holding")
    second = offline.begin(acme, offline.usd(200), account=dollars, now=now)

    assert 'value="Acme Holding"' in text_of(page.get(sheet(second)))


def test_a_declaration_can_be_corrected_until_somebody_takes_it(
    page: Client, transfer: Transfer, fiona: User, now: datetime
) -> None:
    page.post(sheet(transfer), declaration(now))
    page.post(sheet(transfer), declaration(now, payer_name="Acme Holding"))
    assert fresh(transfer).payer_name == "Acme Holding"
    desk.take(transfer_id=transfer.pk, by=fiona, now=now)

    shown = text_of(page.get(sheet(transfer)))
    response = page.post(sheet(transfer), declaration(now, payer_name="Somebody"), follow=True)

    assert "Being worked on by our finance team" in shown
    assert "Correct what you told us" not in shown
    assert "nothing can be changed now" in text_of(response)
    assert fresh(transfer).payer_name == "Acme Holding"


# --- slips ------------------------------------------------------------------------------------------


def test_slips_come_with_the_declaration_and_only_their_organisation_gets_them(
    *, page: Client, client: Client, transfer: Transfer, now: datetime, slips_folder: Path
) -> None:
    page.post(sheet(transfer), declaration(now, slips=[slip("a.png"), slip("b.pdf", samples.pdf())]))

    assert [kept.original_name for kept in transfer.slips.order_by("id")] == ["a.png", "b.pdf"]
    address = reverse("payments:slip", args=[transfer.order.number, 1])
    answer = page.get(address)
    assert answer.getvalue().startswith(b"\x89PNG")
    assert "attachment" in answer["Content-Disposition"]
    assert answer["Content-Security-Policy"].startswith("sandbox")
    bob = builders.make_person("bob")
    builders.make_organisation(now=now, owner=bob, name="Bright Retail")
    stranger = Client()
    stranger.force_login(bob)
    assert stranger.get(address).status_code == 404
    assert stranger.post(address + "remove/").status_code == 404
    assert page.get(reverse("payments:slip", args=[transfer.order.number, 3])).status_code == 404
    assert transfer.slips.filter(removed_at__isnull=True).count() == 2


def test_a_refused_slip_is_named_and_the_good_ones_and_the_words_stay(
    page: Client, transfer: Transfer, now: datetime
) -> None:
    files = [slip("good.png"), slip("bad.gif", samples.picture("GIF"))]

    response = page.post(sheet(transfer), declaration(now, bank_number="KEEP-ME", slips=files))

    shown = text_of(response)
    assert response.status_code == 422
    assert "bad.gif: Only JPG, PNG, WebP and PDF files can be read." in shown
    assert 'value="KEEP-ME"' in shown
    assert ">good.png</a>" in shown
    assert fresh(transfer).order.state == State.PENDING


def test_a_slip_is_kept_when_another_field_is_wrong(page: Client, transfer: Transfer, now: datetime) -> None:
    response = page.post(sheet(transfer), declaration(now, payer_name="", slips=[slip("good.png")]))

    assert response.status_code == 422
    assert ">good.png</a>" in text_of(response)


def test_a_file_of_eleven_megabytes_is_refused_in_words(page: Client, transfer: Transfer, now: datetime) -> None:
    response = page.post(sheet(transfer), declaration(now, slips=[slip("big.png", bytes(11 * 1024 * 1024))]))

    assert response.status_code == 422
    assert "big.png: The file is larger than 10 MB." in text_of(response)


def test_more_than_ten_files_are_refused_before_any_is_read(page: Client, transfer: Transfer, now: datetime) -> None:
    response = page.post(sheet(transfer), declaration(now, slips=[slip(f"{place}.png") for place in range(11)]))

    assert response.status_code == 422
    assert "Choose at most 10 files." in text_of(response)
    assert not transfer.slips.exists()


def test_a_slip_is_removed_and_gone(page: Client, transfer: Transfer, now: datetime, slips_folder: Path) -> None:
    page.post(sheet(transfer), declaration(now, slips=[slip()]))
    address = reverse("payments:slip", args=[transfer.order.number, 1])

    for _ in range(2):
        assert page.post(address + "remove/").status_code == 303

    assert page.get(address).status_code == 404
    assert Slip.objects.get(transfer=transfer).removed_at is not None
    assert not [path for path in slips_folder.rglob("*") if path.is_file()]


def test_slips_stay_once_somebody_works_on_the_transfer(
    page: Client, transfer: Transfer, fiona: User, now: datetime
) -> None:
    page.post(sheet(transfer), declaration(now, slips=[slip()]))
    desk.take(transfer_id=transfer.pk, by=fiona, now=now)

    response = page.post(reverse("payments:remove_slip", args=[transfer.order.number, 1]), follow=True)
    again = page.post(sheet(transfer), declaration(now, slips=[slip("new.png", samples.picture("JPEG"))]), follow=True)

    assert "so its slips stay as they are" in text_of(response)
    assert "nothing can be changed now" in text_of(again)
    assert transfer.slips.filter(removed_at__isnull=True).count() == 1


def test_a_viewer_reads_slips_and_removes_none(
    client: Client, page: Client, acme: Organisation, transfer: Transfer, now: datetime
) -> None:
    page.post(sheet(transfer), declaration(now, slips=[slip()]))
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)
    address = reverse("payments:slip", args=[transfer.order.number, 1])

    assert client.get(address).getvalue()
    assert client.post(address + "remove/").status_code == 403
    assert transfer.slips.filter(removed_at__isnull=True).count() == 1


# --- states -----------------------------------------------------------------------------------------


def look(page: Client, transfer: Transfer) -> str:
    """Both pages about an order tell the same."""
    on_sheet, on_order = (
        text_of(page.get(sheet(transfer))),
        text_of(page.get(reverse("billing:order", args=[transfer.order.number]))),
    )
    for shown in (on_sheet, on_order):
        assert "Stripe" not in shown.replace("Stripe id", "")
        assert "card" not in shown.replace('class="card', "").replace("card-head", "")
    return on_order


def test_a_waiting_order_says_what_to_do_and_until_when(page: Client, transfer: Transfer) -> None:
    shown = look(page, transfer)
    assert "Waiting for your transfer" in shown
    assert "say “I have paid”" in shown
    assert reverse("payments:cancel", args=[transfer.order.number]) in shown


def test_a_waiting_order_whose_quote_has_ended_says_which_rate_will_count(
    page: Client, acme: Organisation, yuan: BankAccount, now: datetime
) -> None:
    transfer = offline.begin(acme, offline.cny(7200), account=yuan, now=now)
    Order.objects.filter(pk=transfer.order_id).update(rate_until=now - timedelta(days=1))

    assert "the rate of the day on which the money arrives will count" in look(page, transfer)


def test_a_review_that_takes_too_long_is_apologised_for(page: Client, transfer: Transfer, now: datetime) -> None:
    offline.declare(transfer, now=now)
    Transfer.objects.filter(pk=transfer.pk).update(
        declared_at=now - timedelta(days=4), expected_by=now - timedelta(days=3)
    )

    shown = look(page, transfer)

    assert "This takes longer than it should" in shown
    assert "In review for 4 days" in shown
    assert f"subject={transfer.order.number}" in shown


def test_a_rejected_order_says_why_and_is_corrected_under_the_same_reference(
    page: Client, transfer: Transfer, fiona: User, now: datetime
) -> None:
    offline.declare(transfer, now=now)
    desk.reject(transfer_id=transfer.pk, by=fiona, reason="Nothing of it has arrived.", now=now)

    shown = look(page, transfer)
    assert "Nothing of it has arrived." in shown
    assert "Correct and submit again" in shown
    page.post(sheet(transfer), declaration(now, bank_number="NEW-1"))

    again = fresh(transfer)
    assert (again.order.state, again.reference, again.bank_number) == (State.IN_REVIEW, transfer.reference, "NEW-1")
    assert again.order.events.filter(note=Note.DECLARED_AGAIN).count() == 1


def test_an_approved_order_says_so_and_offers_no_sheet(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    credit(transfer, dollars, "1000", fiona, now)

    shown = look(page, transfer)

    assert "Our finance team found the transfer at the bank" in shown
    assert dollars.number not in text_of(page.get(sheet(transfer)))
    assert page.get(sheet(transfer, "transfer_pdf"))["Location"] == sheet(transfer)


def credit(transfer: Transfer, account: BankAccount, amount: str, by: User, now: datetime, reason: str = "") -> None:
    """What arrives is brought by a statement and approved by somebody else."""
    importer = people.make_staff("felix", "finance")
    money = offline.usd(amount) if account.currency == "USD" else offline.cny(amount)
    line = offline.bring_line(account, money, imported_by=importer, now=now)
    finding = offline.record(transfer, offline.by_line(line, reason=reason), by=by, now=now)
    offline.approve(finding, by=by, now=now)


def test_a_short_and_an_over_payment_say_how_much_arrived(
    page: Client, acme: Organisation, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    short, over = (offline.declared(acme, offline.usd(1000), account=dollars, now=now) for _ in range(2))
    credit(short, dollars, "985", fiona, now, reason="The bank took a fee.")
    credit(over, dollars, "1100", fiona, now, reason="The rest is theirs as well.")

    assert "USD $985.00 arrived of USD $1,000.00." in look(page, short)
    assert "the rest as an order of its own" in look(page, over)
    follower = Order.objects.get(follows=over.order)
    shown = text_of(page.get(reverse("billing:order", args=[follower.number])))
    assert "More money arrived for an order before this one." in shown
    assert page.get(reverse("payments:transfer", args=[follower.number])).status_code == 404


def test_a_part_that_arrived_is_told_and_the_order_goes_on_waiting(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    offline.declare(transfer, now=now)
    line = offline.bring_line(dollars, offline.usd(400), imported_by=fiona, now=now)
    keeping.keep_part(transfer_id=transfer.pk, claims=[Claim(amount=offline.usd(400), line=line)], by=fiona, now=now)

    shown = look(page, transfer)

    assert "Arrived so far: USD $400.00 / USD $1,000.00. It is kept safe." in shown
    assert "Transfer the rest with the same reference" in shown
    on_sheet = text_of(page.get(sheet(transfer)))
    assert "Still to transfer" in on_sheet
    assert "<span>USD $400.00 / USD $1,000.00</span></dd>" in on_sheet
    assert 'data-copy="600.00"' in on_sheet
    assert 'data-copy="1000.00"' not in on_sheet


def test_home_asks_for_the_rest_and_does_not_forbid_to_pay_it(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    offline.declare(transfer, now=now)
    line = offline.bring_line(dollars, offline.usd(400), imported_by=fiona, now=now)
    keeping.keep_part(transfer_id=transfer.pk, claims=[Claim(amount=offline.usd(400), line=line)], by=fiona, now=now)

    shown = text_of(page.get("/"))
    assert "A part of the money arrived" in shown
    assert "do not pay again" not in shown

    offline.begin(transfer.organisation, offline.usd(150), account=dollars, now=now)
    assert "do not pay again. Where only a part arrived, transfer the rest." in text_of(page.get("/"))


def test_home_shows_first_what_was_not_accepted(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    offline.declare(transfer, now=now)
    desk.reject(transfer_id=transfer.pk, by=fiona, reason="Nothing of it has arrived.", now=now)
    newer = offline.begin(transfer.organisation, offline.usd(150), account=dollars, now=now)

    on_their_way = text_of(page.get("/")).split("Money on its way")[1].split("Latest orders")[0]

    assert "Not accepted: please correct it" in on_their_way
    assert on_their_way.index(transfer.order.number) < on_their_way.index(newer.order.number)
    assert sheet(transfer) in on_their_way


def test_the_order_page_tells_a_fee_that_we_bear_apart(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    BankAccount.objects.filter(pk=dollars.pk).update(fee_tolerance=10)
    dollars.refresh_from_db()
    facts = offline.by_hand(
        dollars, offline.usd(985), on=business_date(now), fee=offline.usd(10), reason="The bank took a fee."
    )
    finding = offline.record(transfer, facts, by=fiona, now=now)
    offline.approve(finding, by=people.make_staff("felix", "finance"), now=now)

    shown = look(page, transfer)

    assert '<dt>Amount received</dt><dd class="total amount">USD $985.00</dd>' in shown
    assert '<dt>Bank fee borne by us</dt><dd class="amount">USD $10.00</dd>' in shown
    assert '<dt>Asked for</dt><dd class="amount">USD $1,000.00</dd>' in shown
    assert "USD $985.00 arrived of USD $1,000.00." in shown
    assert "USD $995.00" in shown


def test_an_ended_order_links_to_no_empty_sheet(
    page: Client, acme: Organisation, transfer: Transfer, dollars: BankAccount, now: datetime
) -> None:
    declared = offline.declared(acme, offline.usd(150), account=dollars, now=now)
    assert "Bank sheet and slips" in look(page, transfer)
    for ended in (transfer, declared):
        transfers.cancel(order_id=ended.order_id, by="Alice", now=now)

    assert sheet(transfer) not in look(page, transfer)
    shown = look(page, declared)
    assert f'href="{sheet(declared)}">See the transfer</a>' in shown
    assert "Bank sheet and slips" not in shown


def test_what_is_found_and_waits_for_a_second_person_is_told(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    offline.declare(transfer, now=now)
    offline.record(transfer, offline.by_hand(dollars, offline.usd(1000), on=business_date(now)), by=fiona, now=now)

    assert "Being checked by a second person" in look(page, transfer)


def test_found_at_the_bank_is_said_only_of_what_a_statement_brought(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    offline.declare(transfer, now=now)
    line = offline.bring_line(dollars, offline.usd(1000), imported_by=fiona, now=now)
    offline.record(transfer, offline.by_line(line), by=fiona, now=now)

    shown = look(page, transfer)
    assert "Found at the bank" in shown
    assert "Being checked by a second person" not in shown


def test_late_money_of_an_expired_order_is_credited_and_says_so(
    page: Client, transfer: Transfer, dollars: BankAccount, fiona: User, now: datetime
) -> None:
    transfers.expire_due(now=now + timedelta(days=40))
    assert fresh(transfer).order.state == State.EXPIRED
    assert "is credited all the same" in look(page, transfer)

    credit(transfer, dollars, "1000", fiona, now)

    assert "arrived after this order had ended" in look(page, transfer)


def test_a_cancelled_order_says_that_late_money_still_lands(page: Client, transfer: Transfer, now: datetime) -> None:
    address = reverse("payments:cancel", args=[transfer.order.number])
    asked = text_of(page.get(address))
    assert "Stripe" not in asked

    told = text_of(page.post(address, follow=True))

    assert "The order is cancelled. Money that still arrives for it is credited all the same." in told
    assert "Nothing was charged" not in told
    assert "is credited all the same" in look(page, transfer)
    assert "There is nothing to cancel any more." in text_of(page.post(address, follow=True))


def test_what_finance_works_on_cannot_be_cancelled(
    page: Client, transfer: Transfer, fiona: User, now: datetime
) -> None:
    offline.declare(transfer, now=now)
    desk.take(transfer_id=transfer.pk, by=fiona, now=now)
    address = reverse("payments:cancel", args=[transfer.order.number])

    assert page.get(address).status_code == 302
    assert "so it cannot be cancelled" in text_of(page.post(address, follow=True))
    assert fresh(transfer).order.state == State.IN_REVIEW


def test_home_leads_to_the_sheet(page: Client, transfer: Transfer) -> None:
    shown = text_of(page.get("/"))

    assert "Waiting for your transfer" in shown
    assert sheet(transfer) in shown
    assert reverse("payments:continue", args=[transfer.order.number]) not in shown


# --- several orders, one sheet ----------------------------------------------------------------------


@pytest.fixture
def both(acme: Organisation, yuan: BankAccount, now: datetime) -> list[Transfer]:
    return [offline.begin(acme, offline.cny(amount), account=yuan, now=now) for amount in (7200, "800.50")]


def together(chosen: list[Transfer], what: str = "transfers") -> str:
    return f"{reverse(f'payments:{what}')}?" + "&".join(f"order={transfer.order.number}" for transfer in chosen)


def test_one_sheet_pays_several_orders(page: Client, both: list[Transfer]) -> None:
    assert f'value="{both[1].order.number}"' in text_of(page.get(sheet(both[0])))

    shown = text_of(page.get(together(both)))

    assert "CNY ¥8,000.50" in shown
    assert "人民币捌仟元零伍角整" in shown
    assert all(transfer.reference in shown for transfer in both)
    assert f'data-copy="{both[0].reference} {both[1].reference}"' in shown
    words = words_of(page.get(together(both, "transfers_pdf")))
    assert "CNY ¥8,000.50" in words
    assert all(transfer.reference in words.replace(" ", "") for transfer in both)


def test_one_declaration_counts_for_all_orders_of_a_sheet(page: Client, both: list[Transfer], now: datetime) -> None:
    numbers = [transfer.order.number for transfer in both]
    wrong = page.post(reverse("payments:transfers"), declaration(now, payer_name="", order=numbers))
    assert wrong.status_code == 422

    page.post(reverse("payments:transfers"), declaration(now, order=numbers))

    assert {fresh(transfer).order.state for transfer in both} == {State.IN_REVIEW}


@pytest.mark.parametrize(("ended", "is_thanked"), [(1, True), (2, False)])
def test_nobody_is_thanked_for_orders_of_which_none_could_be_declared(
    page: Client, both: list[Transfer], now: datetime, monkeypatch: pytest.MonkeyPatch, *, ended: int, is_thanked: bool
) -> None:
    late, declare = {row.pk: row.order_id for row in both[:ended]}, transfers.declare

    def lose_the_race(*, transfer_id: UUID, **more: Any) -> Transfer:
        """In another window somebody cancels the order in the moment before it is declared."""
        if transfer_id in late:
            transfers.cancel(order_id=late[transfer_id], by="alice", now=now)
        return declare(transfer_id=transfer_id, **more)

    monkeypatch.setattr(transfers, "declare", lose_the_race)
    answer = page.post(reverse("payments:transfers"), declaration(now, order=[row.order.number for row in both]))

    told = text_of(page.get(answer["Location"]))
    assert [row for row in both if f"{row.order.number} cannot be changed any more." in told] == both[:ended]
    assert ("Thank you." in told) is is_thanked


def test_an_order_that_does_not_wait_any_more_is_not_on_the_sheet(
    page: Client, acme: Organisation, both: list[Transfer], yuan: BankAccount, now: datetime
) -> None:
    third = offline.declared(acme, offline.cny(600), account=yuan, now=now)

    shown = text_of(page.get(together([*both, third])))

    assert "CNY ¥8,000.50" in shown
    assert f"do not wait for a transfer any more: {third.order.number}" in shown
    assert page.get(together([third, both[0]]))["Location"] == sheet(both[0])


def test_orders_that_no_one_transfer_can_pay_have_no_sheet_together(
    page: Client, both: list[Transfer], transfer: Transfer, now: datetime
) -> None:
    bob = builders.make_person("bob")
    others = builders.make_organisation(now=now, owner=bob, name="Bright Retail")
    foreign = offline.begin(others, offline.cny(7200), account=both[0].account, now=now)
    for chosen in ([*both, transfer], [*both, foreign], [foreign]):
        assert page.get(together(chosen)).status_code == 404
        assert page.get(together(chosen, "transfers_pdf")).status_code == 404
    for odd in ("", "?order=", "?order=TU%00", "?order=TU1"):
        assert page.get(reverse("payments:transfers") + odd).status_code == 404


def test_a_viewer_reads_the_sheet_of_several_and_declares_none(
    client: Client, acme: Organisation, both: list[Transfer], now: datetime
) -> None:
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)
    numbers = [transfer.order.number for transfer in both]

    assert "<h2>I have paid" not in text_of(client.get(together(both)))
    assert client.post(reverse("payments:transfers"), declaration(now, order=numbers)).status_code == 403
    assert {fresh(transfer).order.state for transfer in both} == {State.PENDING}


@pytest.mark.parametrize(("what", "most"), [("sheet", 15), ("order", 12), ("several", 14)])
def test_no_page_about_a_transfer_needs_more_queries_than_it_has_parts(
    *, page: Client, both: list[Transfer], now: datetime, what: str, most: int, django_assert_max_num_queries: Any
) -> None:
    first = offline.declare(both[0], now=now) if what != "several" else both[0]
    address = {
        "sheet": sheet(first),
        "order": reverse("billing:order", args=[first.order.number]),
        "several": together(both),
    }[what]
    with django_assert_max_num_queries(most):
        assert page.get(address).status_code == 200
