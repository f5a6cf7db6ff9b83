"""The tests' door: switches, deliveries by hand, sessions made to settle, expire or lie, refunds and disputes that
nobody asked for through the API.
"""

import json
from collections.abc import Callable
from dataclasses import asdict

from werkzeug import Request, Response

from . import attempts, deliveries, disputes, payouts, refunds, sessions
from .balance import Change
from .context import Context, World
from .errors import ApiError, InvalidRequest, NotFound, Refused
from .events import public
from .store import Json


class Controls:
    """Calls need no key: the process listens on loopback only and holds no real money."""

    def __init__(self, world: World) -> None:
        self._world = world

    def show_switches(self, _request: Request) -> Response:
        return _answer(self._world.switches.show())

    def turn_switches(self, request: Request) -> Response:
        return self._run(request, self._turn)

    def reset(self, request: Request) -> Response:
        """Switches as at the start, no faults, and nothing waiting to be delivered."""
        return self._run(request, self._reset)

    def show_deliveries(self, request: Request) -> Response:
        """With `count`, only how many stand how."""
        tell = deliveries.count if "count" in request.args else deliveries.log
        return _answer(tell(self._world, event_id=request.args.get("event")))

    def deliver(self, request: Request) -> Response:
        return self._run(request, self._deliver)

    def settle(self, request: Request) -> Response:
        return self._run(request, self._settle)

    def expire(self, request: Request) -> Response:
        return self._run(request, self._expire)

    def tamper(self, request: Request) -> Response:
        return self._run(request, self._tamper)

    def refund(self, request: Request) -> Response:
        """Give money back as somebody does it in the dashboard."""
        return self._run(request, self._refund)

    def settle_refund(self, request: Request) -> Response:
        return self._run(request, self._settle_refund)

    def dispute(self, request: Request) -> Response:
        return self._run(request, self._dispute)

    def decide_dispute(self, request: Request) -> Response:
        return self._run(request, self._decide_dispute)

    def pay_out(self, request: Request) -> Response:
        """Send what the balance holds to the bank: by schedule, or with an `amount` as somebody does it by hand."""
        return self._run(request, self._pay_out)

    def move_payout(self, request: Request) -> Response:
        return self._run(request, self._move_payout)

    def adjust(self, request: Request) -> Response:
        """Let the balance move by something of any type, such as a fee that Stripe takes for itself."""
        return self._run(request, self._adjust)

    def _run(self, request: Request, work: Callable[[Json], Json]) -> Response:
        try:
            return _answer(work(_read(request)))
        except ApiError as error:
            return _answer(error.body(), status=error.status)

    def _turn(self, given: Json) -> Json:
        self._world.switches.turn(given)
        self._world.wake.set()
        return self._world.switches.show()

    def _reset(self, _given: Json) -> Json:
        self._world.switches.reset()
        deliveries.forget(self._world)
        return self._world.switches.show()

    def _deliver(self, given: Json) -> Json:
        copies = given.get("copies", 1)
        if not isinstance(copies, int) or not 1 <= copies <= 256:
            raise InvalidRequest("copies is a number from 1 to 256", param="copies")
        answers = deliveries.resend(self._world, _text(given, "event"), copies=copies)
        return {"answers": [asdict(answer) for answer in answers]}

    def _settle(self, given: Json) -> Json:
        outcome = _text(given, "outcome")
        if outcome not in {"succeeded", "failed"}:
            raise InvalidRequest("outcome is succeeded or failed", param="outcome")
        return self._change(lambda ctx: attempts.settle(ctx, _text(given, "session"), outcome=outcome))

    def _expire(self, given: Json) -> Json:
        return self._change(lambda ctx: sessions.expire(ctx, _text(given, "session")))

    def _tamper(self, given: Json) -> Json:
        """Overwrite fields of anything that has an id. Before paying, the charge follows the lie;
        after it, the charge tells what was really paid.
        """

        def change(ctx: Context) -> Json:
            id_ = _text(given, "session")
            thing = ctx.store.find(id_)
            if thing is None:
                raise NotFound.of(noun="object", id_=id_)
            return ctx.store.save({**thing, **{name: given[name] for name in given if name != "session"}})

        return self._change(change)

    def _refund(self, given: Json) -> Json:
        def change(ctx: Context) -> Json:
            charge = refunds.charge_of_session(ctx, _text(given, "session"))
            amount = _units(given, "amount")
            return refunds.create(ctx, {"charge": charge["id"], **({} if amount is None else {"amount": amount})})

        return self._change(change)

    def _settle_refund(self, given: Json) -> Json:
        outcome = _choice(given, "outcome", refunds.OUTCOMES)
        failure = _choice({"failure": "expired_or_canceled_card", **given}, "failure", refunds.FAILURES)
        return self._change(lambda ctx: refunds.settle(ctx, _text(given, "refund"), outcome=outcome, failure=failure))

    def _dispute(self, given: Json) -> Json:
        kind = _choice({"kind": "chargeback", **given}, "kind", disputes.KINDS)
        reason = _choice({"reason": "fraudulent", **given}, "reason", disputes.REASONS)

        def change(ctx: Context) -> Json:
            charge = refunds.charge_of_session(ctx, _text(given, "session"))
            return disputes.create(ctx, charge, kind=kind, amount=_units(given, "amount"), reason=reason)

        return self._change(change)

    def _decide_dispute(self, given: Json) -> Json:
        outcome = _choice(given, "outcome", disputes.OUTCOMES)
        return self._change(lambda ctx: disputes.decide(ctx, _text(given, "dispute"), outcome=outcome))

    def _pay_out(self, given: Json) -> Json:
        amount, arrival = _units(given, "amount"), _units(given, "arrival")
        if amount is None:
            return self._change(lambda ctx: payouts.pay_out(ctx, arrival=arrival))
        return self._change(lambda ctx: payouts.pay_out_by_hand(ctx, amount, arrival=arrival))

    def _move_payout(self, given: Json) -> Json:
        outcome = _choice(given, "outcome", payouts.OUTCOMES)
        return self._change(lambda ctx: payouts.move(ctx, _text(given, "payout"), outcome=outcome))

    def _adjust(self, given: Json) -> Json:
        amount = given.get("amount")
        if type(amount) is not int:
            raise InvalidRequest("amount is a number of the currency's smallest unit", param="amount")
        change = Change(type=_text(given, "type"), category=_text(given, "category"), amount=amount)
        return self._change(lambda ctx: payouts.adjust(ctx, change, currency=_text(given, "currency")))

    def _change(self, work: Callable[[Context], Json]) -> Json:
        ctx = Context(world=self._world, now=self._world.now)
        refusal = None
        with ctx.store.transaction():
            try:
                changed: Json = public(work(ctx))
            except Refused as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return changed


def _read(request: Request) -> Json:
    try:
        given = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise InvalidRequest("This is no JSON.") from error
    if not isinstance(given, dict):
        raise InvalidRequest("A JSON object is wanted.")
    return given


def _text(given: Json, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"Missing {name}", code="parameter_missing", param=name)
    return value


def _choice(given: Json, name: str, choices: tuple[str, ...]) -> str:
    value = _text(given, name)
    if value not in choices:
        raise InvalidRequest(f"{name} is one of {', '.join(choices)}", param=name)
    return value


def _units(given: Json, name: str) -> int | None:
    value = given.get(name)
    if value is not None and (type(value) is not int or value < 1):
        raise InvalidRequest(f"{name} is a number of the currency's smallest unit", param=name)
    return value


def _answer(thing: Json, *, status: int = 200) -> Response:
    return Response(json.dumps(thing, indent=2) + "\n", status, mimetype="application/json")
