"""What arrived at the bank into the ledger: lines nobody was credited with go to suspense, some at a time."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from payments import settlement
from payments.matching import BY_REFERENCE
from payments.models import BankLine, StatementFile, Suggestion
from wallet import kill_points
from wallet.models import HOUSE_ID

BATCH = 200


def hold_due(*, now: datetime, limit: int = 1_000_000) -> int:
    """Post incoming lines that the ledger does not know to suspense, until none is left or `limit` is reached; returns
    how many. May run many times at once: each line is posted by one of them.
    """
    done = 0
    while done < limit and (held := _hold_batch(min(BATCH, limit - done), now=now)):
        done += held
    return done


def count_due(file: StatementFile) -> int:
    """How many lines of a statement the ledger does not know yet."""
    return file.lines.filter(pk__in=BankLine.objects.to_hold().values("pk")).count()


def _hold_batch(size: int, *, now: datetime) -> int:
    """Lines of one organisation, so that no posting waits for two."""
    with transaction.atomic():
        due = BankLine.objects.to_hold().select_for_update(of=("self",), skip_locked=True)
        lines = list(due.select_related("account")[:size])
        if not lines:
            return 0
        owners = _find_owners(lines)
        owner, _count = Counter(owners.get(line.pk, HOUSE_ID) for line in lines).most_common(1)[0]
        mine = [line for line in lines if owners.get(line.pk, HOUSE_ID) == owner]
        kill_points.reach("before-lines-posted")
        settlement.hold_lines(mine, organisation_id=owner, by="InnoPaaS", now=now)
        return len(mine)


def _find_owners(lines: Sequence[BankLine]) -> dict[UUID, UUID]:
    """Whose money a line is, where it quotes references of one organisation only."""
    owners: dict[UUID, set[UUID]] = {}
    suggested = Suggestion.objects.filter(line__in=[line.pk for line in lines], reason__in=BY_REFERENCE)
    for line_id, organisation_id in suggested.values_list("line_id", "transfer__organisation_id"):
        owners.setdefault(line_id, set()).add(organisation_id)
    return {line_id: found.pop() for line_id, found in owners.items() if len(found) == 1}
