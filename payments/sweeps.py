"""Recurring work that finds whatever nobody was woken for. Each may run anywhere, at any time, twice at once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from billing import alerts, auto_fill, callback_outbox, documents, flags, mails, notices, rate_loader
from billing.models import Flag
from payments import (
    balance_transactions,
    card_refunds,
    checkout,
    digests,
    disputing,
    holding,
    house_moves,
    inbox,
    kept_files,
    matching,
    payouts,
    returns,
    slips,
    stripe_api,
    suspense_refunds,
    transfers,
)
from payments.models import Heartbeat, Payment
from products import holds, usage
from wallet.calendar import business_date

logger = logging.getLogger(__name__)

INBOX = "inbox"
"""The sweep by whose heartbeat a worker is known to live."""

_PATIENCE = 3
"""Unanswered questions after which a sweep gives up; one odd session alone must not stop the others."""

_BATCH = 100
_INBOX_SECONDS = 15.0
"""No batch of events begins later in a sweep; the next sweep goes on. Other sweeps may be waiting for this one."""

_NEW_BALANCES_REACH = timedelta(days=2)  # what is older waits for the daily look at all
_MISSED_EVENTS_REACH = timedelta(days=3)  # as long as Stripe itself retries


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A recurring job: what it does, how often, and by which name its heartbeat is known."""

    name: str
    every: timedelta
    run: Callable[..., None]


def sweep_inbox(*, now: datetime) -> None:
    """Take up events whose wake-up was lost or whose worker died, until none is left or the time for it is over."""
    started = monotonic()
    taken = _BATCH
    while taken == _BATCH and monotonic() - started < _INBOX_SECONDS:
        taken = inbox.handle_due(now=now + timedelta(seconds=monotonic() - started), limit=_BATCH)


def ask_about_open_payments(*, now: datetime) -> None:
    """Ask Stripe about payments that wait, whether or not any webhook ever came."""
    unanswered = 0
    for payment in Payment.objects.to_ask_about(now=now).select_related("order")[:200]:
        try:
            checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
        except stripe_api.StripeUnavailable as error:
            logger.warning("Stripe does not answer, payment %s is asked about later: %s", payment.pk, error)
            Payment.objects.filter(pk=payment.pk).update(ask_at=now + timedelta(minutes=1))
            unanswered += 1
            if unanswered == _PATIENCE:
                return  # Stripe is away; the rest would only wait for it in turn
        except stripe_api.StripeRefused as error:
            _set_apart(payment, Flag.Reason.NO_SUCH_SESSION, error, now=now)
        except Exception as error:  # whatever is odd about one payment, the others are asked about
            logger.exception("payment %s could not be asked about", payment.pk)
            _set_apart(payment, Flag.Reason.UNREADABLE, error, now=now)


def _set_apart(payment: Payment, reason: Flag.Reason, error: Exception, *, now: datetime) -> None:
    """Put a payment that cannot be asked about before ops, and try it again after an hour."""
    flags.raise_flag(order=payment.order, reason=reason, detail=str(error), now=now)
    Payment.objects.filter(pk=payment.pk).update(ask_at=now + timedelta(hours=1))


def carry_out_refunds(*, now: datetime) -> None:
    """Send approved refunds to Stripe, and ask about those that are there."""
    card_refunds.send_due(now=now)
    suspense_refunds.send_due(now=now)
    card_refunds.ask_due(now=now)


def find_missed_events(*, now: datetime) -> None:
    """List the events Stripe could not deliver and put them into the inbox."""
    try:
        missed = stripe_api.undelivered_events(since=now - _MISSED_EVENTS_REACH, now=now)
    except stripe_api.StripeUnavailable as error:
        logger.warning("Stripe does not answer, missed events are looked for later: %s", error)
        return
    inbox.store_missed(missed, now=now)
    inbox.handle_due(now=now)


def send_mails(*, now: datetime) -> None:
    """Send what the timeline has to tell and nobody has sent yet."""
    mails.send_due(now=now)


def settle_bank_lines(*, now: datetime) -> None:
    """Look for the transfers of lines that have none, and put what is left of every line into the ledger; then post
    what is a payout or a small charge of the bank.
    """
    matching.match_lines(now=now)
    holding.hold_due(now=now)
    payouts.match_due(now=now)
    returns.match_sent(now=now)
    house_moves.book_charges(now=now)


def read_balance(*, now: datetime) -> None:
    """Read what moved in our balance at Stripe, and which payouts took it, and post what has to be."""
    try:
        payouts.refresh(now=now)
        balance_transactions.load_recent(now=now)
        balance_transactions.judge_due(now=now)
    except stripe_api.StripeUnavailable as error:
        logger.warning("Stripe does not answer, its balance is read later: %s", error)


def end_transfers(*, now: datetime) -> None:
    """End the orders whose transfer nobody declared in time."""
    transfers.expire_due(now=now)


def forget_slips(*, now: datetime) -> None:
    """Delete the files of uploads that were cut off before their rows were written, and of statements nobody imported
    after their preview.
    """
    slips.forget_orphans(now=now)
    kept_files.forget(now=now)


def load_rate(*, now: datetime) -> None:
    """Load the day's exchange rate, where a provider is configured."""
    rate_loader.load_daily(now=now)


def send_callbacks(*, now: datetime) -> None:
    """Tell organisations' own servers what happened, and try again where they did not answer."""
    callback_outbox.collect(now=now)
    callback_outbox.send_due(now=now)


def watch_balances(*, now: datetime) -> None:
    """Notice balances that fell below their threshold, once a dip."""
    alerts.watch_new(opened_since=now - _NEW_BALANCES_REACH)
    alerts.refresh_defaults(today=business_date(now))
    alerts.tell_due(now=now)


def fill_balances(*, now: datetime) -> None:
    """Fill products' balances from the wallet where their rule says so."""
    auto_fill.fill_due(now=now)


def send_notices(*, now: datetime) -> None:
    """Send the mails of what organisations are told beside their orders."""
    notices.send_due(now=now)


def end_holds(*, now: datetime) -> None:
    """Give back what holds have left when their time is over."""
    holds.expire_due(now=now)


def send_digests(*, now: datetime) -> None:
    """Draw yesterday's close up in the morning, and tell finance what waits."""
    digests.send_due(now=now)


def keep_usage(*, now: datetime) -> None:
    """Keep the sums of what each day used of every product's balance, once the day is over."""
    usage.roll_up(now=now)


def ask_about_disputes(*, now: datetime) -> None:
    """Ask Stripe about disputes that are not over, whether or not any event ever came."""
    disputing.ask_about_open(now=now)


def issue_documents(*, now: datetime) -> None:
    """Issue the receipts of what was paid, and the notes of what was refunded."""
    documents.issue_due(now=now)


SWEEPS = (
    Sweep(name=INBOX, every=timedelta(seconds=10), run=sweep_inbox),
    Sweep(name="open payments", every=timedelta(minutes=1), run=ask_about_open_payments),
    Sweep(name="refunds", every=timedelta(seconds=15), run=carry_out_refunds),
    Sweep(name="disputes", every=timedelta(minutes=10), run=ask_about_disputes),
    Sweep(name="missed events", every=timedelta(minutes=5), run=find_missed_events),
    Sweep(name="mails", every=timedelta(seconds=20), run=send_mails),
    Sweep(name="bank lines", every=timedelta(seconds=15), run=settle_bank_lines),
    Sweep(name="balance", every=timedelta(hours=1), run=read_balance),
    Sweep(name="transfers", every=timedelta(minutes=1), run=end_transfers),
    Sweep(name="slips", every=timedelta(hours=1), run=forget_slips),
    Sweep(name="exchange rate", every=timedelta(minutes=10), run=load_rate),
    Sweep(name="holds", every=timedelta(seconds=10), run=end_holds),
    Sweep(name="callbacks", every=timedelta(seconds=10), run=send_callbacks),
    Sweep(name="alerts", every=timedelta(seconds=15), run=watch_balances),
    Sweep(name="auto-fill", every=timedelta(seconds=10), run=fill_balances),
    Sweep(name="notices", every=timedelta(seconds=20), run=send_notices),
    Sweep(name="documents", every=timedelta(seconds=15), run=issue_documents),
    Sweep(name="digests", every=timedelta(minutes=5), run=send_digests),
    Sweep(name="usage", every=timedelta(minutes=10), run=keep_usage),
)


def run(sweep: Sweep, *, now: datetime) -> None:
    """Run one sweep and leave its heartbeat."""
    Heartbeat.objects.update_or_create(name=sweep.name, defaults={"beat_at": now})
    sweep.run(now=now)


def run_overdue(*, now: datetime) -> list[str]:
    """Run each sweep whose heartbeat is older than twice its interval, and name them.

    Beat and broker normally do the waking; this is for when they are gone.
    """
    claimed = [sweep for sweep in SWEEPS if _claim_overdue(sweep, now=now)]
    for sweep in claimed:
        _run_quietly(sweep, now=now)
    return [sweep.name for sweep in claimed]


def _claim_overdue(sweep: Sweep, *, now: datetime) -> bool:
    Heartbeat.objects.bulk_create([Heartbeat(name=sweep.name, beat_at=now - 3 * sweep.every)], ignore_conflicts=True)
    return bool(Heartbeat.objects.filter(name=sweep.name, beat_at__lt=now - 2 * sweep.every).update(beat_at=now))


def _run_quietly(sweep: Sweep, *, now: datetime) -> None:
    try:
        sweep.run(now=now)
    except Exception:  # the next sweep must run all the same
        logger.exception("the sweep %r failed", sweep.name)
