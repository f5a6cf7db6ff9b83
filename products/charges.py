"""Use of a product, paid from its balance: prepaid money becomes revenue."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from djmoney.money import Money

from products.models import ProductBalance
from wallet import chart, kill_points, ledger
from wallet.models import Entry

REQUEST_ID: Final = re.compile(r"[!-~]{1,100}")
"""Printable ASCII without blanks; part of a posting's key."""

LONGEST_DESCRIPTION: Final = 200


INSUFFICIENT_CODE: Final = 110
"""InnoPaaS' own code for a balance that is too low, in its answers, callbacks and alerts."""


class InsufficientBalance(Exception):
    """The product's balance is less than the amount."""


class RequestIdReused(Exception):
    """The request id was used for this product number before, with other content."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What is to be charged. `request_id` makes it unique among the charges of one product number."""

    request_id: str
    amount: Money
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A charge as it was posted; a repeated request gives the same one again."""

    id: UUID
    request_id: str
    amount: Money
    description: str
    balance_after: Money
    charged_at: datetime
    is_new: bool


def charge(*, balance: ProductBalance, usage: Usage, by: str, now: datetime) -> Charge:
    """Take a charge from the balance, in one round trip. The same request again changes nothing and gives the first.

    Only this balance is touched, never the wallet, and never below zero. Raises `InsufficientBalance` and
    `RequestIdReused`; then nothing has happened. `balance` comes with its product.
    """
    return charge_all(balance=balance, usages=[usage], by=by, now=now)[0]


def charge_all(*, balance: ProductBalance, usages: Sequence[Usage], by: str, now: datetime) -> list[Charge]:
    """As `charge`, for several uses of one balance, in their order and in one round trip: all of them or none.

    For more than one call it inside `atomic`: what is wrong with a repeated one is seen when the others are posted.
    """
    if not usages:
        return []
    try:
        posted = ledger.post_and_read(
            organisation_id=balance.organisation_id,
            drafts=[_draft(balance, usage, by=by) for usage in usages],
            code=balance.product.code,
            currency=balance.product.currency,
            now=now,
        )
    except ledger.InsufficientFunds as error:
        raise InsufficientBalance(balance.number) from error
    except ledger.KeyReused as error:
        raise RequestIdReused(error.facts["key"]) from error
    kill_points.reach("after-charge-posted")
    return [_charge(usage, left) for usage, left in zip(usages, posted, strict=True)]


def find(*, balance: ProductBalance, request_ids: Iterable[str]) -> dict[str, Charge]:
    """What was charged to the balance under these request ids before, by request id."""
    ids = {_key(balance, request_id): request_id for request_id in request_ids}
    entries = Entry.objects.filter(
        posting__organisation_id=balance.organisation_id,
        posting__key__in=ids,
        account__code=balance.product.code,
    ).select_related("posting")
    return {
        ids[entry.posting.key]: Charge(
            id=entry.posting.pk,
            request_id=ids[entry.posting.key],
            amount=entry.amount,
            description=entry.posting.memo,
            balance_after=entry.balance_after,
            charged_at=entry.posting.posted_at,
            is_new=False,
        )
        for entry in entries
    }


def _draft(balance: ProductBalance, usage: Usage, *, by: str) -> ledger.Draft:
    return ledger.Draft(
        key=_key(balance, usage.request_id),
        kind="CHARGE",
        lines=(
            ledger.debit(balance.product.code, usage.amount),
            ledger.credit(chart.revenue(balance.product.slug), usage.amount),
        ),
        memo=usage.description,
        by=by,
    )


def _key(balance: ProductBalance, request_id: str) -> str:
    return f"charge:{balance.product.slug}:{request_id}"


def _charge(usage: Usage, left: ledger.Left) -> Charge:
    if left.memo != usage.description:
        raise RequestIdReused(usage.request_id)
    return Charge(
        id=left.id,
        request_id=usage.request_id,
        amount=usage.amount,
        description=left.memo,
        balance_after=left.balance_after,
        charged_at=left.posted_at,
        is_new=left.is_new,
    )
