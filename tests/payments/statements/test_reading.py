"""P14, P15: whatever bytes come, they are read whole and right, or refused with a sentence."""

from pathlib import Path

import pytest
from django.utils import translation
from djmoney.money import Money
from hypothesis import example, given, settings
from hypothesis import strategies as st

from payments.statements import reading
from payments.statements.columns import ColumnMapping
from payments.statements.lines import Direction, StatementUnreadable
from tests.payments.statements.files import CREDIT, boc, camt, entry, generic, mt940, read_file
from tests.wallet.test_money import REFUSED, TAKEN

DOCTYPE = '<?xml version="1.0"?>\n<!DOCTYPE Document [{}]>\n'
SAMPLES = [
    mt940(CREDIT, ":86:166?00X?20IN7XK2M9QFR4?32ACME").encode(),
    camt(entry()).encode(),
    boc('20260715,,CNY,"7,200.00","17,200.00",S1,深圳,62,我司,45,IN7XK2M9QFR4').encode("gb18030"),
    generic("2026-07-15,100,USD,A,x").encode(),
]


@pytest.mark.parametrize(("text", "amount"), TAKEN.items())
def test_an_exact_amount_in_a_file_is_taken(text: str, amount: str) -> None:
    (statement,) = read_file(generic(f'2026-07-15,"{text}",USD,A,x'))
    assert statement.lines[0].amount == Money(amount, "USD")


WITH_SIGN_AND_COMMAS = {"-1": "1.00", "+1": "1.00", "1,000": "1000.00", "1,000.00": "1000.00"}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_amount_in_a_file_is_refused_but_for_the_banks_sign_and_commas(text: str) -> None:
    file = generic(f'2026-07-15,"{text}",USD,A,x')
    if text in WITH_SIGN_AND_COMMAS:
        line = read_file(file)[0].lines[0]
        assert line.amount == Money(WITH_SIGN_AND_COMMAS[text], "USD")
        assert line.direction is (Direction.OUT if text.startswith("-") else Direction.IN)
    else:
        with pytest.raises(StatementUnreadable):
            read_file(file)


@pytest.mark.parametrize("text", ["--1", "+-1", "- 1", "-\t1", "1,00", "1,0000", ",100", "0,100", "1,000,00", "-1,00"])
def test_a_sign_or_comma_out_of_place_is_refused(text: str) -> None:
    with pytest.raises(StatementUnreadable):
        read_file(generic(f'2026-07-15,"{text}",USD,A,x'))


def test_a_file_over_the_limit_is_refused_before_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading.MAX_BYTES == 50 * 1024 * 1024
    monkeypatch.setattr(reading, "MAX_BYTES", 1000)
    file = generic(*["2026-07-15,100,USD,A,x"] * 20).encode()
    padded = file + b"\n" * (1000 - len(file))
    assert len(read_file(padded)[0].lines) == 20
    with pytest.raises(StatementUnreadable, match="larger than 50 MB"):
        read_file(padded + b"\n")


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a SYSTEM "file:///etc/hostname">',
        '<!ENTITY a SYSTEM "http://127.0.0.1:1/">',
        '<!ENTITY % a SYSTEM "file:///etc/hostname"> %a;',
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "' + "&a;" * 10 + '"><!ENTITY c "' + "&b;" * 10 + '">',
        "",
    ],
    ids=["a file", "an address", "a parameter", "a bomb", "only a document type"],
)
def test_xml_that_declares_anything_is_refused(declared: str) -> None:
    text = camt(entry()).replace('<?xml version="1.0" encoding="UTF-8"?>\n', DOCTYPE.format(declared))
    with pytest.raises(StatementUnreadable, match="declares entities or a document type"):
        read_file(text)


@pytest.mark.parametrize(
    "text",
    [
        mt940(opening="C260714XQQ0,00", closing="C260715XQQ0,00"),
        camt(opening="0.00", closing="0.00").replace("USD", "XQQ"),
    ],
    ids=["MT940", "CAMT.053"],
)
def test_nothing_in_an_unknown_currency_is_refused(text: str) -> None:
    with pytest.raises(StatementUnreadable, match="XQQ is not a currency we know"):
        read_file(text)


@pytest.mark.parametrize("long", [",", "x", ":86:"])
def test_a_line_without_end_is_refused_at_once(long: str) -> None:
    for before in ("", generic("2026-07-15,100,USD,A,x"), ":20:1\n:25:1\n"):
        with pytest.raises(StatementUnreadable, match="longer than any"):
            read_file(before + long * 100_001)


def test_a_field_of_very_many_lines_is_read_whole() -> None:
    assert len(read_file(mt940(CREDIT, ":86:" + "x\n" * 200_000))[0].lines[0].text) == 399_999


def test_text_that_names_a_file_opens_none(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(mt940(CREDIT))
    for text in (str(secret), f":20:{secret}\n:25:{secret}\n", secret.as_uri()):
        with pytest.raises(StatementUnreadable):
            read_file(text)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is empty"),
        (b" \r\n\t", "is empty"),
        (b"PK\x03\x04" + bytes(50), "spreadsheet or PDF"),
        (b"\xd0\xcf\x11\xe0" + bytes(50), "spreadsheet or PDF"),
        (b"%PDF-1.7", "spreadsheet or PDF"),
        (b"a\nb\n\xff\xff\xff", "Line 3: This is not text"),
        (b'<?xml version="1.0" encoding="rot13"?><a/>', "written in rot13"),
        (b'<?xml version="1.0" encoding="big5"?>\n\n<a>\xff</a>', "Line 3: This is not text"),
        (b"\xff\xfea", "This is not text"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(StatementUnreadable, match=reason):
        read_file(raw)


def test_xml_is_read_in_the_encoding_it_declares() -> None:
    text = camt(entry(more="<AddtlNtryInf>深圳</AddtlNtryInf>")).replace("UTF-8", "GB18030")
    assert read_file(text.encode("gb18030"))[0].lines[0].text == "深圳"


def test_a_refusal_speaks_the_readers_language() -> None:
    with translation.override("zh-hans"), pytest.raises(StatementUnreadable) as refusal:
        read_file("")
    assert str(refusal.value)


SPLINTERS = [b"\n", b"\n:61:", b'"', b",", b"0", b"-", b"\x00", b"\xff", b"<", b"E+9", b"<a>", b"9" * 40]
MAPPING = ColumnMapping(booked_on="Date", amount="Amount", text=("Text",))


@settings(deadline=None, max_examples=60)
@given(raw=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
@example(raw=b":20:\n:25:\n:60F:\n")
@example(raw=b"<")
@example(raw=b"\xef\xbb\xbf<a")
@example(raw=b"Date,Amount,Text\n\x00,\x00,\x00")
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for mapping in (None, MAPPING):
        try:
            read_file(raw, mapping=mapping, currency="USD")
        except StatementUnreadable as refusal:
            assert str(refusal)  # noqa: PT017  # refusing is one of two good ends


@settings(deadline=None, max_examples=250)
@given(
    sample=st.sampled_from(SAMPLES),
    at=st.integers(min_value=0, max_value=1500),
    length=st.integers(min_value=0, max_value=6),
    with_=st.binary(max_size=6)
    | st.sampled_from([b"\n", b"\n:61:", b'"', b",", b"0", b"-", b"\x00", b"\xff", b"<", b"E+9"]),
)
def test_a_good_file_changed_anywhere_is_read_or_refused(sample: bytes, at: int, length: int, with_: bytes) -> None:
    try:
        statements = read_file(sample[:at] + with_ + sample[at + length :], currency="USD")
    except StatementUnreadable as refusal:
        assert str(refusal)  # noqa: PT017  # refusing is one of two good ends
    else:
        for line in (line for statement in statements for line in statement.lines):
            assert line.amount.amount > 0


def test_reading_twice_says_the_same() -> None:
    for sample in SAMPLES:
        assert read_file(sample) == read_file(sample)
