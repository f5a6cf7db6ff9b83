"""The API's addresses: parameters each one knows and the verb it calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from werkzeug.routing import Map, Rule

from . import attempts, cards, disputes, events, refunds, session_parameters, sessions
from .context import Context
from .errors import InvalidRequest
from .expansion import expand, line_items
from .parameters import EXPAND, Created, Email, Field, Group, Integer, Many, Metadata, Text, Truth
from .store import Json, Window

Verb = Callable[[Context, Json, Mapping[str, str]], Json]


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoint:
    verb: Verb
    parameters: Mapping[str, Field] = field(default_factory=lambda: {"expand": EXPAND})


_PAGE: dict[str, Field] = {
    "limit": Integer(least=1, most=100),
    "starting_after": Text(),
    "ending_before": Text(),
    "expand": EXPAND,
}
_CARD = Group(
    fields={
        "number": Text(required=True, longest=40),
        "exp_month": Integer(least=1, most=12, required=True),
        "exp_year": Integer(least=2000, most=2099, required=True),
        "cvc": Text(required=True, longest=4),
    }
)
_CONFIRM: dict[str, Field] = {
    "email": Email(),
    "payment_method_type": Text(choices=session_parameters.PAYMENT_METHODS),
    "card": _CARD,
    "three_d_secure": Text(choices=("complete", "fail")),
    "expand": EXPAND,
}

_REFUND: dict[str, Field] = {
    "amount": Integer(least=1),
    "charge": Text(),
    "payment_intent": Text(),
    "reason": Text(choices=refunds.REASONS),
    "metadata": Metadata(),
    "expand": EXPAND,
}
_EVIDENCE: dict[str, Field] = {
    "evidence": Group(fields={name: Text(longest=20_000) for name in disputes.EVIDENCE}),
    "metadata": Metadata(),
    "submit": Truth(),
    "expand": EXPAND,
}


def _create_session(ctx: Context, given: Json, _: Mapping[str, str]) -> Json:
    return _shown(ctx, sessions.create(ctx, given), given)


def _retrieve_session(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
    return _shown(ctx, sessions.find(ctx, names["id"]), given)


def _expire_session(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
    return _shown(ctx, sessions.expire(ctx, names["id"]), given)


def _list_line_items(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
    items = line_items(sessions.find(ctx, names["id"]))
    limit = given.get("limit", 10)
    cut = {**items, "data": items["data"][:limit], "has_more": len(items["data"]) > limit}
    return _shown(ctx, cut, given)


def _confirm(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
    """Pay without a browser; a challenged card is answered in the same call by `three_d_secure`."""
    email = given.get("email") or sessions.find(ctx, names["id"])["customer_email"]
    if not email:
        raise InvalidRequest("Missing required param: email.", code="parameter_missing", param="email")
    if given.get("payment_method_type") == "us_bank_account":
        return _shown(ctx, attempts.pay_by_bank_debit(ctx, names["id"], email=email).session, given)
    if "card" not in given:
        raise InvalidRequest("Missing required param: card.", code="parameter_missing", param="card")
    expiry = f"{given['card']['exp_month']}/{given['card']['exp_year']}"
    card = cards.read(number=given["card"]["number"], expiry=expiry, cvc=given["card"]["cvc"], now=ctx.now)
    attempt = attempts.pay_by_card(ctx, names["id"], card=card, email=email)
    if attempt.challenge is not None and given.get("three_d_secure"):
        attempt = attempts.answer_challenge(
            ctx, names["id"], challenge=attempt.challenge, answer=given["three_d_secure"]
        )
    return _shown(ctx, attempt.session, given)


def _create_refund(ctx: Context, given: Json, _: Mapping[str, str]) -> Json:
    return _shown(ctx, refunds.create(ctx, given), given)


def _update_refund(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
    return _shown(ctx, refunds.update(ctx, names["id"], given), given)


def _answer_dispute(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
    return _shown(ctx, disputes.answer(ctx, names["id"], given), given)


def _accept_dispute(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
    return _shown(ctx, disputes.accept(ctx, names["id"]), given)


def _retrieve(kind: str) -> Endpoint:
    def verb(ctx: Context, given: Json, names: Mapping[str, str]) -> Json:
        return _shown(ctx, ctx.store.get(kind, names["id"]), given)

    return Endpoint(verb=verb)


def _list(kind: str, filters: Mapping[str, Field]) -> Endpoint:
    def verb(ctx: Context, given: Json, _: Mapping[str, str]) -> Json:
        where = {name: given[name] for name in filters if isinstance(given.get(name), str)}
        if "customer_details" in given:
            where["customer_details.email"] = given["customer_details"]["email"]
        if "types" in given:
            where["type"] = given["types"]
        condition = "1"
        if "delivery_success" in given:
            condition = events.DELIVERED if given["delivery_success"] else events.UNDELIVERED
        window = Window(**{name: given[name] for name in _WINDOW if given.get(name) is not None})
        page = ctx.store.page(kind, window=window, where=where, condition=condition)
        data = [_presented(ctx, each) for each in page.data]
        listed = {"object": "list", "data": data, "has_more": page.has_more, "url": _ADDRESSES[kind]}
        return _shown(ctx, listed, given)

    return Endpoint(verb=verb, parameters={**_PAGE, "created": Created(), **filters})


def _presented(ctx: Context, thing: Json) -> Json:
    """With what depends on the moment of asking: a session's address, an event's deliveries to come."""
    if thing["object"] == "checkout.session" and thing["status"] == "open":
        return {**thing, "url": ctx.base_url + sessions.page_path(thing)}
    if thing["object"] == "event":
        return events.with_pending(ctx, thing)
    return thing


def _shown(ctx: Context, thing: Json, given: Json) -> Json:
    shown: Json = events.public(expand(ctx, _presented(ctx, thing), given.get("expand") or []))
    return shown


_WINDOW = ("limit", "starting_after", "ending_before", "created")
_ADDRESSES = {
    "checkout.session": "/v1/checkout/sessions",
    "payment_intent": "/v1/payment_intents",
    "charge": "/v1/charges",
    "balance_transaction": "/v1/balance_transactions",
    "refund": "/v1/refunds",
    "dispute": "/v1/disputes",
    "payout": "/v1/payouts",
    "event": "/v1/events",
}


def _rules() -> list[Rule]:
    session = f"{_ADDRESSES['checkout.session']}/<id>"
    only_metadata = {name: _REFUND[name] for name in ("metadata", "expand")}
    only_page = {name: _PAGE[name] for name in ("limit", "expand")}
    filters: dict[str, Mapping[str, Field]] = {
        "checkout.session": session_parameters.LIST_FILTERS,
        "payment_intent": {},
        "charge": {"payment_intent": Text()},
        "balance_transaction": {"currency": Text(), "payout": Text(), "source": Text(), "type": Text()},
        "refund": {"charge": Text(), "payment_intent": Text()},
        "dispute": {"charge": Text(), "payment_intent": Text()},
        "payout": {"status": Text()},
        "event": {"delivery_success": Truth(), "type": Text(), "types": Many(of=Text())},
    }
    rules = [
        _rule("GET", f"{session}/line_items", Endpoint(verb=_list_line_items, parameters=only_page)),
        _rule("POST", f"{session}/expire", Endpoint(verb=_expire_session)),
        _rule(
            "POST", _ADDRESSES["checkout.session"], Endpoint(verb=_create_session, parameters=session_parameters.CREATE)
        ),
        _rule("GET", session, Endpoint(verb=_retrieve_session)),
        _rule("GET", "/v1/payment_pages/<id>", Endpoint(verb=_retrieve_session)),
        _rule("POST", "/v1/payment_pages/<id>/confirm", Endpoint(verb=_confirm, parameters=_CONFIRM)),
        _rule("POST", "/v1/refunds", Endpoint(verb=_create_refund, parameters=_REFUND)),
        _rule("POST", "/v1/refunds/<id>", Endpoint(verb=_update_refund, parameters=only_metadata)),
        _rule("POST", "/v1/disputes/<id>", Endpoint(verb=_answer_dispute, parameters=_EVIDENCE)),
        _rule("POST", "/v1/disputes/<id>/close", Endpoint(verb=_accept_dispute)),
    ]
    for kind, address in _ADDRESSES.items():
        rules.append(_rule("GET", address, _list(kind, filters[kind])))
        if kind != "checkout.session":
            rules.append(_rule("GET", f"{address}/<id>", _retrieve(kind)))
    return rules


def _rule(method: str, address: str, endpoint: Endpoint) -> Rule:
    return Rule(address, methods=[method], endpoint=endpoint)


ADDRESSES = Map(_rules(), strict_slashes=False, merge_slashes=False)
