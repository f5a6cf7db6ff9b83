"""The process: how it starts, what it keeps, how it ends."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from payments.standin.client import StandIn
from payments.standin.settings import Fee, FeeUnreadable
from tests.payments.standin.conftest import client_of, wanted

PROJECT = Path(__file__).resolve().parents[3]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "payments.standin", *options]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=15, check=False)


@pytest.fixture
def ready() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "payments.standin", "--port", "0"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_when_ready_and_gone_at_once_when_told(ready: subprocess.Popen[str], number: signal.Signals) -> None:
    assert ready.stdout is not None
    line = ready.stdout.readline()
    assert line.startswith("Stripe stand-in ready on http://127.0.0.1:")
    started = time.monotonic()
    ready.send_signal(number)
    assert ready.wait(timeout=5) == 0
    assert time.monotonic() - started < 1
    assert ready.stdout.read() == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])  # noqa: S104 -- refused is the point
def test_only_loopback_is_listened_on(host: str) -> None:
    refused = run("--host", host, "--port", "0")
    assert refused.returncode == 2
    assert "loopback only" in refused.stderr


def test_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("--port", str(port))
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken." in refused.stderr
    assert "Traceback" not in refused.stderr


def test_killed_stand_in_remembers_its_sessions_events_and_keys(tmp_path: Path) -> None:
    data = str(tmp_path / "stripe.sqlite3")
    first = StandIn.start(data=data, webhook_url="http://127.0.0.1:9/")
    open_session = client_of(first.base).v1.checkout.sessions.create(wanted(), {"idempotency_key": "k"})
    paid_session = client_of(first.base).v1.checkout.sessions.create(wanted())
    first.pay(paid_session.id)
    first.kill()
    with StandIn.start(data=data) as second:
        client = client_of(second.base)
        again = client.v1.checkout.sessions.create(wanted(), {"idempotency_key": "k"})
        assert again.id == open_session.id
        found = client.v1.checkout.sessions.retrieve(open_session.id)
        assert found.url == f"{second.base}/c/pay/{open_session.id}"
        assert client.v1.checkout.sessions.retrieve(paid_session.id).payment_status == "paid"
        missed = client.v1.events.list({"delivery_success": False, "limit": 100})
        assert len(missed.data) == 3


def test_data_file_in_use_or_not_ours_is_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "stripe.sqlite3"
    with StandIn.start(data=str(data)):
        taken = run("--port", "0", "--data", str(data))
    (tmp_path / "other").write_text("something else entirely, and long enough to be read as a header")
    other = run("--port", "0", "--data", str(tmp_path / "other"))
    nowhere = run("--port", "0", "--data", str(tmp_path / "no" / "folder"))
    for refused in (taken, other, nowhere):
        assert refused.returncode == 1
        assert refused.stderr.startswith("The data file cannot be used")
        assert "Traceback" not in refused.stderr


def test_stand_in_started_by_a_test_ends_with_it() -> None:
    stand_in = StandIn.start()
    assert stand_in.process.stdin is not None
    stand_in.process.stdin.close()
    assert stand_in.process.wait(timeout=5) == 0


def test_other_fee_and_payment_methods_can_be_chosen() -> None:
    with StandIn.start(options=("--account-fee", "3.4%+50", "--payment-methods", "card")) as stand_in:
        client = client_of(stand_in.base)
        session = client.v1.checkout.sessions.create(wanted())
        assert session.payment_method_types == ["card"]
        stand_in.pay(session.id)
        assert client.v1.balance_transactions.list().data[0].fee == 390


@pytest.mark.parametrize(
    ("amount", "fee"), [(10_000, 320), (50, 31), (10_050, 321), (17_241, 530), (99_999_999, 2_900_030)]
)
def test_fee_is_rounded_half_up(amount: int, fee: int) -> None:
    assert Fee.parse("2.9%+30").on(amount) == fee


@pytest.mark.parametrize("text", ["", "2.9", "2,9%+30", "-1%+30", "2.9%+0.3"])
def test_unreadable_fee_is_refused(text: str) -> None:
    with pytest.raises(FeeUnreadable):
        Fee.parse(text)


def test_unknown_address_is_an_error_in_stripes_shape(stand_in: StandIn) -> None:
    headers = {"Authorization": "Bearer sk_test_tests"}
    with requests.get(f"{stand_in.base}/v1/customers", headers=headers, timeout=5) as answer:
        assert answer.status_code == 404
        assert "Unrecognized request URL" in answer.json()["error"]["message"]
    with requests.get(f"{stand_in.base}/nothing", timeout=5) as answer:
        assert answer.status_code == 404


def test_stand_in_imports_nothing_of_the_project_and_no_django() -> None:
    others = ("django", "wallet", "billing", "products", "innopaas", "payments.")
    code = "import sys, payments.standin.__main__; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = [name for name in result.stdout.split() if name.startswith(others)]
    assert [name for name in loaded if not name.startswith("payments.standin")] == []
