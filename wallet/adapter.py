"""What django-allauth asks us: here a sign-up becomes an organisation with its owner."""

from collections.abc import Mapping
from typing import Any, cast

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AnonymousUser
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from wallet import ciphers, invitations, letters, organisations, second_factors, sessions, zones
from wallet.forms import INVITATION
from wallet.middleware import ENDED
from wallet.models import User

log = structlog.get_logger(__name__)

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

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  # allauth's contract
        """Changing it ends the session: what comes next is the login, and then home."""
        return resolve_url(settings.LOGIN_URL)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """A browser that has no language yet takes the person's own."""
        place = sessions.Place(address=self.get_client_ip(request), agent=self.get_http_user_agent(request))
        sessions.begin(session=request.session, user=cast(User, user), place=place, now=timezone.now())
        request.session.pop(ENDED, None)
        log.info("logged in", user=str(user.pk), staff=cast(User, user).is_staff)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            _set_language(response, cast(User, user).language)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """The line carries the request's address on the network, and neither the person's nor the password."""
        super().authentication_failed(request, **credentials)
        log.warning("login failed")

    def send_account_already_exists_mail(self, email: str) -> None:
        """To a sign-up with a known address. It takes as long as any other, whose password is hashed."""
        make_password(get_random_string(20))
        super().send_account_already_exists_mail(email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language of whoever has the address; a stranger's is the one this page is read in."""
        reader = context.get("user") or User.objects.filter(email=email.lower()).only("language", "time_zone").first()
        language, zone = (reader.language, reader.time_zone) if reader else (get_language(), "")
        with override(language), zones.telling(zone):
            super().send_mail(template_prefix, email, context)
        if settings.DEBUG:
            self.request.session[MAIL_TO] = email

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        letter = write_mail(prefix=template_prefix, context=context)
        return letters.make_message(letter, to=[email] if isinstance(email, str) else email, headers=headers)


class FactorAdapter(DefaultMFAAdapter):
    """Seeds of authenticator apps and of recovery codes are encrypted."""

    def encrypt(self, text: str) -> str:
        return ciphers.encrypt(text=text)

    def decrypt(self, encrypted_text: str) -> str:
        """Also what was stored before anything was encrypted, or by a process of that release meanwhile."""
        return ciphers.decrypt_if_encrypted(text=encrypted_text)


def write_mail(*, prefix: str, context: Mapping[str, Any]) -> letters.Letter:
    """A mail about an account, from its two templates, in the language of the moment."""
    return letters.write(
        template=f"{prefix}_message.txt",
        context=context,
        why=_("You get this mail because somebody gave this address on InnoPaaS."),
        subject=render_to_string(f"{prefix}_subject.txt", dict(context)),
    )


def _set_language(response: HttpResponse, language: str) -> None:
    """As Django's own page of languages does."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
