"""The demo's offline side: receiving accounts, a rate, transfers in every state, and a statement in its piles."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO

from djmoney.money import Money
from PIL import Image, ImageDraw

from billing import rates, top_ups
from billing.models import Method
from payments import desk, findings, holding, imports, matching, slips, transfers
from payments.appraisals import Facts, claim_whole
from payments.models import BankAccount, BankLine, StatementFile, Transfer
from payments.uploads import Upload
from wallet import chart, details
from wallet.calendar import business_date
from wallet.models import Member, User

_ENTITY: dict[str, object] = {
    "legal_entity": "InnoPaaS Technology (Shanghai) Co., Ltd.",
    "payee_zh": "英诺帕斯科技（上海）有限公司",
    "payee_en": "InnoPaaS Technology (Shanghai) Co., Ltd.",
    "bank_zh": "示范银行上海分行营业部",
    "bank_en": "Demo Bank, Shanghai Branch, Business Department",
    "bank_address": "1 Example Road, Shanghai, China",
}
_ACCOUNTS: dict[str, dict[str, object]] = {
    "demo-cny": {"currency": "CNY", "number": "1000200030004000500", "cnaps": "104290000001"},
    "demo-usd": {
        "currency": "USD",
        "number": "1000200030004000600",
        "swift": "DEMOCNSHXXX",
        "fee_tolerance": Decimal(25),
    },
}
_ACME, _BRIGHT = "alice@example.com", "bob@example.com"
_STATEMENT = "demo.sta"
_PAYERS = {_ACME: "Acme Messaging Ltd", _BRIGHT: "Bright Retail GmbH"}


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """A transfer of the demo. `arrives` is what the bank's statement brings of it, with or without its reference."""

    email: str
    amount: Money
    arrives: Money | None = None
    quotes_reference: bool = True
    has_slip: bool = False


_WISHES = (
    _Wish(email=_ACME, amount=Money(7200, "CNY"), arrives=Money(7200, "CNY"), has_slip=True),
    _Wish(email=_ACME, amount=Money(36000, "CNY"), arrives=Money(36000, "CNY")),
    _Wish(email=_BRIGHT, amount=Money(14400, "CNY"), arrives=Money(14000, "CNY"), has_slip=True),
    _Wish(email=_BRIGHT, amount=Money(50000, "CNY"), arrives=Money(50000, "CNY"), quotes_reference=False),
    _Wish(email=_ACME, amount=Money(288000, "CNY"), arrives=Money(288000, "CNY"), has_slip=True),
    _Wish(email=_BRIGHT, amount=Money(1000, "USD"), has_slip=True),
)


def open_accounts() -> None:
    """The receiving accounts; repeating it changes nothing."""
    for code, fields in _ACCOUNTS.items():
        BankAccount.objects.get_or_create(code=code, defaults=_ENTITY | fields)


def fill(*, now: datetime) -> None:
    """Add the offline side once; and each time a fresh rate, so that RMB can be quoted today."""
    finance = {name: User.objects.get(email=f"{name}@example.com") for name in ("fiona", "felix", "frank")}
    _renew_rate(by=finance["fiona"], now=now)
    if StatementFile.objects.filter(account__code="demo-cny", name=_STATEMENT).exists():
        return
    for email, name in _PAYERS.items():
        _describe(email, name, now=now)
    made = [_declare(wish, place, now=now) for place, wish in enumerate(_WISHES)]
    _bring_statement(made, by=finance["felix"], now=now)
    _decide(made, by=finance["fiona"], now=now)


def _renew_rate(*, by: User, now: datetime) -> None:
    try:
        rates.quote(now=now + timedelta(hours=8))
    except rates.RateStale:
        rates.enter(rate=Decimal("7.2"), source="Demo Bank, mid rate", by=by, now=now - timedelta(hours=8))


def _describe(email: str, name: str, *, now: datetime) -> None:
    """Billing details, as the owner would give them."""
    owner = Member.objects.select_related("user").get(user__email=email)
    if details.current(owner.organisation_id) is None:
        facts = details.Facts(legal_name_en=name, address="88 Example Street, Shanghai")
        details.record(facts, organisation_id=owner.organisation_id, seen_version=0, by=owner.user, now=now)


def _declare(wish: _Wish, place: int, *, now: datetime) -> Transfer:
    member = Member.objects.select_related("user").get(user__email=wish.email)
    top_up = top_ups.TopUp(
        organisation_id=member.organisation_id,
        target=chart.WALLET,
        method=Method.OFFLINE,
        amount=wish.amount,
        form_token=f"demo-transfer-{place}",
    )
    earlier = now - timedelta(hours=len(_WISHES) - place)
    transfer = transfers.begin(top_up, by=member.user, now=earlier)
    if wish.has_slip:
        picture = _draw_slip(wish, transfer)
        slips.attach(picture, name="slip.png", transfer_id=transfer.pk, by=member.user, now=earlier)
    declaration = transfers.Declaration(
        payer_name=_PAYERS[wish.email], paid_on=business_date(earlier), bank_number=f"FT{place:06}"
    )
    return transfers.declare(transfer_id=transfer.pk, declaration=declaration, by=member.user, now=earlier)


def _draw_slip(wish: _Wish, transfer: Transfer) -> bytes:
    picture = Image.new("RGB", (900, 520), "#ffffff")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 20, 880, 500), outline="#0a6e5f", width=3)
    lines = [
        "DEMO BANK  -  TRANSFER RECEIPT",
        f"Payer: {_PAYERS[wish.email]}",
        f"Amount: {wish.amount.currency} {wish.amount.amount:,.2f}",
    ]
    for row, text in enumerate([*lines, f"Remittance: {transfer.reference}", "Status: completed"]):
        pen.text((60, 60 + 80 * row), text, fill="#123", font_size=30)
    kept = BytesIO()
    picture.save(kept, "PNG")
    return kept.getvalue()


def _bring_statement(made: list[Transfer], *, by: User, now: datetime) -> None:
    """One MT940 statement of the RMB account, imported as Felix would."""
    day = business_date(now)
    arrived = [(wish, transfer) for wish, transfer in zip(_WISHES, made, strict=True) if wish.arrives]
    total = sum((wish.arrives.amount for wish, _ in arrived if wish.arrives), Decimal(3300)) - Decimal(120)
    records = [
        _record(day, "C", Decimal(3300), 90, "Sunrise Trading Co thank you"),
        _record(day, "D", Decimal(120), 91, "手续费"),
    ]
    for place, (wish, transfer) in enumerate(arrived):
        if wish.arrives:
            words = f"{_PAYERS[wish.email]} {transfer.reference if wish.quotes_reference else 'top-up'}"
            records.append(_record(day, "C", wish.arrives.amount, place, words))
    text = "\r\n".join(
        [
            ":20:DEMO",
            ":25:1000200030004000500",
            ":28C:1/1",
            f":60F:C{day:%y%m%d}CNY1000000,00",
            *records,
            f":62F:C{day:%y%m%d}CNY{Decimal(1_000_000) + total:.2f}".replace(".", ","),
            "-",
        ]
    )
    account = BankAccount.objects.get(code="demo-cny")
    imports.import_statement(Upload(account=account, name=_STATEMENT, raw=text.encode()), by=by, now=now)
    matching.match_lines(now=now)
    holding.hold_due(now=now)


def _record(day: date, sign: str, amount: Decimal, place: int, text: str) -> str:
    figure = f"{amount:.2f}".replace(".", ",")
    return f":61:{day:%y%m%d}{sign}{figure}NTRFNONREF//FT{place:06}\r\n:86:{text}"


def _decide(made: list[Transfer], *, by: User, now: datetime) -> None:
    """The first is approved, a transfer without money is sent back to its customer; the rest waits for finance."""
    first, last = made[0], made[-1]
    line = BankLine.objects.select_related("account").get(suggestions__transfer=first)
    finding = findings.record(transfer_id=first.pk, facts=Facts(claims=(claim_whole(line),)), by=by, now=now)
    findings.approve(finding_id=finding.pk, by=by, now=now)
    desk.reject(
        transfer_id=last.pk,
        by=by,
        reason="We have not found this transfer at our bank. Please check it with your bank and send it again.",
        now=now,
    )
