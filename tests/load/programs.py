"""Programs at the API: products' back ends, which charge and hold, and customers' own, which read."""

import random
import secrets
from typing import Any, Final

from locust import HttpUser, between, task

from tests.load.company import look_around, secret_of

_API: Final = "/api/v1"


class Program(HttpUser):
    """Many requests a minute; each is answered as the documentation says."""

    weight = 10
    wait_time = between(0.5, 2)

    def on_start(self) -> None:
        self.slug = random.choice(("whatsapp", "sms"))
        self.charged = look_around()

    @task(10)
    def charge(self) -> None:
        self._post("/charges", self._usage(), expected=201)

    @task(1)
    def charge_many(self) -> None:
        self._post("/charges:batch", {"charges": [self._usage() for _ in range(20)]}, expected=200)

    @task(2)
    def hold_and_capture(self) -> None:
        placed = self._post("/holds", self._usage(), expected=201)
        if placed:
            body = {"request_id": "capture"}
            self._post(f"/holds/{placed['id']}/capture", body, expected=200, name="/holds/ID/capture")

    @task(2)
    def read_a_balance(self) -> None:
        self._get(f"/balances?number={self._choose()['numbers'][self.slug]}", secret_of(self.slug))

    @task(2)
    def read_as_a_customer(self) -> None:
        customer = self._choose()
        self._get("/balances", customer["key"])
        self._get("/orders?limit=50", customer["key"])
        self._get("/entries?balance=wallet", customer["key"])

    def _choose(self) -> dict[str, Any]:
        return random.choice(self.charged)

    def _usage(self) -> dict[str, str]:
        number = self._choose()["numbers"][self.slug]
        return {"number": number, "amount": "0.0525", "request_id": secrets.token_hex(12)}

    def _post(self, path: str, body: Any, *, expected: int, name: str = "") -> Any:
        return self._ask("POST", path, secret_of(self.slug), expected=expected, name=name, json=body)

    def _get(self, path: str, secret: str) -> Any:
        return self._ask("GET", path, secret, expected=200, name=path.partition("?")[0])

    def _ask(self, method: str, path: str, secret: str, *, expected: int, name: str, **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {secret}"}
        name = _API + (name or path)
        with self.client.request(
            method, _API + path, name=name, headers=headers, catch_response=True, **given
        ) as answer:
            if answer.status_code != expected:
                answer.failure(f"{answer.status_code}, not {expected}: {answer.text[:200]}")
                return None
            answer.success()
            return answer.json()
