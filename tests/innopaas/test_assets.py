"""What a page brings along: few bytes of ours, files that browsers keep for ever, HTML that is compressed."""

import gzip
import re
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as ours
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import Client, RequestFactory
from pytest_django import Settings
from whitenoise.middleware import WhiteNoiseMiddleware

from innopaas.compression import PageCompressionMiddleware
from tests import people
from tests.innopaas.test_routes import make_root

MOST_OF_OURS: Final = 100_000
"""Bytes of style sheets, scripts and drawings of ours, uncompressed, that one page may need."""

MOST_IN_ALL: Final = 50_000
"""Bytes on the wire of everything a customer's page needs but its own HTML, other people's files with it."""

CUSTOMERS: Final = ("/", "/topup/", "/products/", "/billing/orders/", "/billing/statement/", "/accounts/members/")
STAFF: Final = ("/admin/", "/admin/payments/transfer/", "/admin/payments/dayclose/")


def list_files(page: str) -> list[Path]:
    """Everything of the page that is fetched from /static/, style sheets' own pictures with it."""
    names = set(re.findall(r'(?:href|src)="/static/([^"#]+)', page))
    files = [Path(str(finders.find(name))) for name in names]
    for sheet in [file for file in files if file.suffix == ".css" and is_ours(file)]:
        wanted = re.findall(r'url\("?(?!data:)([^")]+)', sheet.read_text())
        files += [(sheet.parent / name).resolve() for name in wanted]
    return files


def is_ours(file: Path) -> bool:
    return file.is_relative_to(ours.BASE_DIR / "static")


@pytest.mark.django_db
def test_no_page_needs_more_than_a_little_of_ours(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    alice, root = Client(), Client()
    alice.force_login(people.make_owner().user)
    root.force_login(make_root())
    visits = [(Client(), "/accounts/login/"), *((alice, path) for path in CUSTOMERS)]
    for client, path in [*visits, *((root, path) for path in STAFF)]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        files = list_files(answer.content.decode())
        weight = sum(file.stat().st_size for file in files if is_ours(file))
        assert 0 < weight <= MOST_OF_OURS, f"{path}: {weight} bytes of ours"
        if client is not root:
            sent = sum(len(gzip.compress(file.read_bytes())) for file in files)
            assert sent <= MOST_IN_ALL, f"{path}: {sent} bytes on the wire"


@pytest.mark.django_db
def test_static_files_carry_their_hash_and_are_kept_for_ever(settings: Settings, tmp_path: Path) -> None:
    """As production serves them: collected, compressed, and by the middleware that the web process has."""
    settings.STATIC_ROOT = tmp_path
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = False
    call_command("collectstatic", interactive=False, verbosity=0)
    serve = WhiteNoiseMiddleware(lambda _request: HttpResponse(status=404))
    for name in ("css/tokens.css", "css/components.css", "innopaas/innopaas.js", "innopaas/icons.svg"):
        address = static(name)
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", address), address
        answer = serve(RequestFactory().get(address, headers={"Accept-Encoding": "gzip"}))
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "max-age=315360000, public, immutable"
        assert answer["Content-Encoding"] == "gzip"
        answer.close()


@pytest.mark.django_db
def test_pages_are_compressed_for_whoever_reads_that() -> None:
    answer = Client(headers={"Accept-Encoding": "gzip"}).get("/accounts/login/")
    assert (answer["Content-Encoding"], "Accept-Encoding" in answer["Vary"]) == ("gzip", True)
    assert b"</html>" in gzip.decompress(answer.content)
    assert "Content-Encoding" not in Client().get("/accounts/login/").headers


def test_a_pages_length_is_hidden_by_chance() -> None:
    """One page, word for word: what its length would tell an eavesdropper is drowned in random bytes (BREACH)."""
    page = b"<p>the same</p>" * 50
    compress = PageCompressionMiddleware(lambda _request: HttpResponse(page))
    asked = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
    assert len({compress.process_response(asked, HttpResponse(page))["Content-Length"] for _ in range(16)}) > 1


@pytest.mark.django_db
def test_files_to_keep_go_out_as_they_are() -> None:
    alice = Client(headers={"Accept-Encoding": "gzip"})
    alice.force_login(people.make_owner().user)
    for path in ("/billing/orders.csv", "/healthz"):
        assert "Content-Encoding" not in alice.get(path).headers
