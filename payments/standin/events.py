"""Events: what happened, as the object was then, and the deliveries each one starts."""

import secrets
from typing import Any

from . import ids
from .context import API_VERSION, Context
from .store import Json

_random = secrets.SystemRandom()

UNDELIVERED = "id IN (SELECT event FROM deliveries WHERE state <> 'DELIVERED')"
DELIVERED = "id NOT IN (SELECT event FROM deliveries WHERE state <> 'DELIVERED')"


def emit(ctx: Context, type_: str, thing: Json, *, previous: Json | None = None) -> Json:
    """Record an event and queue its deliveries. Call inside the transaction of the fact itself."""
    data: Json = {"object": public(thing)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = ctx.store.add(
        {
            "id": ids.make("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": ctx.created,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": ctx.request_id, "idempotency_key": ctx.idempotency_key},
            "type": type_,
        }
    )
    delivery = ctx.world.switches.delivery
    if delivery.webhook_url is not None:
        for _ in range(delivery.duplicate):
            due_at = ctx.now - delivery.clock + delivery.delay + delivery.shuffle * _random.random()
            ctx.store.change(
                "INSERT INTO deliveries (event, state, due_at) VALUES (?, 'WAITING', ?)", event["id"], due_at
            )
        ctx.world.wake.set()
    return event


def with_pending(ctx: Context, event: Json) -> Json:
    """Add the number of deliveries still to come, which changes after the fact."""
    pending = ctx.store.rows(
        "SELECT count(*) FROM deliveries WHERE event = ? AND state IN ('WAITING', 'SENDING')", event["id"]
    )
    return {**event, "pending_webhooks": pending[0][0]}


def public(thing: Any) -> Any:
    """Without the stand-in's own notes, whose names begin with an underscore."""
    if isinstance(thing, dict):
        return {key: public(value) for key, value in thing.items() if not key.startswith("_")}
    if isinstance(thing, list):
        return [public(each) for each in thing]
    return thing
