"""Callers of the API: a key in the hand, and the API's own answers."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.test import Client

from products import keys
from products.models import ApiKey, Product
from tests import builders
from wallet.models import Organisation

API = "/api/v1"

Answer: TypeAlias = Any
"""As the test client gives it, which has `json()`."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody's program."""

    secret: str
    key: ApiKey | None = None

    def get(self, path: str, **query: Any) -> Answer:
        return Client(raise_request_exception=False).get(API + path, query, headers=self._headers)

    def post(self, path: str, body: Any = None) -> Answer:
        data = "" if body is None else body if isinstance(body, str | bytes) else json.dumps(body)
        client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        return client.post(API + path, data, content_type="application/json", headers=self._headers)

    def charge(self, number: str, amount: str = "1.5", request_id: str = "r1", **more: Any) -> Answer:
        return self.post("/charges", {"number": number, "amount": amount, "request_id": request_id, **more})

    def hold(self, number: str, amount: str = "5", request_id: str = "h1", **more: Any) -> Answer:
        return self.post("/holds", {"number": number, "amount": amount, "request_id": request_id, **more})

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}


def back_end_of(product: Product, *, now: datetime, requests_per_minute: int = 100_000) -> Caller:
    """The product's own program, which charges."""
    issued = keys.issue_for_product(
        product=product,
        name="Gateway",
        requests_per_minute=requests_per_minute,
        by=builders.make_person("olivia"),
        now=now,
    )
    return Caller(secret=issued.secret, key=issued.key)


def program_of(organisation: Organisation, *, now: datetime) -> Caller:
    """The customer's own program, which reads."""
    issued = keys.issue_for_organisation(
        organisation_id=organisation.pk, name="Accounting", by=builders.owner_of(organisation), now=now
    )
    return Caller(secret=issued.secret, key=issued.key)


def error_of(answer: Answer) -> dict[str, Any]:
    """The error, which has the one shape."""
    body = answer.json()
    assert set(body) == {"error"}, body
    error: dict[str, Any] = body["error"]
    assert {"code", "name", "message"} <= set(error) <= {"code", "name", "message", "field", "request_id"}
    assert answer["Cache-Control"] == "no-store"
    return error
