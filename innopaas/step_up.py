"""Step-up: where staff act only with a second factor used a short while ago, and what they had typed there when it was
not. That is kept in their session, for going on with it once, within half an hour.
"""

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import caches
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTS: dict[str, Promise] = {
    "payments_transfer_propose": _("Give the received facts of a transfer"),
    "payments_transfer_approve": _("Approve a transfer"),
    "payments_transfer_keep": _("Keep a part until the rest arrives"),
    "payments_transfer_reject": _("Reject a transfer"),
    "payments_exact_approve": _("Approve the exact bank lines"),
    "payments_line_assign": _("Assign a bank line"),
    "payments_line_return": _("Send money back"),
    "payments_line_same": _("Recognise money that was approved by hand"),
    "payments_line_sent": _("Recognise money that was sent back"),
    "payments_assignment_approve": _("Approve assigned money"),
    "payments_assignment_withdraw": _("Withdraw assigned money"),
    "billing_dispute_write_off": _("Write off what a customer owes"),
    "billing_refund_write_off": _("Write off what a customer owes"),
    "billing_cardblock_lift": _("Lift a card block"),
    "billing_cardrule_decide": _("Decide whether disputes block cards"),
    "billing_correction_propose": _("Correct the balance"),
    "billing_correction_approve": _("Approve the correction"),
    "billing_correction_withdraw": _("Withdraw the correction"),
    "billing_refund_start": _("Start a refund"),
    "billing_refund_approve": _("Approve the refund"),
    "billing_refund_decline": _("Decline the refund"),
    "billing_refund_prepare": _("Prepare the payment"),
    "billing_refund_paid": _("Record a refund as paid"),
    "billing_refund_line": _("Take a bank line for a refund's payment"),
    "billing_refund_refuse": _("Record that the bank did not pay a refund"),
    "billing_refund_returned": _("Record that a refund came back"),
    "billing_fapiao_issue": _("Record a fapiao"),
    "billing_fapiao_reject": _("Reject a request for a fapiao"),
    "billing_fapiao_reverse": _("Record a red-letter fapiao"),
    "payments_payout_match": _("Find a payout at the bank"),
    "payments_payout_back": _("Record that the bank sent a payout back"),
    "payments_housemove_charge": _("Propose a charge of the bank"),
    "payments_housemove_exchange": _("Propose an exchange of currencies"),
    "payments_housemove_approve": _("Approve a movement of the house"),
    "payments_housemove_withdraw": _("Withdraw a movement of the house"),
    "payments_suspensemove_credit": _("Propose to credit card money in suspense"),
    "payments_suspensemove_refund": _("Propose to send card money in suspense back"),
    "payments_suspensemove_approve": _("Approve a movement of card money in suspense"),
    "payments_suspensemove_withdraw": _("Withdraw a movement of card money in suspense"),
    "billing_exchangerate_enter": _("Enter an exchange rate"),
    "billing_exchangerate_approve": _("Approve an exchange rate"),
    "billing_exchangerate_refuse": _("Refuse an exchange rate"),
    "payments_close_draw_up": _("Draw up a day"),
    "payments_close_sign": _("Sign a day"),
    "payments_close_withdraw": _("Withdraw a day's signature"),
    "payments_difference_explain": _("Explain a difference"),
    "products_apikey_issue": _("Make an API key"),
    "products_apikey_revoke": _("Revoke an API key"),
    "wallet_user_second_factor": _("Mail a link for the first second factor"),
}
"""Pages of the admin that are an act of their own, and what the act is called."""

MODELS = {
    "billing_topuplimit",
    "billing_exchangerate",
    "billing_raterule",
    "billing_legalentity",
    "products_product",
    "payments_approvallimit",
    "payments_bankaccount",
    "wallet_user",
    "auth_group",
}
"""Models whose rows decide what money may do: rates, limits, what is sold, where it is to be sent, in whose name it is
documented, and who may act.
"""

GUARDED = frozenset(
    f"admin:{name}"
    for name in (*ACTS, *(f"{model}_{page}" for model in MODELS for page in ("add", "change", "delete", "changelist")))
)
"""By URL name. To read these pages takes no step-up, to send them does."""

KEY = "_step_up"
"""The one field of the form that goes on: which of the kept forms it is."""

VALID_FOR = timedelta(minutes=30)

_KEPT = "step_up_forms"
_NOT_TYPED = {"csrfmiddlewaretoken", KEY}
_MOST_BYTES = 100_000
_MOST_FORMS = 5

Fields = list[tuple[str, list[str]]]


class TooLarge(Exception):
    """More was typed than a session should carry; it is not kept."""


class NotKept(Exception):
    """The form is invented, somebody else's, too old, sent already, or another address's."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A form as it was sent, before anything was done with it. Of files only the names are kept."""

    user_id: str
    name: str
    path: str
    fields: Fields
    files: list[str]
    until: float

    @property
    def title(self) -> Promise | None:
        return ACTS.get(self.name.partition(":")[2])


def keep(  # noqa: PLR0913  # a form as it was sent has that many sides
    *,
    session: SessionBase,
    user_id: UUID,
    name: str,
    path: str,
    fields: Iterable[tuple[str, list[str]]],
    files: list[str],
    now: datetime,
) -> str:
    """The key of the form kept; the oldest of many gives way."""
    kept = Kept(
        user_id=str(user_id),
        name=name,
        path=path,
        fields=[(field, values) for field, values in fields if field not in _NOT_TYPED],
        files=files,
        until=(now + VALID_FOR).timestamp(),
    )
    if len(json.dumps(asdict(kept)).encode()) > _MOST_BYTES:
        raise TooLarge
    key = secrets.token_urlsafe(24)
    others = {old: form for old, form in session.get(_KEPT, {}).items() if form["until"] > now.timestamp()}
    session[_KEPT] = dict([*others.items(), (key, asdict(kept))][-_MOST_FORMS:])
    return key


def find(*, session: SessionBase, key: str, user_id: UUID, now: datetime) -> Kept:
    """Looking uses nothing up. `NotKept` says no more than that."""
    form = session.get(_KEPT, {}).get(key)
    if form is None or form["user_id"] != str(user_id) or form["until"] <= now.timestamp():
        raise NotKept
    return Kept(**{**form, "fields": [(field, values) for field, values in form["fields"]]})


def use_up(*, session: SessionBase, key: str, user_id: UUID, path: str, now: datetime) -> Kept:
    """The form, to be carried out at the address where it was sent and nowhere else; of two who ask one gets it."""
    kept = find(session=session, key=key, user_id=user_id, now=now)
    if kept.path != path or not caches["marks"].add(key, 1, timeout=VALID_FOR.total_seconds()):
        raise NotKept
    session[_KEPT] = {other: form for other, form in session[_KEPT].items() if other != key}
    return kept
