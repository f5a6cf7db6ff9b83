"""The settings name what is missing or wrong, all at once, and refuse what belongs to a demo."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
GOOD = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "DATA_KEYS": "0123456789abcdef" * 4,
    "DATABASE_URL": "postgresql://app:secret@127.0.0.1:1/innopaas",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "STRIPE_SECRET_KEY": "sk_live_123",
    "STRIPE_WEBHOOK_SECRETS": "whsec_1,whsec_2",
    "EMAIL_URL": "smtp://mail:pw@127.0.0.1:25",
    "ALLOWED_HOSTS": "pay.innopaas.example",
    "SITE_URL": "https://pay.innopaas.example",
    "DEFAULT_FROM_EMAIL": "InnoPaaS <no-reply@example.com>",
    "SUPPORT_EMAIL": "support@example.com",
    "TRUSTED_PROXIES": "1",
}


def start(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Django's command line with these variables and no others of ours."""
    environment = {"PATH": os.environ["PATH"], **{name: value for name, value in (GOOD | variables).items() if value}}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_missing_variable_is_named_in_one_error() -> None:
    run = start("check", SECRET_KEY="", DATA_KEYS="", DATABASE_URL="", REDIS_URL="", EMAIL_URL="")
    assert run.returncode != 0
    for name in ("SECRET_KEY", "DATA_KEYS", "DATABASE_URL", "REDIS_URL", "EMAIL_URL"):
        assert f"  {name}: Environment variable not set." in run.stderr


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("SECRET_KEY", "0123456789" * 4 + "012345678"),
        ("DATA_KEYS", "0123456789abcdef" * 4 + ",short"),
        ("DEBUG", "perhaps"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("STRIPE_SECRET_KEY", "pk_test_1"),
        ("STRIPE_WEBHOOK_SECRETS", ","),
        ("TRUSTED_PROXIES", "two"),
    ],
)
def test_a_wrong_variable_is_named(name: str, wrong: str) -> None:
    run = start("check", **{name: wrong})
    assert run.returncode != 0
    assert f"  {name}: " in run.stderr


def test_production_cannot_be_pointed_away_from_stripe() -> None:
    run = start("check", STRIPE_API_BASE="http://127.0.0.1:1")
    assert run.returncode != 0
    assert "STRIPE_API_BASE is for the stand-in only" in run.stderr


def test_production_calls_nobody_in_private_networks() -> None:
    run = start("check", CALLBACK_ALLOWED_HOSTS="127.0.0.1:9000")
    assert run.returncode != 0
    assert "CALLBACK_ALLOWED_HOSTS" in run.stderr


def test_a_complete_production_environment_passes_the_deploy_check() -> None:
    run = start("check", "--deploy", "--fail-level", "WARNING")
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("how", ["without TLS", "with TLS that checks nothing"])
def test_the_deploy_check_names_what_somebody_could_listen_to(how: str) -> None:
    openly = how == "without TLS"
    run = start(
        "check",
        "--deploy",
        DATABASE_URL="postgresql://app:secret@db.example.com:1/innopaas" + ("" if openly else "?sslmode=require"),
        REDIS_URL="redis://10.0.0.5:1/0" if openly else "rediss://10.0.0.5:1/0?ssl_cert_reqs=none",
        EMAIL_URL="smtp://mail:pw@mail.example.com:25",
    )
    assert run.returncode != 0
    for finding in ("innopaas.E009", "innopaas.E010", "innopaas.E011"):
        assert finding in run.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {
            "DATABASE_URL": "postgresql://app:secret@db.example.com:1/innopaas?sslmode=verify-full",
            "REDIS_URL": "rediss://redis.example.com:1/0?ssl_cert_reqs=required",
            "EMAIL_URL": "submission://mail:pw@mail.example.com:587",
        },
        {
            "DATABASE_URL": "postgresql://app:secret@pgbouncer:1/innopaas",
            "REDIS_URL": "redis://redis:1/0",
            "PRIVATE_HOSTS": "pgbouncer,redis",
        },
    ],
    ids=["with TLS", "on a network that the operator answers for"],
)
def test_the_deploy_check_passes_what_nobody_can_listen_to(variables: dict[str, str]) -> None:
    run = start("check", "--deploy", "--fail-level", "WARNING", **variables)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("variables", "finding"),
    [
        ({"STAFF_MFA_REQUIRED": "0"}, "innopaas.E002"),
        ({"DATABASE_OWNER_URL": "postgresql://owner:secret@127.0.0.1:1/innopaas"}, "innopaas.W003"),
        ({"SITE_URL": "http://pay.innopaas.example"}, "innopaas.E004"),
        ({"EMAIL_URL": "console://"}, "innopaas.E005"),
        ({"STRIPE_SECRET_KEY": "sk_test_123"}, "innopaas.W006"),
        ({"DEFAULT_FROM_EMAIL": "InnoPaaS <no-reply@innopaas.example>"}, "innopaas.E007"),
        ({"SUPPORT_EMAIL": ""}, "innopaas.E007"),
        ({"TRUSTED_PROXIES": "0"}, "innopaas.W008"),
        ({"DEBUG": "1"}, "security.W018"),
    ],
)
def test_the_deploy_check_names_what_belongs_to_a_demo(variables: dict[str, str], finding: str) -> None:
    run = start("check", "--deploy", "--fail-level", "WARNING", **variables)
    assert run.returncode != 0
    assert finding in run.stderr


def test_every_variable_that_is_read_stands_in_the_readme_and_none_besides() -> None:
    settings = (PROJECT / "innopaas" / "settings.py").read_text("utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_0-9]+)"', settings)) | {"DEMO_PASSWORD"}
    readme = (PROJECT / "README.md").read_text("utf-8")
    table = readme.partition("## Settings")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z_0-9]+)`", row)} == read


def test_every_variable_of_the_compose_file_is_one_that_is_read() -> None:
    settings = (PROJECT / "innopaas" / "settings.py").read_text("utf-8")
    compose = (PROJECT / "docker-compose.yml").read_text("utf-8")
    shared = compose.partition("x-settings:")[2].partition("\nservices:")[0]
    given = re.findall(r"^  ([A-Z_0-9]+): ", shared, re.MULTILINE)
    assert len(given) > 20
    assert [name for name in given if f'"{name}"' not in settings] == []
