"""Organisations, members and users, for staff: to find, not to change what members decide themselves."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from wallet.models import Member, Organisation, User


class ReadOnly:
    """Shows rows and changes none."""

    def has_add_permission(self, *args: Any) -> bool:  # noqa: ARG002  # Django's contract
        return False

    def has_change_permission(self, *args: Any) -> bool:  # noqa: ARG002  # Django's contract
        return False

    def has_delete_permission(self, *args: Any) -> bool:  # noqa: ARG002  # Django's contract
        return False


class MemberInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold has no types
    model = Member
    fields = ("user", "organisation", "role", "joined_at")
    readonly_fields = fields
    extra = 0


for replaced in (Group, EmailAddress, Authenticator):
    admin.site.unregister(replaced)


@admin.register(Organisation)
class OrganisationAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("name", "created_at")
    search_fields = ("name", "members__user__email")
    ordering = ("-created_at",)
    fields = ("id", "name", "created_at")
    inlines: ClassVar[list[type]] = [MemberInline]


@admin.register(User)
class UserAdmin(ModelAdmin):
    """Who is staff, in which group, and who may log in at all. Passwords are set by their owners only."""

    list_display = ("email", "name", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "name")
    ordering = ("email",)
    readonly_fields = ("email", "date_joined", "last_login")
    filter_horizontal = ("groups",)
    fieldsets = (
        (None, {"fields": ("email", "name", "language", "is_active")}),
        (_("Staff"), {"fields": ("is_staff", "groups")}),
        (_("Times"), {"fields": ("date_joined", "last_login")}),
    )
    inlines: ClassVar[list[type]] = [MemberInline]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # people sign up themselves
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:  # noqa: ARG002  # deactivated
        return False


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("email", "user", "verified", "primary")
    search_fields = ("email", "user__email")
    fields = ("email", "user", "verified", "primary")


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Taking a lost second factor away, and never showing its secret."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email",)
    fields = ("user", "type", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:  # noqa: ARG002  # Django's contract
        return request.user.has_perm("mfa.delete_authenticator")


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Which permissions a staff group has; the groups themselves come with a migration."""
