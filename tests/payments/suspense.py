"""What the house's suspense lacks by the audit, for stories that share their database with others."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from payments import audit
from wallet.models import HOUSE_ID

_SAID = re.compile(rf"Suspense of {HOUSE_ID} has (\S+) (\w+), but what is held there comes to ([\d.-]*\d)")


def gaps(*, now: datetime) -> Mapping[str, Decimal]:
    """By currency how much less the ledger has than what is held; empty where they agree."""
    found = [_SAID.match(said) for said in audit.check_suspense("default", now)]
    return {said[2]: Decimal(said[3]) - Decimal(said[1]) for said in found if said}
