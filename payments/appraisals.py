"""What received facts come to: which rate counts, what is credited, and whether anybody judged.

Nothing is written here; pages show it before anybody decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import rates
from billing.arrivals import Rate
from billing.models import Order
from payments import conversions
from payments.conversions import RateOption
from payments.models import BankAccount, BankLine, Finding, Suggestion, Transfer
from wallet.models import HOUSE_ID
from wallet.money import WALLET_CURRENCY, labelled


class FactsRefused(ValueError):
    """The received facts cannot be taken as they are; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class TypedLine:
    """A bank line that no statement has brought yet, as somebody read it at the bank."""

    account: BankAccount
    bank_reference: str
    value_on: date
    amount: Money
    payer_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """How much of one bank line is meant for the transfer: a line we have, or one typed."""

    amount: Money
    line: BankLine | None = None
    typed: TypedLine | None = None

    @property
    def value_on(self) -> date:
        return self.line.value_on if self.line else self._typed.value_on

    @property
    def _typed(self) -> TypedLine:
        if self.typed is None:
            raise ValueError("a claim is of a line we have or of a typed one")
        return self.typed

    def as_share(self) -> dict[str, Any]:
        """The fields of its row."""
        if self.line:
            return {"amount": self.amount.amount, "line": self.line}
        typed = self._typed
        return {
            "amount": self.amount.amount,
            "account": typed.account,
            "bank_reference": typed.bank_reference,
            "value_on": typed.value_on,
            "line_amount": typed.amount.amount,
            "payer_name": typed.payer_name,
        }


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What somebody in finance gives: claims, the bank fee we bear, the rate where it is not the rule's, and why."""

    claims: tuple[Claim, ...]
    fee: Money | None = None
    rate_choice: Finding.Rate | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Appraisal:
    """What facts come to; see `models.Finding` for the words."""

    claims: tuple[Claim, ...]
    evidence: Finding.Evidence
    received: Money
    fee: Money
    surplus: Money
    credited: Money
    surplus_credited: Money
    rate_choice: Finding.Rate
    rate: Rate | None
    is_rule: bool
    surplus_rate: Rate | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Extra:
    """What arrived beyond the amount asked for, and at which rate it is converted."""

    money: Money
    rate: Rate | None


class ReasonMissing(FactsRefused):
    """Nothing but the reason is missing; `appraisal` is what the facts come to."""

    def __init__(self, message: str, appraisal: Appraisal) -> None:
        super().__init__(message)
        self.appraisal = appraisal


def appraise(*, transfer: Transfer, order: Order, facts: Facts) -> Appraisal:
    """Raise `FactsRefused` when they cannot be credited as they are, `rates.RateUnknown` without a rate for the day."""
    received = _sum(facts.claims)
    fee = facts.fee or Money(0, received.currency)
    asked = transfer.amount if order.paid_at is None and transfer.amount.currency == received.currency else None
    _check_fee(fee, received, asked, facts.claims)
    options = conversions.list_options(order=order, received=received, value_on=_value_on(facts.claims))
    option = _choose(options, facts.rate_choice)
    extra = _find_extra(received, asked, options)
    judged = fee.amount > 0 or bool(option and not option.is_rule) or _is_anothers(facts.claims, transfer)
    evidence = Finding.Evidence.HAND if judged else _evidence_of(facts.claims)
    appraisal = _sum_up(facts, received=received, fee=fee, option=option, extra=extra, evidence=evidence)
    differs = order.paid_at is None and received != transfer.amount
    if (differs or judged) and not facts.reason:
        said = _(
            "Say why: what arrived differs from what was asked or seems to be another customer's, or you chose a fee "
            "or another rate."
        )
        raise ReasonMissing(said, appraisal)
    return appraisal


def appraise_unasked(*, facts: Facts) -> Appraisal:
    """The same for money that no order asked for: all of it is credited, at the rate of its value date. Whose it is, is
    somebody's judgement, so somebody else has to approve it.
    """
    received = _sum(facts.claims)
    if not all(claim.line for claim in facts.claims):
        raise FactsRefused(_("Money that no order asked for is assigned from its bank line."))
    nothing = Money(0, received.currency)
    option = _choose(conversions.list_options(order=None, received=received, value_on=_value_on(facts.claims)), None)
    extra = _Extra(money=nothing, rate=None)
    evidence = Finding.Evidence.HAND
    appraisal = _sum_up(facts, received=received, fee=nothing, option=option, extra=extra, evidence=evidence)
    if not facts.reason:
        raise ReasonMissing(_("Say how you know whose money it is."), appraisal)
    return appraisal


def claim_whole(line: BankLine) -> Claim:
    """All that is left of a line."""
    return Claim(amount=line.rest, line=line)


def _sum(claims: Sequence[Claim]) -> Money:
    if not claims:
        raise FactsRefused(_("Choose the bank lines it came with, or write down what the bank received."))
    if len({claim.amount.currency for claim in claims}) > 1:
        raise FactsRefused(_("These bank lines are of different currencies; approve them one after the other."))
    if len({claim.line.pk for claim in claims if claim.line}) < sum(1 for claim in claims if claim.line):
        raise FactsRefused(_("A bank line was chosen twice."))
    for claim in claims:
        _check_claim(claim)
    total: Money = sum((claim.amount for claim in claims[1:]), start=claims[0].amount)
    return total


def _check_claim(claim: Claim) -> None:
    if claim.amount.amount <= 0:
        raise FactsRefused(_("An amount has to be above zero."))
    if claim.line:
        if claim.line.direction != BankLine.Direction.IN or claim.line.is_reversal:
            raise FactsRefused(_("This bank line is not money that came in."))
        if claim.amount > claim.line.rest:
            raise FactsRefused(_("Only %(rest)s is left of this bank line.") % {"rest": labelled(claim.line.rest)})
        return
    typed = claim.typed
    if typed is None or not typed.bank_reference:
        raise FactsRefused(_("Write the bank's number of the transfer, so that the statement finds it again."))
    if typed.account.currency != claim.amount.currency.code or claim.amount > typed.amount:
        raise FactsRefused(_("The amount does not agree with the account's currency or with what the bank received."))


def _check_fee(fee: Money, received: Money, asked: Money | None, claims: Sequence[Claim]) -> None:
    if fee.amount < 0 or fee.currency != received.currency:
        raise FactsRefused(_("The bank fee has to be in the currency of what arrived."))
    if fee.amount == 0:
        return
    if asked is None or received + fee > asked:
        raise FactsRefused(_("A bank fee can only fill what is missing from the amount asked for."))
    account = claims[0].line.account if claims[0].line else claims[0].typed.account if claims[0].typed else None
    if account is None or fee > account.tolerance:
        raise FactsRefused(
            _("We bear bank fees up to %(most)s on this account.")
            % {"most": labelled(account.tolerance) if account else "0"}
        )


def _value_on(claims: Sequence[Claim]) -> date:
    """The day on which all of it was there."""
    return max(claim.value_on for claim in claims)


def _choose(options: Sequence[RateOption], choice: Finding.Rate | None) -> RateOption | None:
    """The rule's option unless another was chosen; None where nothing is converted."""
    for option in options:
        if option.choice == choice if choice else option.is_rule:
            return option
    if options:
        raise FactsRefused(_("This rate is not to be had for this transfer."))
    return None


def _find_extra(received: Money, asked: Money | None, options: Sequence[RateOption]) -> _Extra:
    """What is beyond the amount asked for. No quote covers it, so the rate of the value date counts, whichever counts
    for the rest.
    """
    over = received - asked if asked else Money(0, received.currency)
    if over.amount <= 0:
        return _Extra(money=Money(0, received.currency), rate=None)
    of_day = next((option.rate for option in options if option.choice == Finding.Rate.VALUE_DAY), None)
    if options and of_day is None:
        raise FactsRefused(
            _(
                "There is no rate of the value date for what is beyond the amount asked for. Use less of the bank "
                "line, %(asked)s: the rest of it is kept in suspense."
            )
            % {"asked": labelled(received - over)}
        )
    return _Extra(money=over, rate=of_day)


def _is_anothers(claims: Sequence[Claim], transfer: Transfer) -> bool:
    """Whether a line seems to be somebody else's money: in another customer's suspense, or quoting only references of
    other organisations. To use it all the same is a judgement.
    """
    lines = [claim.line for claim in claims if claim.line]
    if any(line.held_by_id not in {None, HOUSE_ID, transfer.organisation_id} for line in lines):
        return True
    quoted = Suggestion.objects.filter(line__in=lines, reason__in=BankLine.BY_REFERENCE)
    ours = quoted.filter(transfer__organisation=transfer.organisation_id).values("line_id")
    return quoted.exclude(line__in=ours).exists()


def _evidence_of(claims: Sequence[Claim]) -> Finding.Evidence:
    all_from_statements = all(claim.line and claim.line.is_on_statement for claim in claims)
    return Finding.Evidence.STATEMENT if all_from_statements else Finding.Evidence.HAND


def _sum_up(
    facts: Facts,
    *,
    received: Money,
    fee: Money,
    option: RateOption | None,
    extra: _Extra,
    evidence: Finding.Evidence,
) -> Appraisal:
    rate = option.rate if option else None
    credited, extra_credited = _worth(received + fee - extra.money, rate), _worth(extra.money, extra.rate)
    if credited.amount <= 0 or (extra.money.amount > 0 and extra_credited.amount <= 0):
        raise FactsRefused(_("What would be credited is worth less than a cent: use another part of the bank line."))
    return Appraisal(
        claims=facts.claims,
        evidence=evidence,
        received=received,
        fee=fee,
        surplus=extra.money,
        credited=credited,
        surplus_credited=extra_credited,
        rate_choice=option.choice if option else Finding.Rate.NONE,
        rate=rate,
        is_rule=option.is_rule if option else True,
        surplus_rate=extra.rate,
        reason=facts.reason,
    )


def _worth(money: Money, rate: Rate | None) -> Money:
    if rate is None or money.amount == 0:
        return Money(money.amount, WALLET_CURRENCY)
    return rates.convert(money, rate=rate.value, to=WALLET_CURRENCY)
