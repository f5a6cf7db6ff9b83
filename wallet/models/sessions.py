"""Where a person is logged in."""

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from wallet.models.people import User
from wallet.session_store import SessionStore


class Session(AbstractBaseSession):
    """Django's session, whose key the browser holds. Where and when it began stands in what it carries."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    seen_at = models.DateTimeField()

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        return SessionStore
