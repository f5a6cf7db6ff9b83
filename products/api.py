"""The API of products: charges, holds, balances and their entries. Mounted by innopaas/api.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from products import api_reads, batches, charges, holds, numbers
from products.api_access import ANY_KEY, SERVICE_KEY, KeyRequest
from products.api_answers import EVERYWHERE, IN_POSTS, Problem, Refused, errors, refuse_unknown
from products.api_shapes import (
    BalancesAnswer,
    BalancesAsked,
    BatchAnswer,
    BatchGiven,
    BatchOutcome,
    CaptureAnswer,
    CaptureGiven,
    ChargeAnswer,
    ChargeGiven,
    EntriesAnswer,
    EntriesAsked,
    HoldAnswer,
    HoldGiven,
    PlacementAnswer,
    ReleaseAnswer,
)
from products.models import ApiKey, Product, ProductBalance
from wallet.money import parse_usage

router = Router()

REPLAYED: Final = "Idempotent-Replayed"
"""The header that tells a repeated answer from a first one; their bodies are the same."""

_Done = charges.Charge | holds.Placement | holds.Capture | holds.Release

_PROBLEMS: Final[dict[type[Exception], Problem]] = {
    charges.InsufficientBalance: Problem.INSUFFICIENT_BALANCE,
    charges.RequestIdReused: Problem.REQUEST_ID_REUSED,
    holds.HoldNotFound: Problem.UNKNOWN_HOLD,
    holds.HoldEnded: Problem.HOLD_ENDED,
    holds.NotThatMuchHeld: Problem.NOT_THAT_MUCH_HELD,
}
_SPENDING: Final = (*IN_POSTS, Problem.UNKNOWN_NUMBER, Problem.INSUFFICIENT_BALANCE, Problem.REQUEST_ID_REUSED)
_OF_A_HOLD: Final = (*IN_POSTS, Problem.UNKNOWN_HOLD, Problem.HOLD_ENDED)


@router.post(
    "/charges",
    auth=SERVICE_KEY,
    operation_id="charge",
    summary="Charge a product's balance",
    tags=["Spending"],
    response={201: ChargeAnswer, **errors(*_SPENDING)},
)
def charge(request: KeyRequest, response: HttpResponse, given: ChargeGiven) -> Status[ChargeAnswer]:
    """Takes the amount from the balance of the product number, and from nothing else. It never goes below zero."""
    balance = _find_balance(request.auth, given.number, request_id=given.request_id)
    with _refusing(given.request_id):
        done = charges.charge(
            balance=balance, usage=_read_usage(given, balance.product), by=str(request.auth), now=timezone.now()
        )
    _tell_replay(response, done)
    return Status(201, ChargeAnswer.of(done, number=balance.number))


@router.post(
    "/charges:batch",
    auth=SERVICE_KEY,
    operation_id="charge_batch",
    summary="Charge up to 1,000 at once",
    tags=["Spending"],
    response={200: BatchAnswer, **errors(*IN_POSTS)},
    exclude_none=True,
)
def charge_batch(request: KeyRequest, response: HttpResponse, given: BatchGiven) -> BatchAnswer:
    """Each charge has its own outcome; what is not well-formed is refused as a whole, and nothing is charged.

    Repeating a batch charges nothing twice; what was refused before is tried again.
    """
    found = _find_balances(request.auth, {item.number for item in given.charges})
    product = _product_of(request.auth)
    items = [
        batches.BatchItem(balance=found.get(item.number), usage=_read_usage(item, product)) for item in given.charges
    ]
    outcomes = batches.charge_each(items=items, by=str(request.auth), now=timezone.now())
    charged = [outcome for outcome in outcomes if isinstance(outcome, charges.Charge)]
    _tell_replay(response, *charged)
    pairs = zip(given.charges, outcomes, strict=True)
    return BatchAnswer(outcomes=[_tell_outcome(item, outcome) for item, outcome in pairs])


@router.post(
    "/holds",
    auth=SERVICE_KEY,
    operation_id="place_hold",
    summary="Set an amount aside",
    tags=["Holds"],
    response={201: PlacementAnswer, **errors(*_SPENDING)},
)
def place_hold(request: KeyRequest, response: HttpResponse, given: HoldGiven) -> Status[PlacementAnswer]:
    """For use whose price is known later: hold, then capture what it was. What is left goes back by itself."""
    balance = _find_balance(request.auth, given.number, request_id=given.request_id)
    now = timezone.now()
    with _refusing(given.request_id):
        done = holds.place(
            balance=balance,
            usage=_read_usage(given, balance.product),
            expires_at=now + timedelta(seconds=given.expires_in),
            by=str(request.auth),
            now=now,
        )
    _tell_replay(response, done)
    return Status(201, PlacementAnswer.of(done, number=balance.number))


@router.get(
    "/holds/{uuid:hold_id}",
    auth=SERVICE_KEY,
    operation_id="show_hold",
    summary="A hold as it is now",
    tags=["Holds"],
    response={200: HoldAnswer, **errors(*EVERYWHERE, Problem.UNKNOWN_HOLD)},
)
def show_hold(request: KeyRequest, hold_id: UUID) -> HoldAnswer:
    refuse_unknown(request, ())
    found = api_reads.find_hold(hold_id=hold_id, product=_product_of(request.auth))
    if found is None:
        raise Refused(Problem.UNKNOWN_HOLD)
    return HoldAnswer.of(found.hold, number=found.number)


@router.post(
    "/holds/{uuid:hold_id}/capture",
    auth=SERVICE_KEY,
    operation_id="capture_hold",
    summary="Use what is held, whole or in part",
    tags=["Holds"],
    response={
        200: CaptureAnswer,
        **errors(*_OF_A_HOLD, Problem.REQUEST_ID_REUSED, Problem.NOT_THAT_MUCH_HELD),
    },
)
def capture_hold(request: KeyRequest, response: HttpResponse, hold_id: UUID, given: CaptureGiven) -> CaptureAnswer:
    """A part leaves the rest held: capture again, release it, or let it expire."""
    product = _product_of(request.auth)
    amount = None if given.amount is None else parse_usage(given.amount, product.currency)
    with _refusing(given.request_id):
        done = holds.capture(
            hold_id=hold_id,
            product_id=product.pk,
            request_id=given.request_id,
            amount=amount,
            by=str(request.auth),
            now=timezone.now(),
        )
    _tell_replay(response, done)
    return CaptureAnswer.of(done)


@router.post(
    "/holds/{uuid:hold_id}/release",
    auth=SERVICE_KEY,
    operation_id="release_hold",
    summary="Give back what is still held",
    tags=["Holds"],
    response={200: ReleaseAnswer, **errors(*_OF_A_HOLD)},
)
def release_hold(request: KeyRequest, response: HttpResponse, hold_id: UUID) -> ReleaseAnswer:
    """Takes no body. The address itself says which release it is."""
    product = _product_of(request.auth)
    with _refusing():
        done = holds.release(hold_id=hold_id, product_id=product.pk, by=str(request.auth), now=timezone.now())
    _tell_replay(response, done)
    return ReleaseAnswer.of(done)


@router.get(
    "/balances",
    auth=ANY_KEY,
    operation_id="list_balances",
    summary="What balances hold",
    tags=["Reading"],
    response={200: BalancesAnswer, **errors(*EVERYWHERE, Problem.UNKNOWN_NUMBER)},
)
def list_balances(request: KeyRequest, asked: Query[BalancesAsked]) -> BalancesAnswer:
    """An organisation key sees all of its own, or the one of `number`; a service key has to name a `number`."""
    refuse_unknown(request, BalancesAsked.model_fields)
    key = request.auth
    if asked.number:
        return BalancesAnswer(balances=[api_reads.read_balance(_find_balance(key, asked.number))])
    if key.organisation_id is None:
        raise Refused(Problem.INVALID, "A service key has to name a product number.", field="number")
    return BalancesAnswer(balances=api_reads.read_balances(organisation_id=key.organisation_id))


@router.get(
    "/entries",
    auth=ANY_KEY,
    operation_id="list_entries",
    summary="The entries of a balance, newest first",
    tags=["Reading"],
    response={200: EntriesAnswer, **errors(*EVERYWHERE, Problem.UNKNOWN_NUMBER)},
)
def list_entries(request: KeyRequest, asked: Query[EntriesAsked]) -> EntriesAnswer:
    """Of what is available: a hold is an entry when it is placed and when something of it goes back.

    Name either a product's `number` or, with an organisation key, `balance=wallet`.
    """
    refuse_unknown(request, EntriesAsked.model_fields)
    if (asked.number is None) == (asked.balance is None):
        raise Refused(Problem.INVALID, "Name either a product number or balance=wallet.", field="number")
    key = request.auth
    if asked.number:
        kept = api_reads.of_product(_find_balance(key, asked.number))
    elif key.organisation_id:
        kept = api_reads.of_wallet(key.organisation_id)
    else:
        raise Refused(Problem.NOT_ALLOWED, field="balance")
    return api_reads.read_entries(kept, after=asked.after, limit=asked.limit)


def _find_balance(key: ApiKey, number: str, *, request_id: str | None = None) -> ProductBalance:
    """The balance, if the key may see it; another's number is as unknown as one that nobody has."""
    found = api_reads.visible(key).filter(number=number).first() if numbers.is_number(number) else None
    if found is None:
        raise Refused(Problem.UNKNOWN_NUMBER, field="number", request_id=request_id)
    return found


def _find_balances(key: ApiKey, named: set[str]) -> dict[str, ProductBalance]:
    wanted = [number for number in named if numbers.is_number(number)]
    return {balance.number: balance for balance in api_reads.visible(key).filter(number__in=wanted)}


def _product_of(key: ApiKey) -> Product:
    if key.product is None:
        raise Refused(Problem.NOT_ALLOWED)
    return key.product


def _read_usage(given: ChargeGiven, product: Product) -> charges.Usage:
    return charges.Usage(
        request_id=given.request_id,
        amount=parse_usage(given.amount, product.currency),
        description=given.description,
    )


def _tell_outcome(item: ChargeGiven, outcome: batches.Outcome) -> BatchOutcome:
    if isinstance(outcome, charges.Charge):
        charged = ChargeAnswer.of(outcome, number=item.number)
        return BatchOutcome(number=item.number, request_id=item.request_id, charge=charged)
    return BatchOutcome(number=item.number, request_id=item.request_id, error=Refused(Problem[outcome]).error)


def _tell_replay(response: HttpResponse, *done: _Done) -> None:
    """Marks an answer of which something was done, and nothing of it now."""
    if done and not any(one.is_new for one in done):
        response[REPLAYED] = "true"


@contextmanager
def _refusing(request_id: str | None = None) -> Iterator[None]:
    """Says what the verbs of spending refuse in the words of the API."""
    try:
        yield
    except tuple(_PROBLEMS) as error:
        raise Refused(_PROBLEMS[type(error)], request_id=request_id) from error
