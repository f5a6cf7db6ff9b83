"""Attempts to pay a session. Call everything here inside one store transaction.

A declined attempt raises CardDeclined after recording itself: commit, do not roll back.
"""

from dataclasses import dataclass

from . import disputes, ids, intents, sessions
from .cards import BANK_FAILED, CARDS, NOT_AUTHENTICATED, Decline, PresentedCard
from .context import Context
from .errors import NotFound, Refused
from .events import emit
from .store import Json, Window


class SessionClosed(Refused):
    """The session is complete or expired: nothing is charged."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    session: Json
    challenge: str | None = None
    """names the bank's question that has to be answered first"""


def pay_by_card(ctx: Context, session_id: str, *, card: PresentedCard, email: str) -> Attempt:
    session = _open(ctx, session_id)
    if card.card.challenge:
        return _challenge(ctx, session, card, email)
    return _charge_card(ctx, session, card, email)


def answer_challenge(ctx: Context, session_id: str, *, challenge: str, answer: str) -> Attempt:
    """`answer` is `complete` or `fail`. An answer to an older question is NotFound."""
    session = _open(ctx, session_id)
    asked = session.get("_challenge")
    if asked is None or asked["id"] != challenge:
        raise NotFound.of(noun="challenge", id_=challenge)
    del session["_challenge"]
    if answer == "complete":
        card = PresentedCard(card=CARDS[asked["number"]], exp_month=asked["exp_month"], exp_year=asked["exp_year"])
        return _charge_card(ctx, session, card, asked["email"])
    ctx.store.save(session)
    intent = intents.of_session(ctx, session)
    intents.refuse(ctx, intent, NOT_AUTHENTICATED)
    emit(ctx, "payment_intent.payment_failed", intent)
    raise NOT_AUTHENTICATED.error()


def pay_by_bank_debit(ctx: Context, session_id: str, *, email: str) -> Attempt:
    """Complete the session unpaid; `settle` says later whether the money came."""
    session = _open(ctx, session_id)
    if "us_bank_account" not in session["payment_method_types"]:
        raise Refused("This session takes no bank debit.", param="payment_method_type")
    intent = intents.of_session(ctx, session)
    intents.charge(ctx, intent, email=email, card=None)
    intent["status"] = "processing"
    ctx.store.save(intent)
    sessions.complete(ctx, session, payment_status="unpaid", email=email)
    emit(ctx, "checkout.session.completed", session)
    return Attempt(session=session)


def settle(ctx: Context, session_id: str, *, outcome: str) -> Json:
    """End a bank debit: `succeeded` or `failed`."""
    session = ctx.store.get("checkout.session", session_id, noun="checkout.session")
    intent = ctx.store.find(session["payment_intent"] or "")
    if intent is None or intent["status"] != "processing":
        raise Refused("Nothing is processing for this session.")
    made = ctx.store.get("charge", intent["latest_charge"])
    if outcome == "succeeded":
        intents.succeed(ctx, intent, made)
        session["payment_status"] = "paid"
        ctx.store.save(session)
        emit(ctx, "charge.succeeded", made)
        emit(ctx, "payment_intent.succeeded", intent)
        emit(ctx, "checkout.session.async_payment_succeeded", session)
        return session
    _record_failure(ctx, intent, made, BANK_FAILED)
    emit(ctx, "checkout.session.async_payment_failed", session)
    return session


def list_processing(ctx: Context) -> list[Json]:
    """The latest sessions whose bank debit is not decided, newest first."""
    where = {"status": "complete", "payment_status": "unpaid"}
    found = ctx.store.page("checkout.session", window=Window(limit=50), where=where).data
    intents_of = {session["id"]: ctx.store.find(session["payment_intent"] or "") for session in found}
    return [session for session in found if (intents_of[session["id"]] or {}).get("status") == "processing"]


def _open(ctx: Context, session_id: str) -> Json:
    session = sessions.find(ctx, session_id)
    if session["status"] != "open":
        raise SessionClosed(f"This Checkout Session is {session['status']}.", code="checkout_session_closed")
    return session


def _challenge(ctx: Context, session: Json, card: PresentedCard, email: str) -> Attempt:
    asked = ids.make("challenge")
    session["_challenge"] = {
        "id": asked,
        "number": card.card.number,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "email": email,
    }
    ctx.store.save(session)
    intent = intents.of_session(ctx, session)
    intent |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}}
    ctx.store.save(intent)
    return Attempt(session=session, challenge=asked)


def _charge_card(ctx: Context, session: Json, card: PresentedCard, email: str) -> Attempt:
    intent = intents.of_session(ctx, session)
    made = intents.charge(ctx, intent, email=email, card=card)
    if card.card.decline is not None:
        _record_failure(ctx, intent, made, card.card.decline)
        raise card.card.decline.error()
    intents.succeed(ctx, intent, made)
    sessions.complete(ctx, session, payment_status="paid", email=email)
    emit(ctx, "charge.succeeded", made)
    emit(ctx, "payment_intent.succeeded", intent)
    emit(ctx, "checkout.session.completed", session)
    if card.card.later == "disputed":
        disputes.create(ctx, made)
    return Attempt(session=session)


def _record_failure(ctx: Context, intent: Json, made: Json, decline: Decline) -> None:
    intents.fail(ctx, intent, made, decline)
    emit(ctx, "charge.failed", made)
    emit(ctx, "payment_intent.payment_failed", intent)
