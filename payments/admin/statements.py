"""Bank statements for finance: imported in two steps, file and preview, and then watched until the ledger has them."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from payments import holding, imports, kept_files, uploads
from payments.admin import line_stories
from payments.continuity import ImportRefused
from payments.kept_files import KeptFile
from payments.models import BankLine, StatementFile
from payments.statement_forms import StatementForm, columns_of
from payments.statements.lines import StatementUnreadable
from payments.uploads import BalancesNeeded, Upload
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.models import User
from wallet.money import labelled

_KEPT = "statement_file"
_HELD_AT_ONCE = 1000
"""Lines that go into the ledger while the importer waits; the sweep takes the others."""


@admin.register(StatementFile)
class StatementFileAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What was imported. Importing is an act of its own."""

    list_display = ("name", "account", "days", "closing_shown", "lines_read", "lines_added", "imported_by", "imported")
    list_filter = ("account",)
    list_select_related = ("account", "imported_by")
    search_fields = ("name", "sha256")
    ordering = ("-imported_at",)
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/statement_progress.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    fields = (
        *("name", "account", "format", "days", "opening_shown", "closing_shown", "lines_read", "lines_added"),
        *("imported_by", "imported", "size", "sha256"),
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(self.bring), name="payments_statementfile_import"),
            path("<uuid:pk>/progress/", wrap(self.progress), name="payments_statementfile_progress"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = dict(extra_context or {})
        if request.user.has_perm("payments.add_statementfile"):
            address = reverse("admin:payments_statementfile_import")
            more["acts"] = [{"title": _("Import a statement"), "address": address}]
        return super().changelist_view(request, more)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        file = self.get_object(request, object_id)
        more = dict(extra_context or {}) | (_progress_of(file) | {"tables": [_table_of_piles(file)]} if file else {})
        return super().change_view(request, object_id, form_url, more)

    def progress(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """How far the ledger is, for the page to ask again and again until it is done."""
        if not request.user.has_perm("payments.view_statementfile"):
            raise PermissionDenied
        file = get_object_or_404(StatementFile, pk=pk)
        return render(request, "staff/statement_progress.html", _progress_of(file) | {"original": file})

    def bring(self, request: HttpRequest) -> HttpResponse:
        by = find_person(request, permission="payments.add_statementfile")
        if request.POST.get("step") == "forget":
            _forget(request)
            return redirect("admin:payments_statementfile_import")
        kept = _find_kept(request)
        form = StatementForm(request.POST or None, request.FILES or None, kept=kept, initial=_initial(request))
        answer = self._act(request, form, by=by) if form.is_valid() else None
        return answer or self._ask(request, form, _find_kept(request))

    def _act(self, request: HttpRequest, form: StatementForm, *, by: User) -> HttpResponse | None:
        """Preview or import; None when the form says why not."""
        kept = _keep(request, form)
        try:
            upload = _upload(form, kept)
            if request.POST.get("step") == "import":
                return self._import(request, upload, by=by)
            return self._show(request, form, kept, imports.preview(upload, now=timezone.now()))
        except BalancesNeeded as error:
            form.add_error("opening", str(error))
        except (StatementUnreadable, ImportRefused) as error:
            form.add_error(None, str(error))
        except kept_files.FileGone:
            _forget(request)
            form.add_error("file", _("The file is not kept any more. Choose it again."))
        return None

    def _import(self, request: HttpRequest, upload: Upload, *, by: User) -> HttpResponse:
        now = timezone.now()
        imported = imports.import_statement(upload, by=by, now=now)
        _forget(request)
        if imported.is_new:
            self.log_addition(request, imported.file, str(_("Imported: %(name)s") % {"name": imported.file.name}))
            holding.hold_due(now=now, limit=_HELD_AT_ONCE)
            messages.success(request, _("Imported. New lines: %(count)d.") % {"count": imported.file.lines_added})
        else:
            messages.warning(request, _("This file was imported before; nothing was added. This is what it was."))
        return redirect("admin:payments_statementfile_change", imported.file.pk)

    def _ask(self, request: HttpRequest, form: StatementForm, kept: KeptFile | None) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": _("Import a statement"),
            "form": form,
            "kept": kept,
            "back": reverse("admin:payments_statementfile_changelist"),
        }
        return render(request, "staff/statement_import.html", context)

    def _show(self, request: HttpRequest, form: StatementForm, kept: KeptFile, seen: imports.Preview) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": _("Import a statement"),
            "form": form,
            "kept": kept,
            "seen": seen,
            "piles": [(pile.label, found.count, labelled(found.total)) for pile, found in seen.piles.items()],
            "heads": (_("booked on"), _("amount"), _("direction"), _("payer"), _("text"), _("pile"), _("why")),
            "rows": [_row_of(line) for line in seen.first],
            "sent": [(name, value) for name, value in form.data.items() if name in form.fields],
            "balances": [
                labelled(money) for money in (seen.statement.opening, seen.statement.closing) if money is not None
            ],
        }
        return render(request, "staff/statement_preview.html", context)

    @admin.display(description=_("days"), ordering="last_day")
    def days(self, file: StatementFile) -> str:
        return f"{file.first_day.isoformat()} – {file.last_day.isoformat()}"

    @admin.display(description=_("opening balance"))
    def opening_shown(self, file: StatementFile) -> str:
        return labelled(Money(file.opening, file.account.currency))

    @admin.display(description=_("closing balance"), ordering="closing")
    def closing_shown(self, file: StatementFile) -> str:
        return labelled(Money(file.closing, file.account.currency))

    @admin.display(description=_("imported"), ordering="imported_at")
    def imported(self, file: StatementFile) -> str:
        return cells.show_moment(file.imported_at)


def _find_kept(request: HttpRequest) -> KeptFile | None:
    """The file of the page before; its name in the storage comes from the session alone."""
    kept = request.session.get(_KEPT)
    return KeptFile(**kept) if kept else None


def _keep(request: HttpRequest, form: StatementForm) -> KeptFile:
    """The file that was just sent, in place of one kept before; or that one."""
    kept = _find_kept(request)
    file = form.cleaned_data["file"]
    if file is None and kept:
        return kept
    _forget(request)
    kept = kept_files.keep(file, now=timezone.now())
    request.session[_KEPT] = asdict(kept)
    return kept


def _forget(request: HttpRequest) -> None:
    kept = request.session.pop(_KEPT, None)
    if kept:
        kept_files.throw_away(KeptFile(**kept))


def _initial(request: HttpRequest) -> dict[str, Any]:
    """The account of the address, with its columns as named last."""
    form = StatementForm()
    accounts = form.fields["account"].queryset  # type: ignore[attr-defined]  # a ModelChoiceField has one
    account = accounts.filter(code=request.GET.get("bank", "")).first()
    if account is None:
        return {}
    return {"account": account.pk} | (columns_of(account) if uploads.has_own_columns(account) else {})


def _upload(form: StatementForm, kept: KeptFile) -> Upload:
    given = form.cleaned_data
    return Upload(
        account=given["account"],
        name=kept.name,
        raw=kept_files.read(kept),
        opening=given["opening"],
        closing=given["closing"],
        mapping=given["mapping"],
    )


def _progress_of(file: StatementFile) -> dict[str, Any]:
    due = holding.count_due(file)
    return {"due": due, "progress_address": reverse("admin:payments_statementfile_progress", args=[file.pk])}


def _table_of_piles(file: StatementFile) -> dict[str, Any]:
    counted = {
        row["pile"]: row
        for row in file.lines.values("pile").annotate(count=Count("id"), total=Sum("amount")).order_by("pile")
    }
    lines = reverse("admin:payments_bankline_changelist")
    rows = [
        (
            cells.link_to(f"{lines}?{urlencode({'file': file.pk, 'pile': pile.value})}", pile.label),
            counted[pile]["count"],
            labelled(Money(counted[pile]["total"], file.account.currency)),
        )
        for pile in BankLine.Pile
        if pile in counted
    ]
    return {"title": _("Lines by pile"), "headers": (_("pile"), _("lines"), _("total")), "rows": rows}


def _row_of(line: BankLine) -> tuple[object, ...]:
    why = BankLine.Why(line.pile_reason).label if line.pile_reason else ""
    return (
        line.booked_on.isoformat(),
        labelled(line.amount),
        BankLine.Direction(line.direction).label,
        line.payer_name,
        line.text[:80],
        BankLine.Pile(line.pile).label,
        line_stories.explain(why, line.pile_detail),
    )
