"""Stopped work: the sweeps by which everything goes on, and the audit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from innopaas.stuck.rows import Act, Stuck
from payments import sweeps
from payments.models import Heartbeat
from wallet.models import AuditResult, AuditRun

AUDIT_EVERY: Final = timedelta(hours=26)
"""It runs every night; two hours are the most it may take or begin late."""

_INTERVALS: Final = 3
_SHORTEST: Final = timedelta(minutes=1)
"""A sweep that runs every few seconds may wait for another to end."""


def find_silence(now: datetime) -> Sequence[Stuck]:
    """Sweeps that have not run for three times their interval; all of them at once are one line: no worker runs."""
    beats = dict(Heartbeat.objects.values_list("name", "beat_at"))
    silent = [sweep for sweep in sweeps.SWEEPS if _is_silent(sweep, beats.get(sweep.name), now=now)]
    if len(silent) == len(sweeps.SWEEPS):
        return [_tell_silence(str(_("All recurring work")), max(beats.values(), default=None))]
    return [_tell_silence(sweep.name, beats.get(sweep.name)) for sweep in silent]


def find_audits(now: datetime) -> Sequence[Stuck]:
    """The last audit, where it found differences; and that it has not run, where it has not."""
    last = AuditRun.objects.order_by("-started_at").first()
    found = []
    if last and last.result == AuditResult.DIFFERENT:
        found.append(_tell_difference(last))
    if last is None or last.started_at < now - AUDIT_EVERY:
        found.append(_tell_missing_audit(last))
    return found


def _is_silent(sweep: sweeps.Sweep, beat_at: datetime | None, *, now: datetime) -> bool:
    return beat_at is None or beat_at < now - max(_INTERVALS * sweep.every, _SHORTEST)


def _tell_silence(name: str, beat_at: datetime | None) -> Stuck:
    beats = reverse("admin:payments_heartbeat_changelist")
    return Stuck(
        subject=name,
        address=beats,
        since=beat_at,
        why=_("No worker has run it for three times its interval: see whether the worker lives, and read its log."),
        act=Act(title=_("Look at the signs of life"), address=beats, permission="payments.view_heartbeat"),
    )


def _tell_difference(run: AuditRun) -> Stuck:
    page = reverse("admin:wallet_auditrun_change", args=[run.pk])
    return Stuck(
        subject=str(_("%(count)s differences found") % {"count": len(run.problems)}),
        address=page,
        since=run.started_at,
        why=" ".join(run.problems[:3]),
        act=Act(title=_("Read the differences"), address=page, permission="wallet.view_auditrun"),
    )


def _tell_missing_audit(last: AuditRun | None) -> Stuck:
    return Stuck(
        subject=str(_("The audit has not run for more than 26 hours") if last else _("The audit has never run")),
        address=reverse("admin:wallet_auditrun_changelist"),
        since=last.started_at if last else None,
        why=_("It runs every night at 03:30 in Shanghai, if beat and a worker live."),
        act=Act(title=_("Run now"), address=reverse("run_audit"), permission="wallet.add_auditrun", is_sent=True),
    )
