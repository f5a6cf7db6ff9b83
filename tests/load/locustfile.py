"""What locust runs: everybody, and at the end what was counted, as data."""

import json
import os
from pathlib import Path
from typing import Any

from locust import events

from tests.load.customers import Customer
from tests.load.programs import Program
from tests.load.staff import Finance, Ops

__all__ = ["Customer", "Finance", "Ops", "Program"]


@events.quitting.add_listener
def tell(environment: Any, **_more: Any) -> None:
    """Write what happened to whoever asked for it."""
    pages = [
        {
            "method": entry.method,
            "name": entry.name,
            "count": entry.num_requests,
            "failures": entry.num_failures,
            "p50": entry.get_response_time_percentile(0.5),
            "p95": entry.get_response_time_percentile(0.95),
            "p99": entry.get_response_time_percentile(0.99),
        }
        for entry in environment.stats.entries.values()
        if entry.num_requests
    ]
    errors = [f"{one.method} {one.name}: {one.error} ({one.occurrences})" for one in environment.stats.errors.values()]
    broken = [f"{one['msg']} ({one['count']})" for one in environment.runner.exceptions.values()]
    rate = environment.stats.total.total_rps
    told = {"pages": pages, "errors": [*errors, *broken], "per_second": rate}
    Path(os.environ["LOAD_RESULT"]).write_text(json.dumps(told))
