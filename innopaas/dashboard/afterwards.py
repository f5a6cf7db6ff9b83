"""What becomes of paid orders and waits for somebody: corrections, refunds, fapiao, disputes."""

from datetime import datetime, timedelta

from django.db.models import Count as CountOf
from django.db.models import Min, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing import receivables
from billing.models import Correction, Dispute, Fapiao, Refund
from innopaas.dashboard.rows import Count, list_of, number, oldest
from payments.models import BankRefund
from wallet.money import shown


def count_corrections(_now: datetime) -> list[Count]:
    waiting = Correction.objects.waiting().aggregate(number=CountOf("pk"), oldest=Min("made_at"))
    return [
        Count(
            title=_("Corrections waiting"),
            figure=waiting["number"],
            address=list_of("billing_correction"),
            by="billing.change_correction",
            since=waiting["oldest"],
        )
    ]


def count_refunds(_now: datetime) -> list[Count]:
    to_pay = BankRefund.objects.to_pay().aggregate(number=CountOf("pk"), oldest=Min("approved_at"))
    asked, failed = Q(state=Refund.State.ASKED), Q(state__in=[Refund.State.FAILED, Refund.State.RETURNED])
    refunds = Refund.objects.aggregate(
        asked=number(asked),
        asked_since=oldest("asked_at", asked),
        failed=number(failed),
        failed_since=oldest("ended_at", failed),
    )
    return [
        Count(
            title=_("Refunds waiting"),
            figure=refunds["asked"],
            address=list_of("billing_refund", needs="decision"),
            by="billing.change_refund",
            since=refunds["asked_since"],
        ),
        Count(
            title=_("To be paid at the bank"),
            figure=to_pay["number"],
            address=reverse("admin:billing_refund_to_pay"),
            by="payments.change_bankrefund",
            since=to_pay["oldest"],
        ),
        Count(
            title=_("Refunds failed"),
            figure=refunds["failed"],
            address=list_of("billing_refund", needs="failed"),
            by="billing.change_refund",
            since=refunds["failed_since"],
        ),
    ]


def count_fapiao(_now: datetime) -> list[Count]:
    waiting = Fapiao.objects.waiting().aggregate(number=CountOf("pk"), oldest=Min("asked_at"))
    return [
        Count(
            title=_("Fapiao asked for"),
            figure=waiting["number"],
            address=list_of("billing_fapiao", state__exact=Fapiao.State.REQUESTED),
            by="billing.change_fapiao",
            since=waiting["oldest"],
        )
    ]


def count_disputes(now: datetime) -> list[Count]:
    soon = Q(evidence_due_at__lt=now + timedelta(days=2))
    waiting = Dispute.objects.to_answer().aggregate(number=CountOf("pk"), oldest=Min("opened_at"), soon=number(soon))
    return [
        Count(
            title=_("Disputes to answer"),
            figure=waiting["number"],
            address=list_of("billing_dispute", needs="answer"),
            is_bad=waiting["soon"] > 0,
            by="billing.change_dispute",
            since=waiting["oldest"],
        ),
        Count(
            title=_("Owed by customers"),
            figure=shown(receivables.owed_in_all()),
            address=list_of("billing_dispute", needs="money"),
        ),
    ]
