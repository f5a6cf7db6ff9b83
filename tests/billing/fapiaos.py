"""Fapiao of orders paid in RMB, made by the site's own verbs: alice asks, fiona issues."""

import secrets
from datetime import date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from djmoney.money import Money

from billing import fapiao
from billing.fapiao import Issued, RedLetter, Wish
from billing.models import Fapiao, Order
from tests import people
from wallet.calendar import business_date
from wallet.models import Member, Role, User

TAX_NUMBER = "91350100M000100Y43"
FILE = b"%PDF-1.7 a fapiao"


def cny(amount: str | int) -> Money:
    return Money(amount, "CNY")


def make_number() -> str:
    """Of 20 digits, nobody else's."""
    return f"2651{secrets.randbelow(10**16):016d}"


def make_ofd(*names: str, content: bytes = b"<ofd/>") -> bytes:
    """What an OFD is from outside: an archive that names its first part."""
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for name in names or ("OFD.xml", "Doc_0/Document.xml"):
            archive.writestr(name, content)
    return file.getvalue()


def wish(amount: str | int, **fields: Any) -> Wish:
    """For a plain one, made out to a company, unless something else is said."""
    given: dict[str, Any] = {
        "kind": Fapiao.Kind.PLAIN,
        "buyer": Fapiao.Buyer.COMPANY,
        "title": "上海示例科技有限公司",
        "tax_number": TAX_NUMBER,
        "amount": cny(amount),
    }
    return Wish(**given | fields)


def special(amount: str | int, **fields: Any) -> Wish:
    bank = {
        "address": "上海市示例路1号",
        "phone": "021-55550100",
        "bank": "示例银行上海分行",
        "bank_account": "6222000100",
    }
    return wish(amount, kind=Fapiao.Kind.SPECIAL, **bank | fields)


def ask_fapiao(
    order: Order, amount: str | int, *, now: datetime, by: User | None = None, token: str = "", **fields: Any
) -> Fapiao:
    """Asked for by the order's owner."""
    owner = by or Member.objects.filter(organisation_id=order.organisation_id, role=Role.OWNER)[0].user
    asked = wish(amount, **fields)
    return fapiao.ask(order_id=order.pk, wish=asked, by=owner, form_token=token or secrets.token_urlsafe(18), now=now)


def issue_fapiao(
    asked: Fapiao, *, now: datetime, by: User | None = None, number: str = "", on: date | None = None
) -> Fapiao:
    """Recorded by somebody of finance, dated today."""
    issued = Issued(
        number=number or make_number(),
        issued_on=on or business_date(now),
        file_kind=Fapiao.FileKind.PDF,
        file=FILE,
    )
    by = by or people.make_staff("fiona", "finance")
    return fapiao.issue(fapiao_id=asked.pk, issued=issued, by=by, now=now)


def reverse_fapiao(
    issued: Fapiao, *, now: datetime, by: User | None = None, number: str = "", on: date | None = None
) -> Fapiao:
    """Reversed by somebody of finance, dated today."""
    red_letter = RedLetter(number=number or make_number(), dated_on=on or business_date(now), reason="Refunded")
    by = by or people.make_staff("fiona", "finance")
    return fapiao.reverse(fapiao_id=issued.pk, red_letter=red_letter, by=by, now=now)
