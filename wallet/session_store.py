"""Django's sessions in the database, each with whose it is and when it was last used: people see and end their own."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

ENDS = "ends_at"
"""The session's key for when it ends at the latest, however much it is used and whatever else is asked of it."""


class SessionStore(DatabaseStore):
    """What Django's documentation calls extending a database-backed session engine."""

    seen_at: datetime | None = None
    """When it was last used before this request; None for one that begins with it."""

    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        return apps.get_model("wallet", "Session")

    def _get_session_from_db(self) -> Any:
        row = super()._get_session_from_db()  # type: ignore[misc]  # Django's own seam; the stubs leave it out
        self.seen_at = row.seen_at if row else None
        return row

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        row.user_id = data.get(SESSION_KEY)
        if ENDS in data:
            row.expire_date = min(row.expire_date, datetime.fromisoformat(data[ENDS]))
        row.seen_at = timezone.now()  # noqa: TID251  # saved by Django's middleware, which hands no clock down
        return row
