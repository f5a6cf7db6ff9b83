"""Mails of notices, one to each reader in his language: each notice is told once, by whichever sweep comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import mail_retries, mailing, targets
from billing.models import AutoFill, Notice, NoticeMail
from products import access
from wallet import chart, letters
from wallet.models import Member, User
from wallet.money import WALLET_CURRENCY

_TEMPLATES = {
    Notice.Kind.LOW_BALANCE: "billing/mail/low_balance.txt",
    Notice.Kind.AUTO_FILL_STOPPED: "billing/mail/auto_fill_stopped.txt",
    Notice.Kind.CALLBACKS_FAILING: "billing/mail/callbacks_failing.txt",
}
_AMOUNTS = ("balance", "threshold", "wallet", "floor")
"""Facts that are amounts, in the notice's `currency`."""

_REACH = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Those of an organisation who can be told anything, and which products the limited ones may use."""

    members: tuple[Member, ...]
    limits: Mapping[UUID, frozenset[str]]

    def readers(self, *, target: str, roles: Sequence[str]) -> list[User]:
        """Those with one of these roles who may see the balance; only a product's may be hidden from anybody."""
        return [member.user for member in self.members if member.role in roles and self._may_see(member, target)]

    def _may_see(self, member: Member, target: str) -> bool:
        limit = self.limits.get(member.pk)
        return limit is None or not target.startswith(chart.product("")) or target in limit


def find_audience(organisation_id: UUID) -> Audience:
    """Read once, for however many balances."""
    members = Member.objects.filter(organisation_id=organisation_id, user__is_active=True)
    return Audience(
        members=tuple(members.select_related("user").order_by("joined_at", "pk")),
        limits={
            member_id: frozenset(product.code for product in products)
            for member_id, products in access.limits_in(organisation_id).items()
        },
    )


def send_due(*, now: datetime, limit: int = 100) -> int:
    """Send mails of notices nobody has told yet, and those whose sender died; returns how many were sent."""
    told = NoticeMail.objects.filter(notice=OuterRef("pk"))
    for notice in Notice.objects.filter(~Exists(told), at__gte=now - _REACH).order_by("pk")[:limit]:
        _address(notice, now=now)
    waiting = NoticeMail.objects.filter(mail_retries.due(now)).select_related("notice__organisation", "reader")
    return sum(
        _send(mail, now=now) for mail in waiting.order_by("notice_id", "pk")[:limit] if mailing.claim(mail, now=now)
    )


def write(notice: Notice) -> letters.Letter:
    """The mail of a notice, in the language of the moment."""
    why = _("You get this mail because you act for %(name)s on InnoPaaS.") % {"name": notice.organisation.name}
    return letters.write(template=_TEMPLATES[Notice.Kind(notice.kind)], context=_read_context(notice), why=why)


def _address(notice: Notice, *, now: datetime) -> None:
    """Make out a mail to everybody who is to read the notice; where there is nobody, the row says so."""
    written_at = now - mail_retries.PAUSES[0]
    mails = [
        NoticeMail(notice=notice, reader=reader, to=reader.email, claimed_at=written_at)
        for reader in _find_readers(notice)
    ]
    NoticeMail.objects.bulk_create(
        mails or [NoticeMail(notice=notice, reader=None, claimed_at=now, sent_at=now)], ignore_conflicts=True
    )


def _find_readers(notice: Notice) -> list[User]:
    return find_audience(notice.organisation_id).readers(target=notice.target, roles=notice.roles)


def _send(mail: NoticeMail, *, now: datetime) -> bool:
    notice, reader = mail.notice, mail.reader
    if reader is None or reader not in _find_readers(notice):  # he left since, and the others have mails of their own
        mailing.drop(mail, now=now)
        return False
    headers = {"X-Notice": str(notice.pk)}
    return mailing.send(mail, reader=reader, write=lambda: write(notice), headers=headers, now=now)


def _read_context(notice: Notice) -> dict[str, Any]:
    facts = notice.facts
    currency = facts.get("currency", WALLET_CURRENCY)
    reason = facts.get("reason", "")
    return {
        "notice": notice,
        "facts": facts,
        "name": targets.name(notice.target),
        "slug": "" if notice.target == chart.WALLET else notice.target.removeprefix(chart.product("")),
        "code": facts.get("code", ""),
        "reason": AutoFill.StopReason(reason).label if reason in AutoFill.StopReason else reason,
        **{key: Money(Decimal(facts[key]), currency) for key in _AMOUNTS if key in facts},
    }
