"""The page of an order's fapiao: what can be asked for, what became of what was, and their files."""

import re
from dataclasses import dataclass
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from djmoney.money import Money

from billing import allowances, documents, fapiao, fapiao_remainders, fapiao_responses, form_tokens, search
from billing.fapiao_forms import FapiaoForm
from billing.models import Fapiao, Order
from billing.views import limiting
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Member
from wallet.money import labelled, shown


@dataclass(frozen=True, kw_only=True)
class _Page:
    """The page of one order, as its reader has it before him."""

    request: MemberRequest
    order: Order
    acting: Member

    @property
    def target(self) -> str:
        """What a form token of this page is for."""
        return f"fapiao:{self.order.number}"

    def read_token(self) -> str:
        """Raises `form_tokens.BadFormToken` when it is not this page's, this reader's and of today."""
        return form_tokens.read_id(
            self.request.POST.get("form_token", ""),
            user_id=self.request.user.pk,
            organisation_id=self.order.organisation_id,
            target=self.target,
        )

    def show(
        self, form: FapiaoForm | None = None, *, token: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> HttpResponse:
        room = fapiao_remainders.find(self.order)
        none = fapiao_remainders.why_none(self.order)
        may_ask = self.acting.may_top_up and not room.why
        context = {
            "order": self.order,
            "room": room,
            "why_none": none,
            "issuer": None if none else documents.find_issuer(self.order),
            "asked_before": self.order.fapiaos.light().select_related("entity").order_by("-place"),
            "may_top_up": self.acting.may_top_up,
            "able": [] if self.acting.may_top_up else Member.objects.able_to_top_up(self.order.organisation_id),
            "form": (form or self._fill(room)) if may_ask else None,
            "form_token": token or self._issue_token(),
        }
        return render(self.request, "billing/fapiao.html", context, status=status)

    def _fill(self, room: fapiao_remainders.Room) -> FapiaoForm:
        chosen = {"kind": Fapiao.Kind.PLAIN, "buyer": Fapiao.Buyer.COMPANY, "amount": f"{room.most.amount:.2f}"}
        return FapiaoForm(initial=fapiao.suggest(self.order) | chosen)

    def _issue_token(self) -> str:
        organisation_id = self.order.organisation_id
        return form_tokens.issue(user_id=self.request.user.pk, organisation_id=organisation_id, target=self.target)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest, number: str) -> HttpResponseBase:
    """Whoever may see the order sees it; who may pay in asks and withdraws here."""
    order = get_object_or_404(search.own(request.memberships).select_related("organisation"), number=number)
    page = _Page(request=request, order=order, acting=memberships_of(request)[order.organisation_id])
    if request.method != "POST":
        return page.show()
    if not page.acting.may_top_up:
        return page.show(status=HTTPStatus.FORBIDDEN)
    return _withdraw(page, request.POST["withdraw"]) if "withdraw" in request.POST else _send(page)


@never_cache
@require_safe
@member_required
def download(request: MemberRequest, number: str, place: str) -> HttpResponseBase:
    """The file as it was recorded; of a reversed one too, whose buyer has to book it out."""
    order = get_object_or_404(search.own(request.memberships), number=number)
    return fapiao_responses.attachment(get_object_or_404(order.fapiaos, place=int(place), number__isnull=False))


def _send(page: _Page) -> HttpResponse:
    form = FapiaoForm(page.request.POST)
    try:
        token = page.read_token()
    except form_tokens.BadFormToken:
        form.add_error(
            None, _("This form was open too long. Nothing was asked for; please check it and send it again.")
        )
        return page.show(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if not form.is_valid():
        _look_at_amount(form, most=fapiao_remainders.find(page.order).most)
        return page.show(form, token=page.request.POST["form_token"], status=HTTPStatus.UNPROCESSABLE_ENTITY)
    now = timezone.now()
    if free_at := allowances.use(allowances.FAPIAO, user_id=page.request.user.pk, now=now):
        form.add_error(None, _say_when(limiting.count_minutes(free_at, now=now)))
        refused = page.show(form, token=page.request.POST["form_token"], status=HTTPStatus.TOO_MANY_REQUESTS)
        return limiting.tell_when(refused, free_at, now=now)
    if made := _ask(page, form, token=token):
        said = _("A fapiao of %(amount)s was asked for. Our finance team issues it and tells you by mail.")
        messages.success(page.request, said % {"amount": labelled(made.amount)})
        return _see(page.order)
    return page.show(form, token=page.request.POST["form_token"], status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _ask(page: _Page, form: FapiaoForm, *, token: str) -> Fapiao | None:
    """None when it was refused; then the form says why."""
    try:
        return fapiao.ask(
            order_id=page.order.pk, wish=form.wish, by=page.request.user, form_token=token, now=timezone.now()
        )
    except fapiao.TooMuch as error:
        form.add_error("amount", _say_most(error.room.most))
    except fapiao.FormTokenReused:
        form.add_error(None, _("This form was sent before with other content. Open the page anew."))
    except (fapiao.NothingToAskFor, fapiao.MayNotHandle) as refusal:
        messages.error(page.request, str(refusal))
    return None


def _look_at_amount(form: FapiaoForm, *, most: Money) -> None:
    """Together with whatever else is wrong, so that nobody mends one mistake to be told of the next."""
    amount = form.cleaned_data.get("amount")
    if amount is not None and amount > most:
        form.add_error("amount", _say_most(most))


def _say_most(most: Money) -> str:
    return _("At most %(most)s is left.") % {"most": shown(most)}


def _say_when(minutes: int) -> str:
    said = ngettext(
        "You asked for many fapiao in a short time. Nothing was asked for now: send this form again in a minute.",
        "You asked for many fapiao in a short time. Nothing was asked for now: send this form again in %(minutes)d "
        "minutes.",
        minutes,
    )
    return said % {"minutes": minutes}


def _withdraw(page: _Page, place: str) -> HttpResponse:
    """Repeating it changes nothing."""
    asked = page.order.fapiaos.light()
    found = get_object_or_404(asked, place=int(place) if re.fullmatch(r"[0-9]{1,4}", place) else 0)
    try:
        fapiao.withdraw(fapiao_id=found.pk, by=page.request.user, now=timezone.now())
    except fapiao.NotWaiting:
        messages.warning(page.request, _("It was decided already, so it was not withdrawn. Nothing was changed."))
    except fapiao.MayNotHandle as refusal:
        messages.error(page.request, str(refusal))
    else:
        messages.success(page.request, _("The request was withdrawn. The amount can be asked for again."))
    return _see(page.order)


def _see(order: Order) -> HttpResponse:
    return HttpResponseRedirect(reverse("billing:fapiao", args=[order.number]), status=HTTPStatus.SEE_OTHER)
