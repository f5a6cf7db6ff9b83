"""People at finance's desk, with a browser each."""

from html import unescape
from typing import Any

from django.test import Client
from django.urls import reverse

from payments.models import Transfer
from wallet.models import User


class Desk:
    """Somebody of the staff, at his own browser."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.client = Client()
        self.client.force_login(user)

    def read(self, name: str, *args: object, **query: Any) -> str:
        return text_of(self.client.get(reverse(f"admin:{name}", args=args), query))

    def post(self, name: str, *args: object, **form: Any) -> Any:
        return self.client.post(reverse(f"admin:{name}", args=args), form)

    def look(self, transfer: Transfer, **query: Any) -> str:
        return self.read("payments_transfer_desk", transfer.pk, **query)

    def try_out(self, transfer: Transfer, **form: Any) -> Any:
        """Show what the facts come to."""
        return self.post("payments_transfer_desk", transfer.pk, **form)

    def record(self, transfer: Transfer, *, then: str = "record", **form: Any) -> Any:
        """Look at what the facts come to, and record them as they were seen."""
        seen = self.try_out(transfer, **form).context["trial"].seen
        return self.post("payments_transfer_propose", transfer.pk, seen=seen, then=then, **form)


def text_of(response: Any) -> str:
    assert response.status_code == 200, response
    return " ".join(unescape(response.content.decode()).split())


def said(response: Any) -> str:
    """What a redirect says on the page it leads to."""
    return " ".join(str(message) for message in response.wsgi_request._messages)
