"""Billing > Statement: one balance over some days, its files, and the pack of a month."""

from dataclasses import dataclass
from datetime import date

from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import allowances, curves, packs, statement_files, statements
from billing.statement_forms import StatementForm, list_months, month_of
from billing.statements import Balance, Statement
from billing.views.limiting import limited_to
from products import access
from wallet import chart, replica
from wallet.access import MemberRequest, member_required
from wallet.calendar import business_date
from wallet.models import Member


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """What the address names."""

    form: StatementForm
    statement: Statement
    today: date

    @property
    def file_name(self) -> str:
        days = (
            f"{self.statement.first:%Y-%m}" if self.form.is_month else f"{self.statement.first}-{self.statement.last}"
        )
        return f"statement-{self.statement.balance.file_name}-{days}"


@never_cache
@require_safe
@member_required
def show(request: MemberRequest) -> HttpResponseBase:
    chosen = _read(request)
    statement, form = chosen.statement, chosen.form
    if form.errors:  # the figures of another choice would be taken for those asked for
        return render(request, "billing/statement.html", {"form": form, "filters": _drop_place(request)})
    kind = form.cleaned_data["kind"]
    days = statements.read_days(statement, today=chosen.today)
    return render(
        request,
        "billing/statement.html",
        {
            "form": form,
            "statement": statement,
            "page": statements.read_page(statement, member=request.member, kind=kind, before=form.place),
            "is_first_page": not form.place,
            "kind": kind,
            "days": days,
            "frame": curves.frame([day.day for day in days], [day.closing for day in days]),
            "curve": curves.draw([day.closing for day in days]),
            "filters": _drop_place(request),
            "pack": _plan(request, chosen),
            "most_in_pdf": statement_files.MOST_IN_PDF,
        },
    )


@never_cache
@require_safe
@member_required
@limited_to(allowances.FILES)
def download_csv(request: MemberRequest) -> HttpResponseBase:
    with replica.reading():
        chosen = _read(request)
    if not chosen.form.is_valid():
        return _name_the_errors(request)
    _check_right(request.member, chosen.statement.balance)
    kind = chosen.form.cleaned_data["kind"]
    return StreamingHttpResponse(
        replica.walk(statement_files.write_csv(chosen.statement, member=request.member, kind=kind)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{chosen.file_name}.csv"', "Cache-Control": "no-store"},
    )


@never_cache
@require_safe
@member_required
@limited_to(allowances.FILES)
def download_pdf(request: MemberRequest) -> HttpResponseBase:
    with replica.reading():
        chosen = _read(request)
        if not chosen.form.is_valid():
            return _name_the_errors(request)
        file = statement_files.draw_pdf(chosen.statement, member=request.member, now=timezone.now())
    _check_right(request.member, chosen.statement.balance)
    return HttpResponse(
        file,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{chosen.file_name}.pdf"'},
    )


@never_cache
@require_safe
@member_required
@limited_to(allowances.FILES)
def download_pack(request: MemberRequest) -> HttpResponseBase:
    """A part of the month's pack; of a month that cannot be one, or a part that is not there, nothing."""
    now = timezone.now()
    first, last, part = _read_pack(request, today=business_date(now))
    pack = packs.plan(request.member, first=first, last=last)
    if not 1 <= part <= pack.parts:
        raise Http404
    file = packs.write(pack, member=request.member, part=part, now=now, today=business_date(now))
    name = f"{pack.month}.zip" if pack.parts == 1 else f"{pack.month}-{part}-of-{pack.parts}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


def _read(request: MemberRequest) -> _Chosen:
    """What is valid of the choice; the rest is as if not given, and its error stands in the form."""
    today = business_date(timezone.now())
    since = business_date(request.member.organisation.created_at)
    form = StatementForm(request.GET, balances=statements.list_balances(request.member), since=since, today=today)
    form.is_valid()
    first, last = form.days
    return _Chosen(form=form, statement=statements.read(form.chosen, first=first, last=last, today=today), today=today)


def _check_right(member: Member, balance: Balance) -> None:
    """By the primary: a replica may not know yet that a product was taken from the member."""
    if balance.code != chart.WALLET and all(product.code != balance.code for product in access.usable(member)):
        raise Http404


def _plan(request: MemberRequest, chosen: _Chosen) -> packs.Pack | None:
    """Of the month shown."""
    if not chosen.form.is_month:
        return None
    return packs.plan(request.member, first=chosen.statement.first, last=chosen.statement.last)


def _read_pack(request: MemberRequest, *, today: date) -> tuple[date, date, int]:
    month, part = request.GET.get("month", ""), request.GET.get("part", "1")
    since = business_date(request.member.organisation.created_at)
    if month not in list_months(since, today) or not (part.isascii() and part.isdigit() and len(part) < 6):
        raise Http404
    return *month_of(month), int(part)


def _name_the_errors(request: MemberRequest) -> HttpResponseBase:
    """Another statement is not what was asked for: the page says what of the choice cannot be understood."""
    return HttpResponseRedirect(f"{reverse('billing:statement')}?{_drop_place(request)}")


def _drop_place(request: MemberRequest) -> str:
    given = request.GET.copy()
    given.pop("before", None)
    return given.urlencode()
