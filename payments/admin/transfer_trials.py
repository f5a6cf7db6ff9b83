"""What received facts would come to, before anybody records them: shown beside the form, in a person's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from djmoney.money import Money

from billing import rates
from payments import allocations, appraisals, approvers, conversions, desk, findings, sightings
from payments.appraisals import Appraisal, Claim, FactsRefused, ReasonMissing
from payments.approvers import Basis
from payments.conversions import RateOption
from payments.desk_forms import FactsForm
from payments.models import ApprovalLimit, Finding, Transfer
from wallet.calendar import business_date
from wallet.models import User
from wallet.money import labelled

REFUSALS = (
    FactsRefused,
    rates.RateUnknown,
    allocations.LineSpent,
    desk.TakenBySomebodyElse,
    desk.OwnOrganisation,
    desk.NotInReview,
    findings.NotApprovable,
    findings.MayNotApprove,
    findings.NotRecordable,
    sightings.ChangedMeanwhile,
)
"""Whatever the verbs of the desk say no with; nothing has happened then."""


_SENTENCES: dict[type[Exception], Promise] = {
    desk.OwnOrganisation: gettext_lazy("You belong to this organisation: somebody else has to decide."),
    desk.NotInReview: gettext_lazy("It does not wait for finance any more. Nothing was done."),
    findings.NotApprovable: gettext_lazy(
        "What you approved is not what counts now: the received facts were changed meanwhile, or carried out. "
        "Nothing was done; look at them again."
    ),
    findings.NotRecordable: gettext_lazy(
        "This order has come to an end that no transfer changes any more. Nothing was recorded."
    ),
    allocations.LineSpent: gettext_lazy(
        "Somebody else was quicker: less is left of this bank line than was chosen. Nothing was done."
    ),
}
"""The others say it in their own words."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What facts come to for one person; `refusal` says what is missing before they can be recorded."""

    appraisal: Appraisal | None
    refusal: str
    persons: int = 0
    why_not: str = ""
    sighting: str = ""
    """Of the transfer, as it stood then."""

    @property
    def evidence(self) -> str:
        return str(Finding.Evidence(self.appraisal.evidence).label) if self.appraisal else ""

    @property
    def seen(self) -> str:
        """Changes with anything that the page says of it."""
        done = self.appraisal
        if done is None:
            return ""
        rate = done.rate.value.normalize() if done.rate else ""
        said = (done.received, done.fee, done.surplus, done.credited, done.surplus_credited, done.rate_choice)
        return "|".join(map(str, (*said, rate, done.evidence, self.persons, self.sighting)))


@dataclass(frozen=True, kw_only=True)
class RateRow:
    """One rate to choose from. The rule's has no value: it stays the rule's when the value date is changed."""

    option: RateOption
    value: str
    is_chosen: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class PersonsRow:
    """Who has to approve facts of one kind of evidence: up to the limit, and above it."""

    evidence: str
    one: str
    two: str
    is_now: bool


def hold(transfer: Transfer, form: FactsForm, *, by: User) -> Trial | None:
    """None while the form names nothing, or is not valid."""
    if not form.is_valid():
        return None
    facts = form.facts()
    if not facts.claims:
        return None
    try:
        appraisal = appraisals.appraise(transfer=transfer, order=transfer.order, facts=facts)
    except ReasonMissing as missing:
        return _weigh(missing.appraisal, transfer, refusal=str(missing), by=by)
    except (FactsRefused, rates.RateUnknown) as refused:
        return Trial(appraisal=None, refusal=str(refused))
    return _weigh(appraisal, transfer, refusal="", by=by)


def list_rates(transfer: Transfer, form: FactsForm, *, today: date) -> list[RateRow]:
    """The rates to choose from for what the form names, or else for what was asked. Raises `rates.RateUnknown`."""
    claims = _claims(form)
    received = _total(claims) if claims else transfer.amount
    value_on = max((claim.value_on for claim in claims), default=transfer.paid_on or today)
    options = conversions.list_options(order=transfer.order, received=received, value_on=value_on)
    chosen = form["rate_choice"].value() or ""
    picked = chosen if any(option.choice == chosen for option in options) else ""
    return [
        RateRow(
            option=option,
            value="" if option.is_rule else option.choice,
            is_chosen=option.choice == picked if picked else option.is_rule,
            why=_say_why(option, transfer, value_on),
        )
        for option in options
    ]


def find_limit(currency: str) -> Money | None:
    limit = ApprovalLimit.objects.filter(currency=currency).first()
    return Money(limit.single_up_to, currency) if limit else None


def list_persons(evidence_now: str) -> list[PersonsRow]:
    """Evidence × amount → persons, with the row that the received facts fall into."""
    said = {
        Finding.Evidence.STATEMENT: (
            _("1 person, who did not import the statement"),
            _("2 people, neither of whom imported it"),
        ),
        Finding.Evidence.HAND: (
            _("1 person, somebody else than who gave the facts"),
            _("2 people, neither of whom gave the facts"),
        ),
    }
    return [
        PersonsRow(evidence=str(evidence.label), one=one, two=two, is_now=evidence == evidence_now)
        for evidence, (one, two) in said.items()
    ]


def describe_finding(finding: Finding) -> str:
    """In one sentence, for the message after something was done with it."""
    done = _("%(received)s received, %(credited)s credited")
    waiting = _("%(received)s received, %(credited)s to be credited")
    said = (done if finding.done_at else waiting) % {
        "received": labelled(finding.received),
        "credited": labelled(finding.credited + finding.surplus_credited),
    }
    return f"{said} ({rates.shown(finding.rate)})" if finding.rate else said


def explain(refused: Exception) -> str:
    """What a verb's no means, as a sentence for the page."""
    if isinstance(refused, desk.TakenBySomebodyElse):
        return say_taken(refused.transfer)
    for kind, sentence in _SENTENCES.items():
        if isinstance(refused, kind):
            return str(sentence)
    return str(refused)


def say_taken(transfer: Transfer) -> str:
    until = date_format(timezone.localtime(transfer.taken_until), "H:i") if transfer.taken_until else ""
    return _("%(name)s works on it until %(time)s.") % {"name": transfer.taken_by, "time": until}


def _weigh(appraisal: Appraisal, transfer: Transfer, *, refusal: str, by: User) -> Trial:
    basis = Basis(
        lines=tuple(claim.line for claim in appraisal.claims if claim.line),
        organisation_ids=frozenset({transfer.organisation_id}),
        evidence=appraisal.evidence,
        given_by_id=by.pk,
    )
    return Trial(
        appraisal=appraisal,
        refusal=refusal,
        persons=approvers.persons_for(appraisal.received),
        why_not=approvers.why_not(basis, by=by),
        sighting=sightings.of_transfer(transfer, order=transfer.order),
    )


def _claims(form: FactsForm) -> Sequence[Claim]:
    claims = form.facts().claims if form.is_valid() else ()
    return claims if len({claim.amount.currency for claim in claims}) == 1 else ()


def _total(claims: Sequence[Claim]) -> Money:
    total: Money = sum((claim.amount for claim in claims[1:]), start=claims[0].amount)
    return total


def _say_why(option: RateOption, transfer: Transfer, value_on: date) -> str:
    if option.choice == Finding.Rate.VALUE_DAY:
        return _("the rate of the value date %(day)s") % {"day": value_on.isoformat()}
    until = transfer.order.rate_until
    return _("quoted with the order, for value dates up to %(day)s") % {
        "day": business_date(until).isoformat() if until else "—"
    }
