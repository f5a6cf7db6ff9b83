"""What the person set himself always wins, and what is wrong is told in one sentence."""

import os
from pathlib import Path

import pytest

from innopaas.local import __main__ as door
from innopaas.local import environment, errands, postgres, servers, site, valkey
from innopaas.local.servers import Servers
from innopaas.local.trouble import Trouble


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE", "PORT"):
        monkeypatch.delenv(name, raising=False)


def test_the_persons_own_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPORT_EMAIL", "mine@example.com")
    assert environment.merge({"SUPPORT_EMAIL": "ours@example.com"})["SUPPORT_EMAIL"] == "mine@example.com"


def test_a_variable_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPORT_EMAIL", "")
    assert environment.merge({"SUPPORT_EMAIL": "ours@example.com"})["SUPPORT_EMAIL"] == "ours@example.com"


def test_named_servers_are_used_and_none_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(servers, "HOME", tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/innopaas")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner@db/innopaas")
    monkeypatch.setenv("REDIS_URL", "redis://broker/0")
    stand = Servers(tmp_path)
    assert (stand.postgres, stand.valkey) == (None, None)
    settings = site.settings(stand, host="127.0.0.1", port=8000)
    assert settings["DATABASE_URL"] == "postgresql://app@db/innopaas"
    assert settings["REDIS_URL"] == "redis://broker/0"


def test_one_of_the_two_databases_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/innopaas")
    with pytest.raises(Trouble, match="Set both DATABASE_URL"):
        servers.needs()


def test_a_key_of_ones_own_means_stripe_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(servers, "HOME", tmp_path)
    monkeypatch.setenv("REDIS_URL", "redis://broker/0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/innopaas")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner@db/innopaas")
    assert "STRIPE_API_BASE" in site.settings(Servers(tmp_path), host="127.0.0.1", port=8000)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_mine")
    assert "STRIPE_API_BASE" not in site.settings(Servers(tmp_path), host="127.0.0.1", port=8000)


def test_who_has_his_own_key_is_not_sent_to_the_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(servers, "HOME", tmp_path)
    monkeypatch.setenv("REDIS_URL", "redis://broker/0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/innopaas")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner@db/innopaas")
    assert "Stripe stand-in   http://127.0.0.1:" in site.welcome(site.settings(Servers(tmp_path), host="", port=8000))
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_mine")
    own = site.welcome(site.settings(Servers(tmp_path), host="", port=8000))
    assert "Stripe            Stripe itself, with a key of your own" in own
    assert "stand-in" not in own


@pytest.mark.parametrize("given", ["abc", "0", "65536", "-1", "８０００", "80.5"])
def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PORT", given)
    with pytest.raises(Trouble, match=f"PORT is {given}"):
        environment.read_port()


def test_a_missing_postgres_wheel_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(Trouble, match="set DATABASE_URL and DATABASE_OWNER_URL"):
        postgres.find_binaries()


def test_a_missing_valkey_wheel_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(Trouble, match="set REDIS_URL"):
        valkey.find_binary()


@pytest.mark.parametrize(("number", "sentence"), [(28, "The disk is full."), (30, "cannot be written to")])
def test_a_full_or_closed_disk_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, sentence: str
) -> None:
    def fail() -> int:
        raise OSError(number, "as the system says it", "/some/file")

    monkeypatch.setattr("innopaas.local.supervisor.run", fail)
    assert door.main(["run"]) == 1
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


def test_a_command_on_a_site_that_is_down_or_starting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for module in (servers, errands):
        monkeypatch.setattr(module, "HOME", tmp_path)
    assert door.main(["site", "--", "true"]) == 1
    assert "The site is not up: start it with `make run`" in capsys.readouterr().err

    monkeypatch.setattr(Servers, "claim", lambda _servers: False)
    assert door.main(["site", "--", "true"]) == 1
    assert "The site is still starting" in capsys.readouterr().err


def test_a_command_gets_the_settings_of_the_site_above_those_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in (servers, errands):
        monkeypatch.setattr(module, "HOME", tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://the-sites")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://the-sites-owner")
    errands.admit(Servers(tmp_path), {**os.environ, "SITE_URL": "http://127.0.0.1:8001"})
    monkeypatch.setenv("DATABASE_URL", "postgresql://anothers")
    monkeypatch.setattr(Servers, "claim", lambda _servers: False)

    monkeypatch.chdir(tmp_path)  # put back afterwards, for a command runs in the project's folder
    given: dict[str, str] = {}
    monkeypatch.setattr(errands, "obey", lambda _command, *, env: given.update(env) or 7)

    assert door.main(["site", "--", "python", "manage.py", "stuck"]) == 7
    assert (given["SITE_URL"], given["DATABASE_URL"]) == ("http://127.0.0.1:8001", "postgresql://the-sites")
    assert Path.cwd() == servers.PROJECT
