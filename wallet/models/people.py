"""Organisations, the users who act for them, and how users come and go."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wallet import names
from wallet.ids import new_id

HOUSE_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The house's own organisation: payouts, bank charges and money of unknown customers sit in it."""

_MORE_THAN_A_LINE = r"[\u0001-\u001f\u007f-\u009f\u2028\u2029]"
"""In PostgreSQL's words: control characters and line ends, which would put lines of their own into a mail."""


class Users(BaseUserManager["User"]):
    """Makes users; everyone is known by e-mail address, in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.lower(), name=names.tidy(fields.pop("name", "")), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in: a member of organisations, or staff. Deactivated when they leave, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)
    language = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="", db_default="", blank=True)
    """Of `wallet.zones.NAMES`, in which moments are told to this person; empty for that of the books."""
    second_factor_invited_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[Users] = Users()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
            models.CheckConstraint(
                condition=~models.Q(name__regex=_MORE_THAN_A_LINE),
                name="user_name_is_one_line",
                violation_error_message=_("A name is one line."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @property
    def is_active_staff(self) -> bool:
        return self.is_active and self.is_staff

    def belongs_to(self, organisation_id: UUID) -> bool:
        """Whether he is a member of it; staff who are decide nothing about it."""
        return self.memberships.filter(organisation_id=organisation_id).exists()


class Organisation(models.Model):
    """The customer. Every money row carries its id, which never changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=200)
    created_at = models.DateTimeField(_("created"))
    demands_second_factor = models.BooleanField(_("members need a second factor"), default=False, db_default=False)
    users = models.ManyToManyField(User, through="Member", related_name="organisations")

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name__regex=_MORE_THAN_A_LINE),
                name="organisation_name_is_one_line",
                violation_error_message=_("A name is one line."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do; each role may do all of the ones below it."""

    OWNER = "OWNER", _("Owner")
    BILLING = "BILLING", pgettext_lazy("role", "Billing")
    VIEWER = "VIEWER", _("Viewer")


TOP_UP_ROLES = (Role.OWNER, Role.BILLING)
"""Who may pay money in."""


class Members(models.QuerySet["Member"]):
    """Reads of members."""

    def able_to_top_up(self, organisation_id: UUID) -> "Members":
        """Whom a viewer can ask, with their names."""
        able = self.filter(organisation_id=organisation_id, role__in=TOP_UP_ROLES)
        return able.select_related("user").order_by("joined_at")


class Member(models.Model):
    """A user's role in one organisation."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="members")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role)
    joined_at = models.DateTimeField(_("joined"))

    objects = Members.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "user"], name="member_once_per_organisation"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

    @property
    def may_top_up(self) -> bool:
        return self.role in TOP_UP_ROLES

    @property
    def may_manage_members(self) -> bool:
        return self.role == Role.OWNER


class Invitations(models.QuerySet["Invitation"]):
    """Reads of invitations."""

    def open_at(self, now: datetime) -> "Invitations":
        return self.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=now).order_by("-created_at")


class Invitation(models.Model):
    """An offer of a role, sent by e-mail; also how ownership passes: by acceptance."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    token_hash = models.CharField(max_length=64, unique=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = Invitations.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_is_known"),
            models.UniqueConstraint(
                fields=["organisation", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="invitation_open_once_per_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} → {self.organisation}"
