"""Slips: at most ten, the same one once, never of somebody else's moment, and no file without its row for long."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from payments import desk, slip_files, slips, transfers
from payments.models import Slip, Transfer
from payments.slip_files import CleanSlip, SlipRefused
from tests import builders, people
from tests.payments import offline
from tests.payments import slip_samples as samples

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture(autouse=True)
def folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.STORAGES = samples.storages_below(tmp_path / "slips")
    settings.CLAMD_ADDRESS = ""
    return tmp_path / "slips"


@pytest.fixture
def transfer(now: datetime) -> Transfer:
    acme = builders.make_organisation(now=now)
    return offline.begin(acme, offline.usd(1000), account=offline.make_account("USD"), now=now)


def attach(transfer: Transfer, now: datetime, content: bytes | None = None, name: str = "slip.png") -> Slip:
    return slips.attach(
        content or samples.picture("PNG"),
        name=name,
        transfer_id=transfer.pk,
        by=builders.owner_of(transfer.organisation),
        now=now,
    )


def files_in(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def make_slips(transfer: Transfer, number: int, now: datetime) -> None:
    for place in range(number):
        clean = CleanSlip(
            kind=Slip.Kind.PNG, content=b"x", previews=(), pages=1, sha256=f"{place:064}", scan=Slip.Scan.UNSCANNED
        )
        stored = slip_files.store(clean, now=now)
        Slip.objects.create(
            organisation=transfer.organisation,
            transfer=transfer,
            kind=clean.kind,
            size=1,
            sha256=clean.sha256,
            stored_name=stored.name,
            uploaded_by=builders.owner_of(transfer.organisation),
            uploaded_at=now,
        )


def test_the_same_file_twice_is_one_slip(transfer: Transfer, now: datetime, folder: Path) -> None:
    first = attach(transfer, now)
    kept = files_in(folder)

    assert attach(transfer, now, name="again.png") == first
    assert files_in(folder) == kept


def test_an_eleventh_slip_is_refused_and_nothing_of_it_kept(transfer: Transfer, now: datetime, folder: Path) -> None:
    make_slips(transfer, slips.MOST, now)
    kept = files_in(folder)

    with pytest.raises(slips.TooManySlips):
        attach(transfer, now)

    assert files_in(folder) == kept
    slips.remove(slip_id=transfer.slips.order_by("id")[0].pk, now=now)
    assert attach(transfer, now).pages == 1


def test_a_refused_file_leaves_nothing(transfer: Transfer, now: datetime, folder: Path) -> None:
    with pytest.raises(SlipRefused):
        attach(transfer, now, content=b"Paid, believe me.")
    assert not folder.exists() or files_in(folder) == 0
    assert not transfer.slips.exists()


def test_what_finance_works_on_gets_and_loses_no_slip(transfer: Transfer, now: datetime, folder: Path) -> None:
    kept = attach(transfer, now)
    before = files_in(folder)
    desk.take(transfer_id=transfer.pk, by=people.make_staff("fiona", "finance"), now=now)

    with pytest.raises(transfers.AlreadyTaken):
        attach(transfer, now, content=samples.picture("JPEG"))
    with pytest.raises(transfers.AlreadyTaken):
        slips.remove(slip_id=kept.pk, now=now)

    kept.refresh_from_db()
    assert kept.removed_at is None
    assert files_in(folder) == before
    later = now + desk.TAKEN_FOR + timedelta(seconds=1)
    assert slips.may_change(Transfer.objects.get(pk=transfer.pk), now=later)


def test_an_order_that_has_ended_gets_no_slip(transfer: Transfer, now: datetime, folder: Path) -> None:
    transfers.cancel(order_id=transfer.order_id, by="Alice", now=now)

    with pytest.raises(transfers.CannotBeDeclared):
        attach(transfer, now)
    assert files_in(folder) == 0


def test_the_name_of_a_file_is_one_harmless_line(transfer: Transfer, now: datetime) -> None:
    slip = attach(transfer, now, name="a\u202egnp\n" + "x" * 200 + ".png")

    assert len(slip.original_name) == 120
    assert slip.original_name.isprintable()
    assert slip.original_name.endswith(".png")


def test_a_file_without_a_row_is_swept_away_and_no_other(transfer: Transfer, now: datetime, folder: Path) -> None:
    kept = attach(transfer, now)
    before = files_in(folder)
    lost = slip_files.store(slip_files.clean(samples.picture("JPEG")), now=now)

    assert slips.forget_orphans(now=now) == 0  # it may be about to get its row
    forgotten = slips.forget_orphans(now=now + timedelta(hours=2))

    assert forgotten == 1 + len(lost.preview_names)
    assert files_in(folder) == before
    slip_files.open_stored(kept.stored_name).close()
