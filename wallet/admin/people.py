"""Organisations, members and users, for staff: to find, not to change what members decide themselves."""

from typing import Any, ClassVar
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from unfold.admin import TabularInline

from wallet import second_factors, sessions
from wallet.admin.lookups import ModelAdmin
from wallet.models import BillingDetails, Member, Organisation, PayerName, User


class ReadOnly:
    """Shows rows and changes none."""

    def has_add_permission(self, *args: Any) -> bool:  # noqa: ARG002  # Django's contract
        return False

    def has_change_permission(self, *args: Any) -> bool:  # noqa: ARG002  # Django's contract
        return False

    def has_delete_permission(self, *args: Any) -> bool:  # noqa: ARG002  # Django's contract
        return False


def find_person(request: HttpRequest, *, permission: str) -> User:
    """Who acts, and may. Raises `PermissionDenied`."""
    if not isinstance(request.user, User) or not request.user.has_perm(permission):
        raise PermissionDenied
    return request.user


class MemberInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold has no types
    model = Member
    fields = ("user", "organisation", "role", "joined_at")
    readonly_fields = fields
    extra = 0


class BillingDetailsInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold has no types
    """All versions, newest first; the first line is the one that counts."""

    model = BillingDetails
    fields = (
        "version",
        "legal_name_zh",
        "legal_name_en",
        "address",
        "tax_number",
        "recorded_at",
        "by_name",
    )
    readonly_fields = fields
    ordering = ("-version",)
    extra = 0
    per_page = 10  # type: ignore[assignment]  # unfold says None


class PayerNameInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold has no types
    """Live ones first, then what was removed."""

    model = PayerName
    fields = ("name", "added_at", "by_name", "removed_at", "removed_by_name")
    readonly_fields = fields
    ordering = (F("removed_at").desc(nulls_first=True), "added_at")
    extra = 0
    per_page = 50  # type: ignore[assignment]  # unfold says None


for replaced in (Group, EmailAddress, Authenticator):
    admin.site.unregister(replaced)
_names = Authenticator._meta  # noqa: SLF001  # allauth names it in English only
_names.verbose_name, _names.verbose_name_plural = _("second factor"), _("second factors")


@admin.register(Organisation)
class OrganisationAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("name", "created_at")
    search_fields = ("name", "members__user__email")
    ordering = ("-created_at",)
    fields = ("id", "name", "created_at")
    inlines: ClassVar[list[type]] = [MemberInline, BillingDetailsInline, PayerNameInline]


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
    change_form_outer_before_template = "staff/act.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.invite_second_factor)
        return [path("<uuid:pk>/second-factor/", view, name="wallet_user_second_factor"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if user and user.is_staff and request.user.is_superuser and not second_factors.list_types(user_id=user.pk):
            address = reverse("admin:wallet_user_second_factor", args=[user.pk])
            more["act"] = {"title": _("Mail a link for the first second factor"), "address": address}
        return super().change_view(request, object_id, form_url, more)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        super().save_model(request, obj, form, change)
        if change and "is_staff" in form.changed_data and obj.is_staff:
            second_factors.start_afresh(user_id=obj.pk)
            messages.warning(
                request,
                _("%(email)s is staff now and begins anew: a new password by “Forgot password”, then a second factor.")
                % {"email": obj.email},
            )
        if change and "is_active" in form.changed_data and not obj.is_active:
            sessions.end(user_id=obj.pk)
            messages.warning(request, _("%(email)s is logged out everywhere from now on.") % {"email": obj.email})

    def invite_second_factor(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """A superuser's act: whoever holds the link and the password becomes a member of staff with a second factor."""
        if not request.user.is_superuser:
            raise PermissionDenied
        user = get_object_or_404(User, pk=pk)
        back = reverse("admin:wallet_user_change", args=[user.pk])
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {
                "title": _("Second factor"),
                "subject": user.email,
                "explanation": _("The link works once, within 24 hours, and only after logging in as this person."),
                "button": _("Mail the link"),
                "back": back,
            }
            return render(request, "staff/confirm.html", context)
        try:
            token = second_factors.invite(user_id=user.pk, now=timezone.now())
        except second_factors.NotStaff:
            messages.error(request, _("Only active staff are invited."))
        except second_factors.HasSecondFactor:
            messages.error(request, _("This person has a second factor already."))
        else:
            link = request.build_absolute_uri(reverse("wallet:accept_second_factor", args=[token]))
            with override(user.language):
                get_adapter(request).send_mail("wallet/email/second_factor", user.email, {"link": link})
            messages.success(request, _("The link is on its way to %(email)s.") % {"email": user.email})
        return redirect(back)

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
