"""`expand`: ids replaced by the objects they name."""

from collections.abc import Sequence

from .context import Context
from .errors import InvalidRequest
from .store import Json

_EXPANDABLE = {
    "checkout.session": {"payment_intent", "line_items"},
    "payment_intent": {"latest_charge"},
    "charge": {"balance_transaction", "payment_intent"},
    "balance_transaction": {"source"},
    "refund": {"balance_transaction", "charge", "failure_balance_transaction", "payment_intent"},
    "dispute": {"charge", "payment_intent"},
}
_DEEPEST = 4


def expand(ctx: Context, thing: Json, paths: Sequence[str]) -> Json:
    """Copy the thing with every path followed; `data.` first walks over a list."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST + 1:
            message = f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}"
            raise InvalidRequest(message, param="expand")
        thing = _follow(ctx, thing, steps, path)
    return thing


def line_items(session: Json) -> Json:
    return {
        "object": "list",
        "data": session["_line_items"],
        "has_more": False,
        "url": f"/v1/checkout/sessions/{session['id']}/line_items",
    }


def _follow(ctx: Context, thing: Json, steps: Sequence[str], path: str) -> Json:
    if not steps:
        return thing
    step, rest = steps[0], steps[1:]
    if thing["object"] == "list" and step == "data":
        return {**thing, "data": [_follow(ctx, each, rest, path) for each in thing["data"]]}
    if step not in _EXPANDABLE.get(thing["object"], set()):
        raise InvalidRequest(f"This property cannot be expanded ({path}).", param="expand")
    if step == "line_items":
        return {**thing, "line_items": _follow(ctx, thing.get("line_items") or line_items(thing), rest, path)}
    named = thing.get(step)
    found = ctx.store.find(named) if isinstance(named, str) else named
    return thing if found is None else {**thing, step: _follow(ctx, found, rest, path)}
