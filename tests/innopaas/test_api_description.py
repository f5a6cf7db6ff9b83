"""Requests made up from the API's own description: never a failure of ours, and every answer as it is described."""

from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from innopaas.wsgi import application
from products.models import ProductBalance
from tests import builders
from tests.builders import usd
from tests.innopaas.callers import API, Caller, back_end_of, program_of
from tests.races import scaled

THOROUGH = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
EXAMPLES = scaled(12, full=2000)
OPERATIONS = [
    ("/charges", "POST"),
    ("/charges:batch", "POST"),
    ("/holds", "POST"),
    ("/holds/{hold_id}", "GET"),
    ("/holds/{hold_id}/capture", "POST"),
    ("/holds/{hold_id}/release", "POST"),
    ("/balances", "GET"),
    ("/entries", "GET"),
    ("/orders", "GET"),
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def whatsapp(committed: None) -> ProductBalance:
    now = datetime.now(UTC)
    organisation, product = builders.make_organisation(now=now), builders.make_product()
    builders.fill_product(organisation, product, usd(100), now=now)
    return builders.open_balance(organisation, product, now=now)


@pytest.fixture
def description(committed: None) -> BaseSchema:
    return schemathesis.openapi.from_wsgi(f"{API}/openapi.json", application)


def ask(case: Case[Any], caller: Caller) -> int:
    headers = {"Authorization": f"Bearer {caller.secret}", "Host": "testserver"}
    answer = case.call(headers=headers)
    case.validate_response(answer, checks=CHECKS, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_whatever_is_sent_is_answered_as_described(
    path: str, method: str, mode: GenerationMode, description: BaseSchema, whatsapp: ProductBalance
) -> None:
    now = datetime.now(UTC)
    gateway, program = back_end_of(whatsapp.product, now=now), program_of(whatsapp.organisation, now=now)
    operation = description[f"{API}{path}"][method]
    hold = {"hold_id": gateway.hold(whatsapp.number).json()["id"]} if "hold_id" in path else None
    cases = operation.as_strategy(mode)
    known = operation.as_strategy(mode, path_parameters=hold) if hold else cases

    told: set[int] = set()

    @seed(20260715)
    @settings(THOROUGH, max_examples=EXAMPLES)
    @given(case=cases | known, is_known=st.booleans(), caller=st.sampled_from([gateway, gateway, program]))
    def send(*, case: Case[Any], is_known: bool, caller: Caller) -> None:
        if is_known:
            put_number(case, whatsapp.number)
        told.add(ask(case, caller))

    send()
    if mode is GenerationMode.NEGATIVE:
        return

    def is_through(case: Case[Any]) -> bool:
        put_number(case, whatsapp.number)
        told.add(ask(case, program if path == "/orders" else gateway))
        return bool(told & {200, 201})

    find(known, is_through, settings=settings(THOROUGH, max_examples=500))


def put_number(case: Case[Any], number: str) -> None:
    """In the place of one that nobody has, with an amount it can pay, so that a request gets through."""
    if case.path.endswith(("/balances", "/entries")):
        case.query = {name: value for name, value in (case.query or {}).items() if name != "balance"} | {
            "number": number
        }
    asked = case.body.get("charges", case.body) if isinstance(case.body, dict) else None
    for fields in asked if isinstance(asked, list) else [asked]:
        if isinstance(fields, dict) and isinstance(fields.get("number"), str):
            fields["number"] = number
            if "amount" in fields:
                fields["amount"] = "0.01"
