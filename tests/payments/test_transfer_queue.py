"""Finance's queue, the dashboard, the slips, and the rules it works by."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.urls import reverse
from djmoney.money import Money

from billing.models import Order, State
from payments import references
from payments.models import ApprovalLimit, BankAccount, BankLine, DeskAct, RejectionReason, Slip, Suggestion, Transfer
from tests import builders, people
from tests.payments import offline
from tests.payments.desk_people import Desk, text_of
from tests.payments.offline import usd
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db
QUEUE = "payments_transfer_changelist"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: LazySettings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def now() -> datetime:
    """The real moment: the pages read the clock."""
    return datetime.now(UTC)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now - timedelta(days=30), name="Zebra Messaging")


@pytest.fixture
def dollars() -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def fiona() -> Desk:
    return Desk(people.make_staff("fiona", "finance"))


@pytest.fixture
def frank() -> Desk:
    return Desk(people.make_staff("frank", "finance lead"))


@pytest.fixture
def olivia() -> Desk:
    return Desk(people.make_staff("olivia", "ops"))


@pytest.fixture
def declare(acme: Organisation, dollars: BankAccount, now: datetime) -> Callable[..., Transfer]:
    def make(amount: Money | None = None, *, hours: float = 1, **told: str) -> Transfer:
        at = now - timedelta(hours=hours)
        begun = offline.begin(acme, amount or usd(1000), account=dollars, now=at)
        return offline.declare(begun, now=at, **told)

    return make


def stand(page: str, *transfers: Transfer) -> list[bool]:
    """Whether each of them stands in the list."""
    return [reverse("admin:payments_transfer_desk", args=[transfer.pk]) in page for transfer in transfers]


def test_the_queue_holds_what_waits_and_the_longest_waiting_is_first(
    fiona: Desk, acme: Organisation, dollars: BankAccount, declare: Callable[..., Transfer], now: datetime
) -> None:
    young, old = declare(hours=1), declare(hours=5)
    begun = offline.begin(acme, usd(500), account=dollars, now=now)

    page = fiona.read(QUEUE)

    assert stand(page, young, old, begun) == [True, True, False]
    assert page.index(references.spaced(old.reference)) < page.index(references.spaced(young.reference))
    assert "5 hours" in page
    assert stand(fiona.read(QUEUE, state="all"), young, old, begun) == [True, True, True]
    assert stand(fiona.read(QUEUE, state="PENDING"), young, old, begun) == [False, False, True]


def test_the_queue_is_sorted_by_value_on_request(fiona: Desk, declare: Callable[..., Transfer]) -> None:
    small, large = declare(usd(200), hours=5), declare(usd(900), hours=1)
    page = fiona.read(QUEUE, o="-2")
    assert page.index(references.spaced(large.reference)) < page.index(references.spaced(small.reference))


def test_a_transfer_is_found_by_anything_known_of_it(
    fiona: Desk, declare: Callable[..., Transfer], now: datetime
) -> None:
    bobs = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bob Ltd")
    other = offline.declared(bobs, usd(777), account=offline.make_account("USD"), now=now)
    row = declare(usd("4321.09"), payer="Zebra Holding Ltd", bank_number="FT99")
    misread = references.spaced(row.reference).lower().replace("0", "o").replace("1", "i")

    for known in (misread, row.order.number, "ft99", "zebra mess", "holding", "4321.09"):
        assert stand(fiona.read(QUEUE, q=known), row, other) == [True, False], known
    assert stand(fiona.read(QUEUE, q="\x00"), row, other) == [True, True]


def test_the_queue_is_narrowed_to_what_one_can_do_now(
    fiona: Desk, frank: Desk, declare: Callable[..., Transfer], dollars: BankAccount, now: datetime
) -> None:
    plain, exact, typed, taken, late = (declare(usd(100 + place)) for place in range(5))
    ivy = people.make_staff("ivy", "finance")
    line = offline.bring_line(dollars, usd(101), imported_by=ivy, now=now)
    line.pile = BankLine.Pile.EXACT
    line.save(update_fields=["pile"])
    Suggestion.objects.create(line=line, transfer=exact, reason=BankLine.Why.QUOTED)
    offline.record(typed, offline.by_hand(dollars, usd(102), on=now.date()), by=ivy, now=now)
    frank.post("payments_transfer_take", taken.pk)
    Transfer.objects.filter(pk=late.pk).update(expected_by=now - timedelta(minutes=1))
    every = (plain, exact, typed, taken, late)

    def narrowed(**by: str) -> list[bool]:
        return stand(fiona.read(QUEUE, **by), *every)

    assert narrowed(needs="exact") == [False, True, False, False, False]
    assert narrowed(needs="first") == [False, False, True, False, False]
    assert narrowed(needs="further") == [False] * 5
    assert narrowed(needs="facts") == [True, True, False, True, True]
    assert narrowed(taken="others") == [False, False, False, True, False]
    assert narrowed(taken="me") == [False] * 5
    assert narrowed(taken="free") == [True, True, True, False, True]
    assert narrowed(currency="USD", due="overdue") == [False, False, False, False, True]
    assert narrowed(currency="CNY") == [False] * 5
    assert narrowed(due="overdue") == [False, False, False, False, True]
    page = fiona.read(QUEUE)
    for word in ("Exact", "0 / 1", "Frank until", "overdue"):
        assert word in page
    User.objects.filter(pk=frank.user.pk).update(is_active=False)
    assert narrowed(taken="free") == [True] * 5


def test_a_long_queue_asks_few_questions(
    fiona: Desk, declare: Callable[..., Transfer], django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for _ in range(8):
        declare()
    with django_assert_max_num_queries(14):  # type: ignore[attr-defined]  # a context manager
        assert fiona.read(QUEUE).count("/desk/") == 8


def test_ops_read_the_queue_and_take_nothing(olivia: Desk, declare: Callable[..., Transfer]) -> None:
    row = declare()
    page = olivia.read(QUEUE)
    assert stand(page, row) == [True]
    assert "Take the next" not in page


def test_the_dashboard_counts_what_waits_and_leads_there(
    fiona: Desk, declare: Callable[..., Transfer], dollars: BankAccount, now: datetime
) -> None:
    declare(hours=3)
    typed = declare()
    offline.record(typed, offline.by_hand(dollars, usd(1000), on=now.date()), by=fiona.user, now=now)
    counts = {str(count.title): count for count in fiona.client.get("/admin/").context["counts"]}

    assert counts["Transfers waiting"].figure >= 2
    for count in counts.values():
        assert fiona.client.get(count.address).status_code == 200, count
    assert "needs=further" in text_of(fiona.client.get("/admin/"))


def test_a_transfer_waits_for_a_further_approval_only_once_somebody_has_said_yes(
    fiona: Desk, declare: Callable[..., Transfer], dollars: BankAccount, now: datetime
) -> None:
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=0)
    line = offline.bring_line(dollars, usd(1000), imported_by=people.make_staff("ivy", "finance"), now=now)
    row = declare()
    before = count_approvals(fiona)

    finding = offline.record(row, offline.by_line(line), by=fiona.user, now=now)

    assert count_approvals(fiona) == (before[0] + 1, before[1])
    assert narrowed_to(fiona, row) == {"first"}
    assert "0 / 2" in fiona.read(QUEUE, q=row.reference)

    offline.approve(finding, by=fiona.user, now=now)

    assert count_approvals(fiona) == (before[0], before[1] + 1)
    assert narrowed_to(fiona, row) == {"further"}
    assert "1 / 2" in fiona.read(QUEUE, q=row.reference)


def count_approvals(desk: Desk) -> tuple[int, int]:
    """How many transfers wait for a first and for a further approval, as the dashboard counts them."""
    counts = {str(count.title): count.figure for count in desk.client.get("/admin/").context["counts"]}
    return counts["Waiting for a first approval"], counts["Waiting for a further approval"]


def narrowed_to(desk: Desk, row: Transfer) -> set[str]:
    """By which of the filters about approvals the queue still shows the transfer."""
    return {needs for needs in ("first", "further", "facts") if stand(desk.read(QUEUE, needs=needs), row) == [True]}


def test_each_count_of_bank_lines_leads_to_the_lines_that_were_counted(
    fiona: Desk, dollars: BankAccount, now: datetime
) -> None:
    ivy = people.make_staff("ivy", "finance")
    piles = (*BankLine.Pile, BankLine.Pile.NEAR)
    for place, pile in enumerate(piles):
        line = offline.bring_line(dollars, usd(100 + place), imported_by=ivy, now=now)
        BankLine.objects.filter(pk=line.pk).update(pile=pile)
    counts = {str(count.title): count for count in fiona.client.get("/admin/").context["counts"]}

    for title in ("Exact bank lines ready", "Bank lines to decide"):
        listed = fiona.client.get(counts[title].address).context["cl"].result_count
        assert listed == counts[title].figure > 0, title


def test_the_dashboard_shows_nobody_what_he_may_not_see() -> None:
    plain = Desk(people.make_user("una", is_staff=True))
    assert plain.client.get("/admin/").context["counts"] == []


@pytest.fixture
def slip(settings: LazySettings, tmp_path: Path, declare: Callable[..., Transfer], now: datetime) -> Slip:
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "slips": kept}
    transfer = declare()
    stem = secrets.token_hex(8)
    names = [storages["slips"].save(f"{stem}-{page}.jpg", ContentFile(f"page {page}".encode())) for page in (1, 2)]
    return Slip.objects.create(
        organisation=transfer.organisation,
        transfer=transfer,
        kind=Slip.Kind.PDF,
        pages=2,
        size=4,
        sha256=secrets.token_hex(32),
        original_name="回单.pdf",
        stored_name=storages["slips"].save(f"{stem}.pdf", ContentFile(b"%PDF")),
        preview_names=names,
        uploaded_by=builders.owner_of(transfer.organisation),
        uploaded_at=now,
    )


def test_a_slip_is_shown_beside_the_facts_and_each_look_is_written_down(fiona: Desk, slip: Slip) -> None:
    page = fiona.look(slip.transfer)
    for number in (1, 2):
        address = reverse("admin:payments_slip_preview", args=[slip.pk, number])
        assert address in page
        answer = fiona.client.get(address)
        assert answer.getvalue() == f"page {number}".encode()
        assert answer["Content-Security-Policy"].startswith("sandbox")
    looks = DeskAct.objects.filter(transfer=slip.transfer, kind=DeskAct.Kind.LOOKED_AT_SLIP)
    assert looks.count() == 1
    saved = fiona.client.get(reverse("admin:payments_slip_download", args=[slip.pk]))
    assert saved.getvalue() == b"%PDF"
    assert saved["Content-Disposition"].startswith("attachment")
    assert looks.count() == 2


def test_a_slip_is_shown_to_nobody_without_the_right_and_not_after_it_was_removed(
    fiona: Desk, slip: Slip, now: datetime
) -> None:
    addresses = [
        reverse("admin:payments_slip_preview", args=[slip.pk, 1]),
        reverse("admin:payments_slip_download", args=[slip.pk]),
    ]
    stranger = Desk(people.make_user("una", is_staff=True))
    for address in addresses:
        assert stranger.client.get(address).status_code == 403
    assert fiona.client.get(reverse("admin:payments_slip_preview", args=[slip.pk, 3])).status_code == 404
    Slip.objects.filter(pk=slip.pk).update(removed_at=now)
    for address in addresses:
        assert fiona.client.get(address).status_code == 404
    assert addresses[0] not in fiona.look(slip.transfer)


def test_the_story_of_an_order_tells_what_finance_did(
    olivia: Desk, fiona: Desk, declare: Callable[..., Transfer], dollars: BankAccount, now: datetime
) -> None:
    row = declare(bank_number="FT12")
    line = offline.bring_line(dollars, usd(1000), imported_by=people.make_staff("ivy", "finance"), now=now)
    offline.approve(offline.record(row, offline.by_line(line), by=fiona.user, now=now), by=fiona.user, now=now)

    page = olivia.read("billing_order_change", row.order_id)

    for word in (references.spaced(row.reference), "FT12", "The bank's statement", line.bank_reference, "Approved"):
        assert word in page
    assert "What Stripe told us" not in page
    assert Order.objects.get(pk=row.order_id).state == State.PAID


ACCOUNT = {
    "code": "boc-test", "currency": "USD", "is_open": "on", "position": "0", "legal_entity": "InnoPaaS Ltd",
    "payee_en": "InnoPaaS Ltd", "payee_zh": "", "bank_en": "Bank of China", "bank_zh": "", "bank_address": "",
    "number": "123", "cnaps": "", "swift": "BKCHCNBJ300", "profile": "BOC", "fee_tolerance": "25",
}  # fmt: skip


def test_the_finance_lead_opens_an_account_and_its_code_and_currency_stay(frank: Desk) -> None:
    frank.post("payments_bankaccount_add", **ACCOUNT)
    account = BankAccount.objects.get(code="boc-test")
    assert account.tolerance == usd(25)

    frank.post(
        "payments_bankaccount_change", account.pk, **(ACCOUNT | {"code": "other", "currency": "CNY", "number": "9"})
    )

    account.refresh_from_db()
    assert (account.code, account.currency, account.number) == ("boc-test", "USD", "9")
    assert frank.client.get(reverse("admin:payments_bankaccount_delete", args=[account.pk])).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"payee_en": ""}, "Name the payee"),
        ({"bank_en": ""}, "Name the bank"),
        ({"swift": ""}, "Customers need a CNAPS code"),
        ({"swift": "nonsense"}, "A SWIFT code has 8 or 11"),
        ({"cnaps": "12"}, "A CNAPS code has 12 digits."),
        ({"code": "BOC 1"}, "Lower-case letters and digits"),
        ({"fee_tolerance": "1e3"}, "in digits only"),
    ],
)
def test_an_account_nobody_could_transfer_to_is_refused_in_words(
    frank: Desk, wrong: dict[str, str], sentence: str
) -> None:
    assert sentence in text_of(frank.post("payments_bankaccount_add", **(ACCOUNT | wrong)))
    assert not BankAccount.objects.filter(code="boc-test").exists()


def test_the_finance_lead_sets_limits_exactly_and_finance_only_reads_them(frank: Desk, fiona: Desk) -> None:
    limit = ApprovalLimit.objects.get(currency="USD")

    for typed, stored in (("1234.50", Decimal("1234.50")), ("1,000", Decimal("1234.50")), ("0", Decimal(0))):
        frank.post("payments_approvallimit_change", limit.pk, single_up_to=typed)
        limit.refresh_from_db()
        assert limit.single_up_to == stored
    assert fiona.post("payments_approvallimit_change", limit.pk, single_up_to="9").status_code == 403


def test_a_reason_is_given_in_both_languages_and_no_longer_offered_but_never_deleted(fiona: Desk) -> None:
    form = {"title": "Test", "text_en": "English.", "text_zh": "", "position": "9", "is_offered": "on"}
    assert fiona.post("payments_rejectionreason_add", **form).status_code == 200
    fiona.post("payments_rejectionreason_add", **(form | {"text_zh": "中文。"}))
    reason = RejectionReason.objects.get(title="Test")
    assert fiona.client.get(reverse("admin:payments_rejectionreason_delete", args=[reason.pk])).status_code == 403
