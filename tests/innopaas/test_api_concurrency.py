"""P5 on every POST of the API: ten of the same request at once have one effect and are answered alike."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from products.models import ProductBalance
from tests import builders
from tests.builders import usd
from tests.innopaas.callers import Answer, Caller, back_end_of
from tests.races import raise_failures, rounds, run_at_once

AT_ONCE = 10


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def balance(committed: None, now: datetime) -> ProductBalance:
    organisation, product = builders.make_organisation(now=now), builders.make_product()
    builders.fill_product(organisation, product, usd(100), now=now)
    return builders.open_balance(organisation, product, now=now)


@pytest.fixture
def gateway(balance: ProductBalance, now: datetime) -> Caller:
    return back_end_of(balance.product, now=now)


def ask_at_once(ask: Callable[[], Answer]) -> None:
    """All answers alike; all but one are replays."""
    answers = run_at_once([ask] * AT_ONCE)
    raise_failures(answers)
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (answers[0].status_code, answers[0].content)
    }
    assert answers[0].status_code in {200, 201}
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1


def left_in(balance: ProductBalance) -> str:
    return str(builders.balance_of(balance.organisation_id, balance.product.code).amount)


@pytest.mark.parametrize("_round", rounds(2, full=20))
def test_same_post_ten_times_at_once_has_one_effect(_round: int, gateway: Caller, balance: ProductBalance) -> None:
    number = balance.number
    ask_at_once(lambda: gateway.charge(number, "10"))
    assert left_in(balance) == "90.000000"
    batch = {"charges": [{"number": number, "amount": "1", "request_id": f"b{i}"} for i in range(10)]}
    ask_at_once(lambda: gateway.post("/charges:batch", batch))
    assert left_in(balance) == "80.000000"
    ask_at_once(lambda: gateway.hold(number, "30"))
    assert left_in(balance) == "50.000000"
    hold_id = gateway.hold(number, "30").json()["id"]
    ask_at_once(lambda: gateway.post(f"/holds/{hold_id}/capture", {"request_id": "c1", "amount": "12.5"}))
    assert gateway.get(f"/holds/{hold_id}").json()["rest"] == "17.500000"
    ask_at_once(lambda: gateway.post(f"/holds/{hold_id}/release"))
    assert left_in(balance) == "67.500000"
