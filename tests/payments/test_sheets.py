"""The bank sheet: CNAPS within China, SWIFT elsewhere, each language where it is given, one page."""

from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from pypdf import PdfReader

from payments import sheet_drawings, sheets
from payments.models import BankLine, Transfer
from payments.sheets import Sheet
from tests import builders, people
from tests.payments import offline
from wallet import details

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def begin(now: datetime, currency: str = "CNY", **account: object) -> Transfer:
    offline.set_rate("7.2", at=now)
    money = offline.cny(7200) if currency == "CNY" else offline.usd(1000)
    acme = builders.make_organisation(now=now)
    return offline.begin(acme, money, account=offline.make_account(currency, **account), now=now)


def labels(sheet: Sheet) -> list[str]:
    return [row.en for section in sheet.sections for row in section.rows]


@pytest.mark.parametrize(
    ("currency", "account", "wanted", "unwanted"),
    [
        ("CNY", {"swift": ""}, {"CNAPS code, within China"}, {"SWIFT code", "SWIFT code, from elsewhere"}),
        ("CNY", {}, {"CNAPS code, within China", "SWIFT code, from elsewhere"}, {"SWIFT code"}),
        ("CNY", {"cnaps": ""}, {"SWIFT code"}, {"CNAPS code, within China"}),
        ("USD", {}, {"SWIFT code"}, {"CNAPS code, within China", "Amount in words", "Quoted rate"}),
        ("USD", {"cnaps": "104290003033"}, {"SWIFT code"}, {"CNAPS code, within China"}),
    ],
)
def test_the_code_is_the_one_the_payers_bank_asks_for(
    *, currency: str, account: dict[str, str], wanted: set[str], unwanted: set[str], now: datetime
) -> None:
    said = set(labels(sheets.compose([begin(now, currency, **account)])))

    assert wanted <= said
    assert not unwanted & said


def test_a_language_that_is_not_given_leaves_no_gap(now: datetime) -> None:
    [payee] = [
        row
        for section in sheets.compose([begin(now, payee_zh="", bank_en="")]).sections
        for row in section.rows
        if row.en == "Payee"
    ]
    assert [value.lang for value in payee.values] == ["en"]


def test_the_pdf_is_one_page_and_always_the_same(now: datetime) -> None:
    transfer = begin(now, bank_address="200 Mid Yincheng Road, Pudong, Shanghai")
    facts = details.Facts(
        legal_name_zh="深圳市创新云科技有限公司" * 4, legal_name_en="Acme <b>& Söhne", address="A\nB\nC"
    )
    details.record(
        facts,
        organisation_id=transfer.organisation_id,
        seen_version=0,
        by=builders.owner_of(transfer.organisation),
        now=now,
    )
    sheet = sheets.compose([transfer])

    drawn = sheet_drawings.draw(sheet)

    assert drawn == sheet_drawings.draw(sheet)
    [page] = PdfReader(BytesIO(drawn)).pages
    words = page.extract_text().replace("\n", "")
    assert "Acme <b>& Söhne" in words
    assert "创新云科技" in words


def test_a_sheet_asks_only_for_what_has_not_arrived(now: datetime) -> None:
    first = begin(now)
    line = offline.bring_line(
        first.account, offline.cny("2200.50"), imported_by=people.make_staff("felix", "finance"), now=now
    )
    BankLine.objects.filter(pk=line.pk).update(kept_for=first)
    second = offline.begin(first.organisation, offline.cny(800), account=first.account, now=now)

    sheet = sheets.compose([first])
    both = sheets.compose([first, second])

    rows = {row.en: row.values[0].text for section in sheet.sections for row in section.rows}
    assert rows["Still to transfer"] == "CNY ¥4,999.50"
    assert rows["Arrived so far"] == "CNY ¥2,200.50 / CNY ¥7,200.00"
    assert rows["Amount in words"] == "人民币肆仟玖佰玖拾玖元伍角整"
    assert "Amount" not in rows
    drawn = PdfReader(BytesIO(sheet_drawings.draw(sheet))).pages[0].extract_text()
    assert "CNY ¥4,999.50" in drawn
    assert both.total == offline.cny("5799.50")
    assert both.asked == ((first, offline.cny("4999.50")), (second, offline.cny(800)))


def test_a_sheet_of_several_sums_them_up(now: datetime) -> None:
    first = begin(now)
    second = offline.begin(first.organisation, offline.cny("0.50") * 1600, account=first.account, now=now)

    sheet = sheets.compose([first, second])

    assert sheet.total == offline.cny(8000)
    assert labels(sheet).count("Quoted rate") == 2
    assert len(PdfReader(BytesIO(sheet_drawings.draw(sheet))).pages) <= 2


def test_the_pdf_brings_its_letters_along(now: datetime) -> None:
    """A customer's reader may have no Chinese font of its own."""
    pages: list[Any] = list(PdfReader(BytesIO(sheet_drawings.draw(sheets.compose([begin(now)])))).pages)

    fonts = [font.get_object() for page in pages for font in page["/Resources"]["/Font"].values()]
    descriptors = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
    assert fonts
    assert all({"/FontFile2", "/FontFile3"} & set(descriptor) for descriptor in descriptors)
    assert "人民币柒仟贰佰元整" in "".join(page.extract_text() for page in pages)


def test_what_stands_on_the_pdf_is_data_and_never_markup(now: datetime) -> None:
    name = '#eval("1") $x$ *b* <b>&amp; "q"'
    transfer = begin(now, bank_address=name)

    words = PdfReader(BytesIO(sheet_drawings.draw(sheets.compose([transfer])))).pages[0].extract_text()

    assert name in words.replace("\n", " ")
