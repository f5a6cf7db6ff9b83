"""What finance works by: our receiving accounts, how much one person may approve, and reasons to reject."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from billing.forms import ExactAmountField
from payments.models import ApprovalLimit, BankAccount, RejectionReason
from wallet.admin.lookups import ModelAdmin


class ExactOrNothingField(ExactAmountField):
    """An amount, or nothing at all where zero is meant."""

    def to_python(self, value: object) -> Any:
        text = str(value or "").strip(" \t")
        return 0 if text in {"", "0", "0.0", "0.00"} else super().to_python(value)


class BankAccountForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    fee_tolerance = ExactOrNothingField(
        label=_("bank fee we bear at most"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("In the account's currency; empty: none."),
    )

    class Meta:
        model = BankAccount
        fields = (
            *("code", "currency", "legal_entity", "payee_zh", "payee_en", "bank_zh", "bank_en", "bank_address"),
            *("number", "cnaps", "swift", "profile", "fee_tolerance", "position", "is_open"),
        )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not (given.get("payee_zh") or given.get("payee_en")):
            raise ValidationError(_("Name the payee in Chinese, in English, or in both."))
        if not (given.get("bank_zh") or given.get("bank_en")):
            raise ValidationError(_("Name the bank and its branch in Chinese, in English, or in both."))
        if not self.errors and not (given.get("cnaps") or given.get("swift")):
            raise ValidationError(_("Customers need a CNAPS code (RMB within China) or a SWIFT code."))
        return given


@admin.register(BankAccount)
class BankAccountAdmin(ModelAdmin):
    """Where customers transfer to. An account is closed to them, never deleted: the ledger names it."""

    form = BankAccountForm
    list_display = ("code", "currency", "legal_entity", "number", "is_open", "position", "fee_tolerance")
    list_filter = ("currency", "is_open")
    ordering = ("currency", "position", "code")
    fieldsets = (
        (None, {"fields": ("code", "currency", "is_open", "position")}),
        (_("What the bank sheet says"), {
            "fields": (
                *("legal_entity", "payee_zh", "payee_en", "bank_zh", "bank_en", "bank_address"),
                *("number", "cnaps", "swift"),
            ),
        }),
        (_("For finance"), {"fields": ("profile", "fee_tolerance")}),
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: BankAccount | None = None) -> tuple[str, ...]:  # noqa: ARG002  # Django's contract
        """Its name in the ledger and its currency never change."""
        return ("code", "currency") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: BankAccount | None = None) -> bool:  # noqa: ARG002  # closed
        return False


class ApprovalLimitForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    single_up_to = ExactOrNothingField(
        label=_("one approver up to"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Above it, or in a currency without a limit, two people approve; 0: always two."),
    )

    class Meta:
        model = ApprovalLimit
        fields = ("currency", "single_up_to")


@admin.register(ApprovalLimit)
class ApprovalLimitAdmin(ModelAdmin):
    """How much one person may approve; it counts from the next approval on."""

    form = ApprovalLimitForm
    list_display = ("currency", "single_up_to")
    ordering = ("currency",)

    def get_readonly_fields(self, request: HttpRequest, obj: ApprovalLimit | None = None) -> tuple[str, ...]:  # noqa: ARG002  # Django's contract
        return ("currency",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ApprovalLimit | None = None) -> bool:  # noqa: ARG002  # set to 0
        return False


class RejectionReasonForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = RejectionReason
        fields = ("title", "text_en", "text_zh", "position", "is_offered")
        widgets = {
            "text_en": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "text_zh": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        }


@admin.register(RejectionReason)
class RejectionReasonAdmin(ModelAdmin):
    """What customers read when a transfer cannot be accepted; they read it in their own language."""

    form = RejectionReasonForm
    list_display = ("title", "text_en", "text_zh", "is_offered", "position")
    ordering = ("position", "title")

    def has_delete_permission(self, request: HttpRequest, obj: RejectionReason | None = None) -> bool:  # noqa: ARG002  # no longer offered
        return False
