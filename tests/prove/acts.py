"""What mortal processes do: each as its door does it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from billing import callback_outbox, documents, mails, moves
from billing.top_ups import TopUp
from payments import findings, imports, tasks
from payments.uploads import Upload
from tests.payments.deliveries import deliver


def post_page(session_key: str, path: str, form: dict[str, str]) -> None:
    """Somebody who is logged in submits a form."""
    browser = Client()
    browser.cookies["sessionid"] = session_key
    answer = browser.post(path, form)
    assert answer.status_code in {200, 302, 503}, answer


def deliver_event(event: dict[str, Any]) -> None:
    deliver(event)


def work_inbox() -> None:
    tasks.handle_inbox()


def sweep(name: str) -> None:
    tasks.sweep(name)


def approve(finding_id: UUID, by: UUID) -> None:
    findings.approve(finding_id=finding_id, by=_find(by), now=datetime.now(UTC))


def approve_at_desk(session_key: str, transfer_id: UUID, finding_id: UUID) -> None:
    post_page(session_key, reverse("admin:payments_transfer_approve", args=[transfer_id]), {"finding": str(finding_id)})


def import_file(upload: Upload, by: UUID) -> None:
    imports.import_statement(upload, by=_find(by), now=datetime.now(UTC))


def move(wish: TopUp, by: UUID) -> None:
    moves.move(wish, by=_find(by), now=datetime.now(UTC))


def charge(secret: str, given: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    Client().post("/api/v1/charges", json.dumps(given), content_type="application/json", headers=headers)


def issue_receipt(order_id: UUID) -> None:
    documents.issue_receipt(order_id=order_id, now=datetime.now(UTC))


def send_mails() -> None:
    mails.send_due(now=datetime.now(UTC))


def send_callbacks() -> None:
    now = datetime.now(UTC)
    callback_outbox.collect(now=now)
    callback_outbox.send_due(now=now)


def _find(pk: UUID) -> Any:
    return get_user_model().objects.get(pk=pk)
