"""What a load writes down."""

import pytest

from tests.load import addresses, report
from tests.load.sampler import Sample, Waiting
from tests.load.verdict import Growth

PAGE = {"method": "GET", "name": "/", "count": 1200, "failures": 0, "p50": 30.0, "p95": 80.0, "p99": 1500.0}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://127.0.0.1:8000/", "/"),
        ("/billing/orders/TU202611144QX7ZK2M9D/receipt/", "/billing/orders/ORDER/receipt/"),
        ("/billing/orders/?after=TU202611144QX7ZK2M9D", "/billing/orders/?after"),
        ("/payments/orders/TU202611144QX7ZK2M9D/return/?session_id=cs_test_a1", "/payments/orders/ORDER/return/"),
        ("/admin/payments/transfer/0198c2d4-5f1e-7a3b-8c9d-0e1f2a3b4c5d/desk/", "/admin/payments/transfer/ID/desk/"),
        ("http://127.0.0.1:9/c/pay/cs_test_a1B2", "/c/pay/SESSION"),
        ("/admin/go-on/aZ_-19/", "/admin/go-on/KEY/"),
    ],
)
def test_a_page_has_one_name_whatever_it_shows(address: str, name: str) -> None:
    assert addresses.name(address) == name


def test_only_what_stands_between_the_marks_is_written_anew() -> None:
    text = f"by hand\n\n{report.BEGIN}\nold\n{report.END}\n\nby hand too\n"
    assert report.insert(text, "new\n") == f"by hand\n\n{report.BEGIN}\nnew\n{report.END}\n\nby hand too\n"


def test_a_page_without_the_marks_gets_them_at_its_end() -> None:
    assert report.insert("# Performance\n", "new\n").endswith(f"## Under load\n\n{report.BEGIN}\nnew\n{report.END}\n")


def test_a_run_tells_pages_growth_and_troubles() -> None:
    said = report.tell(_make_run())
    assert "30 minutes with 60 users of 60 organisations: 1,200 requests, 5.5 a second, 0 failed" in said
    assert "| `GET /` | 1,200 | 0 | 30 ms | 80 ms | 1,500 ms |" in said
    assert "| web 1 | 100.0 | 103.0 | 1.03 | +2.0 |" in said
    assert "- **the inbox went on growing**" in said


def test_the_pictures_show_every_process_and_every_queue() -> None:
    described = report.describe_pictures(_make_run().samples)
    shown = {name: {value["what"] for value in picture["data"]["values"]} for name, picture in described.items()}
    assert shown == {"load-memory": {"web 1"}, "load-queues": {"inbox", "tasks at the broker", "database connections"}}
    assert described["load-memory"]["data"]["values"][1] == {"what": "web 1", "minute": 0.08, "value": 100.0}


def _make_run() -> report.Run:
    waiting = {"inbox": Waiting(count=3, oldest=1.5)}
    samples = [
        Sample(
            at=at,
            memory={"web 1": 100 * 1024 * 1024},
            pids={"web 1": 7},
            files={"web 1": 20},
            connections=30,
            tasks=0,
            waiting=waiting,
        )
        for at in (0.0, 5.0)
    ]
    return report.Run(
        machine="2 × a processor",
        commit="0123abc",
        day="2026-11-23",
        minutes=30,
        users=60,
        organisations=60,
        per_second=5.5,
        pages=[PAGE],
        samples=samples,
        growths=[Growth(name="web 1", early=100, late=103, per_hour=2)],
        troubles=["the inbox went on growing"],
        drained=2.5,
        paid=10,
    )
