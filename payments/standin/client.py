"""The stand-in from a test's side: start a process, pay, turn its switches, stop it."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from .switches import Delivery

Json = dict[str, Any]

_PROJECT = Path(__file__).resolve().parents[2]
_KEY = "sk_test_standin"
_PATIENCE = 15
_A_DAY = 24 * 3600


class StandInUnavailable(Exception):
    """The process did not start, or did not come to rest in time."""


class StandInRefused(Exception):
    """The stand-in answered with an error; its `error` is in `args[1]`."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """One running stand-in. Use as a context manager, or call `stop`."""

    base: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls,
        *,
        webhook_url: str | None = None,
        webhook_secret: str = Delivery.webhook_secret,
        data: str | None = None,
        options: tuple[str, ...] = (),
    ) -> Self:
        """Start a process on a free port and wait until it answers. It ends with this process."""
        with tempfile.TemporaryDirectory() as folder:
            port_file = Path(folder) / "port"
            command = [sys.executable, "-m", "payments.standin", "--port", "0", "--port-file", str(port_file)]
            command += ["--stop-with-stdin", "--webhook-secret", webhook_secret]
            command += ["--refunds-end-after", str(_A_DAY), *options]  # never by itself while a test looks
            command += ["--webhook-url", webhook_url] if webhook_url else []
            command += ["--data", data] if data else []
            process = subprocess.Popen(  # noqa: S603 -- our own module with our own arguments, no shell
                command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
            )
            _until(lambda: port_file.exists() or process.poll() is not None, "the stand-in to start")
            if process.poll() is not None:
                raise StandInUnavailable(f"the stand-in ended at once with {process.returncode}")
            return cls(base=f"http://127.0.0.1:{port_file.read_text().strip()}", process=process)

    def stop(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.terminate()
        self.process.wait(timeout=_PATIENCE)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.kill()
        self.process.wait(timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def pay(
        self,
        session_id: str,
        *,
        card: str = "4242424242424242",
        email: str = "alice@example.com",
        three_d_secure: str = "complete",
    ) -> Json:
        """Pay as a customer would; the session afterwards. A decline raises StandInRefused."""
        form = {
            "email": email,
            "card[number]": card,
            "card[exp_month]": "12",
            "card[exp_year]": "2040",
            "card[cvc]": "123",
            "three_d_secure": three_d_secure,
        }
        return self._confirm(session_id, form)

    def pay_by_bank_debit(self, session_id: str, *, email: str = "alice@example.com") -> Json:
        """Complete the session unpaid; `settle` says later whether the money came."""
        return self._confirm(session_id, {"email": email, "payment_method_type": "us_bank_account"})

    def settle(self, session_id: str, *, outcome: str = "succeeded") -> Json:
        return self._post("settle", {"session": session_id, "outcome": outcome})

    def expire(self, session_id: str) -> Json:
        return self._post("expire", {"session": session_id})

    def tamper(self, session_id: str, **fields: Any) -> Json:
        """Overwrite fields of a session, or of anything else by its id."""
        return self._post("tamper", {**fields, "session": session_id})

    def refund(self, session_id: str, *, amount: int | None = None) -> Json:
        """Give money back as somebody does it in Stripe's dashboard; `amount` in cents, the rest without one."""
        return self._post("refund", {"session": session_id, "amount": amount})

    def settle_refund(
        self, refund_id: str, *, outcome: str = "succeeded", failure: str = "expired_or_canceled_card"
    ) -> Json:
        """End a pending refund: `succeeded`, `failed` or `canceled`; or let one fail that had succeeded."""
        return self._post("settle_refund", {"refund": refund_id, "outcome": outcome, "failure": failure})

    def dispute(
        self, session_id: str, *, kind: str = "chargeback", amount: int | None = None, reason: str = "fraudulent"
    ) -> Json:
        """Let the customer's bank dispute what was paid: an `inquiry` moves no money, a `chargeback` withdraws it."""
        return self._post("dispute", {"session": session_id, "kind": kind, "amount": amount, "reason": reason})

    def decide(self, dispute_id: str, *, outcome: str) -> Json:
        """What the bank does: `withdraw` (of an inquiry), `win`, `lose`, `reinstate` (after it was lost), `close`."""
        return self._post("decide_dispute", {"dispute": dispute_id, "outcome": outcome})

    def pay_out(self, *, amount: int | None = None, arrival: int | None = None) -> Json:
        """Send what the balance holds to the bank, as the schedule does; with an amount, as somebody does by hand."""
        return self._post("pay_out", {"amount": amount, "arrival": arrival})

    def move_payout(self, payout_id: str, *, outcome: str) -> Json:
        """`in_transit`, `paid`, `failed` (also after it was paid), `canceled`, or `reconciled`: it can be itemised."""
        return self._post("move_payout", {"payout": payout_id, "outcome": outcome})

    def adjust(self, *, type_: str, category: str, amount: int, currency: str = "usd") -> Json:
        """Let the balance move by something of any type; `amount` in cents, below zero when it leaves."""
        given = {"type": type_, "category": category, "amount": amount, "currency": currency}
        return self._post("adjust", given)

    def switch(self, **settings: Any) -> Json:
        """Turn switches; `faults` takes a list of mappings. See `payments/standin/switches.py`."""
        return self._post("switches", settings)

    def reset(self) -> Json:
        """Turn all switches back and give up what waits to be delivered."""
        return self._post("reset", {})

    def deliver(self, event_id: str, *, copies: int = 1) -> list[Json]:
        """Send an event now, `copies` at the same time; what the webhook answered."""
        answers: list[Json] = self._post("deliver", {"event": event_id, "copies": copies})["answers"]
        return answers

    def deliveries(self, *, event_id: str | None = None) -> list[Json]:
        """Every attempt so far, oldest first: event, type, attempted_at, status, error."""
        attempts: list[Json] = self._log(event_id)["attempts"]
        return attempts

    def wait_for_deliveries(self, *, event_id: str | None = None, seconds: float = _PATIENCE) -> None:
        """Return once nothing waits or is under way."""
        _until(
            lambda: not {"WAITING", "SENDING"} & set(self._log(event_id, count="1")["states"]),
            "the deliveries",
            seconds=seconds,
        )

    def ask(self, path: str) -> Json:
        """What the API answers to a GET: `/v1/charges/ch_…`."""
        return self._request("GET", path, headers={"Authorization": f"Bearer {_KEY}"})

    def events(self, *, session_id: str | None = None) -> list[Json]:
        """List the latest 100 events, newest first; with a session (or refund, dispute) only those about it."""
        listed = self.ask("/v1/events?limit=100")["data"]
        return [each for each in listed if session_id in (None, each["data"]["object"]["id"])]

    def _confirm(self, session_id: str, form: dict[str, str]) -> Json:
        headers = {"Authorization": f"Bearer {_KEY}"}
        return self._request("POST", f"/v1/payment_pages/{session_id}/confirm", headers=headers, data=form)

    def _log(self, event_id: str | None, **narrowed_to: str) -> Json:
        params = narrowed_to | ({"event": event_id} if event_id else {})
        return self._request("GET", "/_standin/deliveries", params=params)

    def _post(self, name: str, body: Json) -> Json:
        return self._request("POST", f"/_standin/{name}", json=body)

    def _request(self, method: str, path: str, **more: Any) -> Json:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, self.base + path, timeout=60, **more)
        answer: Json = response.json()
        if response.status_code >= 400:
            raise StandInRefused(answer["error"]["message"], answer["error"])
        return answer


def _until(done: Callable[[], bool], what: str, *, seconds: float = _PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise StandInUnavailable(f"waited {seconds} s for {what}")
        time.sleep(0.02)
