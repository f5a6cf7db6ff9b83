"""Asking for a refund, looked at before it is sent, and withdrawing it."""

from dataclasses import dataclass
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from djmoney.money import Money

from billing import explanations, form_tokens, refunds, search
from billing.models import Order, Refund
from billing.moves import Change
from billing.refund_forms import RefundForm
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Member
from wallet.money import labelled, shown


@dataclass(frozen=True, kw_only=True)
class _Page:
    """The page of one order, as its reader has it before him."""

    request: MemberRequest
    order: Order

    @property
    def target(self) -> str:
        """What a form token of this page is for."""
        return f"refund:{self.order.number}"

    def issue_token(self) -> str:
        organisation_id = self.order.organisation_id
        return form_tokens.issue(user_id=self.request.user.pk, organisation_id=organisation_id, target=self.target)

    def read_token(self) -> str:
        """Raises `form_tokens.BadFormToken` when it is not this page's, this reader's and of today."""
        return form_tokens.read_id(
            self.request.POST.get("form_token", ""),
            user_id=self.request.user.pk,
            organisation_id=self.order.organisation_id,
            target=self.target,
        )

    def show(self, form: RefundForm, *, token: str = "", status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
        room = refunds.refundable(self.order, reader=memberships_of(self.request)[self.order.organisation_id])
        context = {
            "order": self.order,
            "room": room,
            "form": form if room.most.amount > 0 else None,
            "form_token": token or self.issue_token(),
            "way_back": explanations.explain_way_back(self.order),
        }
        return render(self.request, "billing/refund.html", context, status=status)

    def show_refusal(self, why: str) -> HttpResponse:
        context = {"order": self.order, "why": why}
        return render(self.request, "billing/refund_refused.html", context, status=HTTPStatus.CONFLICT)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def ask(request: MemberRequest, number: str) -> HttpResponseBase:
    """A form with what can be refunded and why not more, then a review of it, then it is sent."""
    order = get_object_or_404(search.readable(request.memberships), number=number)
    acting = memberships_of(request)[order.organisation_id]
    if not acting.may_top_up:
        return _refuse(request, acting, order)
    page = _Page(request=request, order=order)
    if request.method == "POST":
        return _send(page)
    if why := _why_not(page):
        return page.show_refusal(why)
    return page.show(_fill(page))


@never_cache
@require_POST
@member_required
def withdraw(request: MemberRequest, number: str, refund_number: str) -> HttpResponseBase:
    """Repeating it changes nothing."""
    order = get_object_or_404(search.readable(request.memberships), number=number)
    acting = memberships_of(request)[order.organisation_id]
    if not acting.may_top_up:
        return _refuse(request, acting, order)
    own = order.refunds.filter(origin=Refund.Origin.CUSTOMER)
    refund = get_object_or_404(own, number=refund_number)
    try:
        refunds.withdraw(refund_id=refund.pk, by=request.user, now=timezone.now())
    except refunds.NotWaiting:
        messages.warning(request, _("It was decided already, so it was not withdrawn. Nothing was changed."))
    else:
        said = _("The refund was withdrawn: %(amount)s is back in the balance.")
        messages.success(request, said % {"amount": labelled(refund.amount)})
    return _see(order)


def _send(page: _Page) -> HttpResponseBase:
    form = RefundForm(page.request.POST, currency=page.order.credited.currency.code)
    try:
        token = page.read_token()
    except form_tokens.BadFormToken:
        form.add_error(
            None, _("This form was open too long. Nothing was asked for; please check it and send it again.")
        )
        return page.show(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        if form.is_valid():
            return _go_on(page, form, token=token)
        if amount := form.cleaned_data.get("amount"):  # so that all that is wrong is told at once
            _find_room(page, amount)
    except refunds.TooMuch as error:
        form.add_error("amount", _say_too_much(error.room))
    except (refunds.NotRefundable, refunds.MayNotRefund) as error:
        return page.show_refusal(str(error))
    except refunds.FormTokenReused as reused:
        context = {"order": page.order, "refund": reused.refund}
        return render(page.request, "billing/refund_sent_before.html", context, status=HTTPStatus.CONFLICT)
    sent = page.request.POST["form_token"]
    return page.show(form, token=sent, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _go_on(page: _Page, form: RefundForm, *, token: str) -> HttpResponseBase:
    """At once, unless the form asks to see it first and was not sent before."""
    amount, reason = form.cleaned_data["amount"], form.cleaned_data["reason"]
    if "step" in page.request.POST and not refunds.was_sent(token):
        return _review(page, amount, reason)
    refund = refunds.ask(
        order_id=page.order.pk,
        amount=amount,
        reason=reason,
        by=page.request.user,
        origin=Refund.Origin.CUSTOMER,
        form_token=token,
        now=timezone.now(),
    )
    said = _("The refund %(number)s was asked for: %(amount)s is set aside until our finance team has decided.")
    messages.success(page.request, said % {"number": refund.number, "amount": labelled(refund.amount)})
    return _see(page.order)


def _review(page: _Page, amount: Money, reason: str) -> HttpResponse:
    """What would happen. Raises what asking for it would."""
    if why := _why_not(page):
        raise refunds.NotRefundable(why)
    room = _find_room(page, amount)
    context = {
        "order": page.order,
        "amount": amount,
        "back": refunds.find_worth(page.order, amount),
        "reason": reason,
        "changes": [Change(code=page.order.target, before=room.holds, after=room.holds - amount)],
        "way_back": explanations.explain_way_back(page.order),
        "form_token": page.request.POST["form_token"],
    }
    return render(page.request, "billing/refund_review.html", context)


def _fill(page: _Page) -> RefundForm:
    """All that can be refunded, or what the reader goes back to change."""
    given = page.request.GET
    most = refunds.refundable(page.order).most
    return RefundForm(
        currency=most.currency.code,
        initial={"amount": given.get("amount", f"{most.amount:.2f}"), "reason": given.get("reason", "")},
    )


def _why_not(page: _Page) -> str:
    return refunds.why_not_ask(page.order, by=page.request.user, origin=Refund.Origin.CUSTOMER, now=timezone.now())


def _find_room(page: _Page, amount: Money) -> refunds.Refundable:
    """Raises `refunds.TooMuch` when it does not hold the amount."""
    room = refunds.refundable(page.order)
    if amount > room.most:
        raise refunds.TooMuch(room)
    return room


def _say_too_much(room: refunds.Refundable) -> str:
    if room.most.amount <= 0:
        return _("Nothing of this order can be refunded now.")
    return _("At most %(most)s can be refunded now.") % {"most": shown(room.most)}


def _see(order: Order) -> HttpResponse:
    return HttpResponseRedirect(reverse("billing:order", args=[order.number]), status=HTTPStatus.SEE_OTHER)


def _refuse(request: MemberRequest, member: Member, order: Order) -> HttpResponse:
    """Say who in the organisation may ask for it (403)."""
    able = Member.objects.able_to_top_up(member.organisation_id)
    context = {"able": able, "member": member, "order": order}
    return render(request, "billing/refund_forbidden.html", context, status=HTTPStatus.FORBIDDEN)
