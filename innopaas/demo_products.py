"""The demo's products: the catalogue, money put in a month ago, thirty days of use, a move and a hold of today."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from djmoney.money import Money

from billing import moves, top_ups
from billing.models import Method
from payments import findings, transfers
from payments.appraisals import Claim, Facts, TypedLine
from payments.models import BankAccount, Transfer
from products import balances, charges, holds
from products.models import Hold, Icon, Product, ProductBalance
from wallet.calendar import BOOKS, business_date
from wallet.models import Member, User

_ACME: Final = "alice@example.com"
_CATALOGUE: Final = (
    ("whatsapp", "WhatsApp", "WhatsApp 消息", Icon.CHAT, "0.005"),
    ("sms", "SMS", "短信", Icon.MESSAGE, "0.0075"),
    ("otp", "OTP", "一次性验证码", Icon.KEY, "0.02"),
    ("voice", "Voice", "语音", Icon.PHONE, "0.009"),
)
_MONTH: Final = 30
_HOLD: Final = "demo-hold"


@dataclass(frozen=True, kw_only=True)
class _Story:
    """What Acme put into a product a month ago, and what one day of it costs on average."""

    slug: str
    dollars: int
    a_day: Decimal
    a_message: str


_STORIES: Final = (
    _Story(slug="whatsapp", dollars=1200, a_day=Decimal("31.4"), a_message="WhatsApp conversations"),
    _Story(slug="sms", dollars=400, a_day=Decimal("12.075"), a_message="SMS to +86"),
)


def use_for_a_month(*, now: datetime) -> None:
    """Add the catalogue and the last month's use of it, once; needs the people and receiving accounts of the demo."""
    if Hold.objects.filter(request_id=_HOLD).exists():
        return
    for position, (slug, name, name_zh, icon, price) in enumerate(_CATALOGUE):
        fields = {
            "name": name,
            "name_zh": name_zh,
            "icon": icon,
            "smallest_price": Decimal(price),
            "position": position,
        }
        Product.objects.get_or_create(slug=slug, defaults=fields)
    member = Member.objects.select_related("user").get(user__email=_ACME)
    for place, story in enumerate(_STORIES):
        _use(story, place, member, now=now)


def move_today(*, now: datetime) -> None:
    """A move from the wallet that can still be undone, and a hold for a campaign under way, once."""
    if Hold.objects.filter(request_id=_HOLD).exists():
        return
    member = Member.objects.select_related("user").get(user__email=_ACME)
    otp = Product.objects.get(slug="otp")
    wish = top_ups.TopUp(
        organisation_id=member.organisation_id,
        target=otp.code,
        method=Method.BALANCE,
        amount=Money(50, "USD"),
        form_token="demo-move",  # noqa: S106  # a name, no secret
    )
    moves.move(wish, by=member.user, now=now)
    whatsapp = Product.objects.get(slug="whatsapp")
    balance = balances.open_balance(organisation_id=member.organisation_id, product=whatsapp, now=now)
    usage = charges.Usage(request_id=_HOLD, amount=Money(5, "USD"), description="Campaign under way")
    holds.place(balance=balance, usage=usage, expires_at=now + timedelta(days=1), by="demo", now=now)


def _use(story: _Story, place: int, member: Member, *, now: datetime) -> None:
    product = Product.objects.get(slug=story.slug)
    begun = now - timedelta(days=_MONTH + 1)
    transfer = _declare(story, place, product, member, now=begun)
    if transfer.confirmed_at is None:
        _find(transfer, now=begun)
    balance = balances.open_balance(organisation_id=member.organisation_id, product=product, now=begun)
    for day in range(_MONTH, -1, -1):
        _use_a_day(story, balance, day, now=now)


def _declare(story: _Story, place: int, product: Product, member: Member, *, now: datetime) -> Transfer:
    wish = top_ups.TopUp(
        organisation_id=member.organisation_id,
        target=product.code,
        method=Method.OFFLINE,
        amount=Money(story.dollars, "USD"),
        form_token=f"demo-product-{place}",
    )
    transfer = transfers.begin(wish, by=member.user, now=now)
    if transfer.declared_at is None:
        said = transfers.Declaration(payer_name="Acme Messaging Ltd", paid_on=business_date(now))
        transfer = transfers.declare(transfer_id=transfer.pk, declaration=said, by=member.user, now=now)
    return transfer


def _find(transfer: Transfer, *, now: datetime) -> None:
    """Fiona reads it at the bank, Felix and Frank agree."""
    fiona, felix, frank = (User.objects.get(email=f"{name}@example.com") for name in ("fiona", "felix", "frank"))
    typed = TypedLine(
        account=BankAccount.objects.get(code="demo-usd"),
        bank_reference=f"US{transfer.reference[2:]}",
        value_on=business_date(now),
        amount=transfer.amount,
        payer_name=transfer.payer_name,
    )
    facts = Facts(claims=(Claim(amount=transfer.amount, typed=typed),))
    finding = findings.record(transfer_id=transfer.pk, facts=facts, by=fiona, now=now)
    for approver in (felix, frank):
        if finding.done_at is None:
            finding = findings.approve(finding_id=finding.pk, by=approver, now=now)


def _use_a_day(story: _Story, balance: ProductBalance, day: int, *, now: datetime) -> None:
    """Three charges so many days ago; more on some days than on others, as customers are."""
    for part in range(3):
        share = story.a_day * (Decimal(60 + (day * 7 + part * 13) % 80) / 100) / 3
        usage = charges.Usage(
            request_id=f"demo-{day}-{part}",
            amount=Money(share.quantize(Decimal("0.0001")), balance.product.currency),
            description=story.a_message,
        )
        charges.charge(balance=balance, usage=usage, by="demo", now=_find_hour(day, part, now=now))


def _find_hour(day: int, part: int, *, now: datetime) -> datetime:
    """Some time in the morning, at noon, and in the afternoon of that day; today it is now."""
    if day == 0:
        return now
    begun = datetime.combine(business_date(now) - timedelta(days=day), time.min, BOOKS)
    return begun + timedelta(hours=9 + 3 * part, minutes=(day * 17 + part * 23) % 60)
