"""Any posting by what is known of it, with everything that explains it: on a page that prints, and as a command."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from billing import documents
from billing.models import Document
from innopaas import posting_search, posting_stories
from innopaas.posting_stories import Fact, Story
from payments.models import InboxEvent
from tests import builders, people
from tests.innopaas.acme import Acme
from tests.payments.closing import listed
from wallet import ledger
from wallet.calendar import business_date
from wallet.models import HOUSE_ID, Organisation, Posting

PAGE = "/admin/postings/show/"
pytestmark = pytest.mark.django_db(databases=["default"])


@pytest.fixture
def now() -> datetime:
    """The real moment: Stripe's sessions end by the real clock."""
    return datetime.now(UTC)


@pytest.fixture
def enter(client: Client, settings: LazySettings) -> Callable[[str], Client]:
    settings.STAFF_MFA_REQUIRED = False

    def log_in(group: str) -> Client:
        client.force_login(people.make_staff(group.split(maxsplit=1)[0], group))
        return client

    return log_in


@pytest.fixture
def company(now: datetime) -> Organisation:
    return builders.make_organisation(now=now, name="Quiet Quails")


@pytest.fixture
def posting(company: Organisation, now: datetime) -> Posting:
    order = builders.fill_wallet(company, builders.usd("1234.5"), now=now)
    return Posting.objects.get(order_number=order.number)


def keys(text: str) -> set[str]:
    return {found.key for found in posting_search.find(text).postings}


def facts_of(story: Story) -> dict[str, Fact]:
    every = [*story.facts, *(fact for _title, facts in story.sections for fact in facts)]
    return {fact.label: fact for fact in every}


def printed(*text: str) -> str:
    out = StringIO()
    call_command("show_posting", *text, stdout=out)
    return out.getvalue()


def test_posting_is_found_by_whatever_is_known_of_it(posting: Posting) -> None:
    number = posting.order_number
    day = f"{posting.business_date}"
    for known in (posting.key, str(posting.pk), number, number.lower(), "1234.50", "USD 1,234.5", "$1234.50", day):
        assert posting.key in keys(known), known
    assert keys(f"{day} 1234.50 USD") == {posting.key}
    for other in (
        "1234.51",
        "1234.50 CNY",
        "RMB 1234.50",
        "1234.50 XYZ",
        f"{day} 1234.51",
        "2019-01-01",
        "2019-01-01 1234.50",
        "nonsense",
        "",
        "\x00",
    ):
        assert posting.key not in keys(other), other


def test_posting_is_found_by_the_session_and_the_payment_at_stripe(acme: Acme) -> None:
    posting = Posting.objects.get(order_number=acme.order.number, kind="TOP_UP")
    for known in (builders.session_of(acme.payment), acme.payment.payment_intent_id):
        assert posting.key in keys(known), known


def test_posting_is_found_by_its_charge_balance_transaction_event_and_receipt(acme: Acme) -> None:
    posting = Posting.objects.get(order_number=acme.order.number, kind="TOP_UP")
    listed_ = listed(acme.payment)
    event = InboxEvent.objects.create(
        event_id="evt_of_the_charge",
        type="charge.succeeded",
        object_id=listed_.source_id,
        payment_intent_id=acme.payment.payment_intent_id,
        raw=b"{}",
        received_at=listed_.loaded_at,
        due_at=listed_.loaded_at,
    )
    receipt = Document.objects.filter(order=acme.order, kind="RECEIPT").first() or documents.issue_receipt(
        order_id=acme.order.pk, now=datetime.now(UTC)
    )
    for known in (listed_.source_id, listed_.stripe_id, event.event_id, receipt.number, receipt.number.lower()):
        assert posting.key in keys(known), known
    for unknown in ("ch_nothing", "txn_nothing", "evt_nothing"):
        assert keys(unknown) == set(), unknown
    with pytest.raises(CommandError, match="Stripe's id of the session, payment, charge"):
        printed("ch_nothing")


def test_key_of_the_house_and_of_a_customer_are_both_found(company: Organisation, now: datetime) -> None:
    lines = (ledger.debit("stripe_clearing", builders.usd(5)), ledger.credit("suspense", builders.usd(5)))
    draft = ledger.Draft(key="session:cs_twice:suspense", kind="SUSPENSE", lines=lines)
    for organisation_id in (company.pk, HOUSE_ID):
        ledger.post(organisation_id=organisation_id, drafts=[draft], now=now)

    found = posting_search.find(draft.key).postings

    assert {one.organisation_id for one in found} == {company.pk, HOUSE_ID}
    (house,) = (posting_stories.tell(one) for one in found if one.organisation_id == HOUSE_ID)
    assert facts_of(house)["Organisation"].text.endswith("(the house itself)")


def test_more_hits_than_are_shown_are_said_to_be_more(company: Organisation, now: datetime) -> None:
    lines = (ledger.debit("stripe_clearing", builders.usd(5)), ledger.credit("suspense", builders.usd(5)))
    drafts = [
        ledger.Draft(key=f"many:{place}", kind="SUSPENSE", lines=lines) for place in range(posting_search.MOST + 1)
    ]
    ledger.post(organisation_id=company.pk, drafts=drafts, now=now)

    hits = posting_search.find(f"{business_date(now)} 5.00")

    assert (len(hits.postings), hits.is_cut) == (posting_search.MOST, True)


def test_legs_show_the_balances_before_and_after(company: Organisation, posting: Posting, now: datetime) -> None:
    order = builders.fill_wallet(company, builders.usd("5.5"), now=now)
    story = posting_stories.tell(Posting.objects.get(order_number=order.number))

    (wallet,) = (leg for leg in story.legs if leg.account.code == "wallet")

    assert (wallet.debit, wallet.credit) == ("", "USD 5.50")
    assert (wallet.before, wallet.after) == ("USD 1,234.50", "USD 1,240.00")


def test_used_amounts_keep_all_their_decimals() -> None:
    assert posting_stories.say_exactly(builders.usd("0.052500")) == "USD 0.0525"
    assert posting_stories.say_exactly(builders.usd("-1000")) == "USD −1,000.00"


def test_open_day_is_called_open_and_a_sealed_one_shows_its_hash(company: Organisation, now: datetime) -> None:
    order = builders.fill_wallet(company, builders.usd(5), now=now - timedelta(days=2))
    posting = Posting.objects.get(order_number=order.number)
    day = posting.business_date
    assert facts_of(posting_stories.tell(posting))["Business date"].text == f"{day}, an open day"

    sealed = ledger.seal_day(day=day, by="Frank", now=now)

    facts = facts_of(posting_stories.tell(posting))
    assert f"sealed with {day} by Frank" in facts["Business date"].text
    assert facts["Hash of the sealed day"].text == bytes(sealed).hex()


def test_reversal_names_what_it_reverses_and_the_other_way_round(posting: Posting, now: datetime) -> None:
    ledger.reverse(
        posting_id=posting.pk,
        organisation_id=posting.organisation_id,
        key="undo:1",
        memo="by mistake",
        by="Frank",
        now=now,
    )
    undone = Posting.objects.get(key="undo:1", organisation=posting.organisation_id)

    assert facts_of(posting_stories.tell(undone))["Reverses"].text == posting.key
    assert facts_of(posting_stories.tell(posting))["Reversed by"].address == posting_stories.address_of(undone)


def test_transfer_shows_bank_line_statement_slip_and_who_gave_and_approved(acme: Acme, enter: Any) -> None:
    order = acme.offline.paid.order
    posting = Posting.objects.filter(order_number=order.number, kind="TOP_UP").get()

    story = posting_stories.tell(posting)

    facts = facts_of(story)
    assert facts["Bank line"].address.startswith("/admin/payments/bankline/")
    assert acme.offline.account.code in facts["Statement"].text
    assert facts["Received facts given by"].text.startswith("Frank")
    assert facts["Approved by"].text.startswith("Frank")


def test_page_tells_the_story_of_one_posting(posting: Posting, enter: Callable[[str], Client]) -> None:
    shown = enter("finance").get(PAGE, {"q": posting.key}).content.decode()

    for part in (posting.key, "USD 1,234.50", "stripe_clearing", "Quiet Quails", bytes(posting.content_hash).hex()):
        assert part in shown, part
    assert reverse("admin:billing_order_change", args=[posting.organisation.orders.get().pk]) in shown


def test_slip_is_named_to_ops_and_opened_by_finance_only(acme: Acme, enter: Callable[[str], Client]) -> None:
    order = acme.offline.paid.order
    acme.offline.slip.transfer = acme.offline.paid
    acme.offline.slip.save(update_fields=["transfer"])
    posting = Posting.objects.get(order_number=order.number, kind="TOP_UP")
    address = reverse("admin:payments_slip_download", args=[acme.offline.slip.pk])

    by_finance = enter("finance").get(PAGE, {"q": str(posting.pk)}).content.decode()
    by_ops = enter("ops").get(PAGE, {"q": str(posting.pk)}).content.decode()

    assert address in by_finance
    assert address not in by_ops
    assert "quetzal-slip.png" in by_ops


def test_page_lists_several_and_says_what_to_ask_when_nothing_is_found(
    posting: Posting, enter: Callable[[str], Client]
) -> None:
    client = enter("ops")
    builders.fill_wallet(posting.organisation, builders.usd("1234.5"), now=posting.posted_at)

    several = client.get(PAGE, {"q": "1234.50 USD"}).content.decode()
    nothing = client.get(PAGE, {"q": "<script>alert(1)"}).content.decode()

    assert several.count("/admin/postings/show/?q=") >= 2
    assert "No posting is found by" in nothing
    assert "<script>alert(1)" not in nothing
    assert "Anything known of a posting finds it" in client.get(PAGE).content.decode()


def test_search_that_takes_too_long_asks_for_a_day(
    posting: Posting, enter: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_text: str) -> Any:
        return Posting.objects.extra(where=["pg_sleep(1) IS NOT NULL"])  # a fixed text

    monkeypatch.setattr(posting_search, "_meant_by", wait)
    monkeypatch.setattr(posting_search, "_PATIENCE", "20ms")

    assert "Write the day before it" in enter("ops").get(PAGE, {"q": "7"}).content.decode()
    with pytest.raises(CommandError, match="write the day before it"):
        printed("7")


def test_page_costs_the_same_for_every_posting(
    acme: Acme, enter: Callable[[str], Client], django_assert_max_num_queries: Any
) -> None:
    client = enter("finance")
    posting = Posting.objects.get(order_number=acme.offline.paid.order.number, kind="TOP_UP")
    with django_assert_max_num_queries(40):
        client.get(PAGE, {"q": str(posting.pk)})


def test_customers_see_no_postings_here(posting: Posting, client: Client) -> None:
    client.force_login(builders.owner_of(posting.organisation))
    assert client.get(PAGE, {"q": posting.key}).status_code in {302, 403}


def test_command_prints_the_story_the_list_and_that_there_is_none(posting: Posting) -> None:
    told = printed(posting.key)

    assert f"Key: {posting.key}\n" in told
    assert "  wallet credit USD 1,234.50, before USD 0.00, after USD 1,234.50\n" in told
    assert f"Order: {posting.order_number}" in told
    builders.fill_wallet(posting.organisation, builders.usd("1234.5"), now=posting.posted_at)
    assert printed(f"{posting.business_date}", "1234.50").count(" TOP_UP ") == 2
    with pytest.raises(CommandError, match="No posting") as ended:
        printed("nonsense")
    assert ended.value.returncode == 1
