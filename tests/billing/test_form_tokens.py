"""One-time form tokens: who, for whom, for what, and how long."""

import time
from uuid import UUID

import pytest

from billing import form_tokens
from wallet.ids import new_id

ALICE, BOB, ACME = new_id(), new_id(), new_id()


def token_of(user_id: UUID = ALICE) -> str:
    return form_tokens.issue(user_id=user_id, organisation_id=ACME, target="wallet")


def test_token_names_the_organisation_and_the_target() -> None:
    token = form_tokens.read(token_of(), user_id=ALICE)
    assert (token.organisation_id, token.target) == (ACME, "wallet")


def test_two_forms_have_two_tokens() -> None:
    assert form_tokens.read(token_of(), user_id=ALICE).id != form_tokens.read(token_of(), user_id=ALICE).id


def test_token_of_somebody_else_is_bad() -> None:
    with pytest.raises(form_tokens.BadFormToken):
        form_tokens.read(token_of(), user_id=BOB)


def test_changed_token_is_bad() -> None:
    token = token_of()
    for changed in [token.upper(), token[:-1], token + "=", token[::-1], "", ":", "x" * 5_000]:
        with pytest.raises(form_tokens.BadFormToken):
            form_tokens.read(changed, user_id=ALICE)


def test_token_is_good_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    token, issued = token_of(), time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: issued + 24 * 3600 - 2)
    assert form_tokens.read(token, user_id=ALICE).organisation_id == ACME
    monkeypatch.setattr("django.core.signing.time.time", lambda: issued + 24 * 3600 + 2)
    with pytest.raises(form_tokens.BadFormToken):
        form_tokens.read(token, user_id=ALICE)
