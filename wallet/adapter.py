"""What django-allauth asks us: here a sign-up becomes an organisation with its owner."""

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language

from wallet import invitations, organisations, second_factors
from wallet.forms import INVITATION
from wallet.models import User

MAIL_TO = "mail_to"
"""The session's key, in DEBUG only, for the address that this browser's last mail went to."""


class AccountAdapter(DefaultAccountAdapter):
    """Joins allauth's people with our organisations."""

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: BaseForm, *args: Any, **kwargs: Any
    ) -> User:
        """The user and the membership come into being together or not at all."""
        user = cast(User, user)
        user.name = form.cleaned_data["name"]
        user.language = get_language() or settings.LANGUAGE_CODE
        invitation = getattr(form, "invitation", None)
        token = request.session.pop(INVITATION, "")
        with transaction.atomic():
            super().save_user(request, user, form, *args, **kwargs)
            if invitation:
                invitations.accept(token=token, user=user, now=timezone.now())
            else:
                organisations.create(name=form.cleaned_data["organisation"], owner=user, now=timezone.now())
        if invitation:  # its secret was mailed to this very address
            self.stash_verified_email(request, user.email)
        return user

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """Where staff need a second factor, the password alone confirms nothing for whoever has one."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if settings.STAFF_MFA_REQUIRED and isinstance(user, User) and user.is_staff:
            stronger = [method for method in methods if method["id"] != "reauthenticate"]
            return stronger if second_factors.list_types(user_id=user.pk) else methods
        return methods

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """A browser that has no language yet takes the person's own."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, cast(User, user).language, samesite="Lax")
        return response

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        super().send_mail(template_prefix, email, {"support_email": settings.SUPPORT_EMAIL, **context})
        if settings.DEBUG:
            self.request.session[MAIL_TO] = email
