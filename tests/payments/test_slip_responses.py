"""P16: a slip is handed out as a file, and no browser runs it as a page of ours."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from csp.middleware import CSPMiddleware
from django.conf import LazySettings
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest
from django.test import Client, RequestFactory
from django.urls import path

from innopaas import urls
from innopaas.middleware import ADMIN_POLICY
from payments import slip_files, slip_responses
from payments.models import Slip
from payments.slip_files import CleanSlip, StoredSlip
from tests.payments import slip_samples as samples

SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


@pytest.fixture
def stored(settings: LazySettings, tmp_path: Path, now: datetime) -> StoredSlip:
    settings.STORAGES = samples.storages_below(tmp_path / "slips")
    slip = CleanSlip(
        kind=Slip.Kind.PDF, content=b"%PDF-", previews=(b"seen",), pages=1, sha256="", scan=Slip.Scan.UNSCANNED
    )
    return slip_files.store(slip, now=now)


class Addresses:
    """The site's, and one that hands out a slip."""

    def __init__(self, name: str) -> None:
        @login_not_required
        def show(request: HttpRequest) -> FileResponse:
            return slip_responses.attachment(name, filename="TU1.pdf")

        self.urlpatterns = [path("slip", show), *urls.urlpatterns]


def test_slip_reaches_the_browser_as_a_file_in_a_sandbox(stored: StoredSlip, settings: LazySettings) -> None:
    settings.ROOT_URLCONF = Addresses(stored.name)
    response = Client().get("/slip")
    assert response.getvalue() == b"%PDF-"
    assert response.headers["Content-Security-Policy"] == SANDBOX
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == 'attachment; filename="TU1.pdf"'
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Cache-Control"] == "private, no-store"


def test_sandbox_outlasts_what_the_admin_adds_to_the_policy(stored: StoredSlip) -> None:
    response: Any = slip_responses.attachment(stored.name, filename="TU1.pdf")
    response._csp_update = ADMIN_POLICY
    CSPMiddleware(lambda _request: response)(RequestFactory().get("/admin/"))
    assert response.headers["Content-Security-Policy"] == SANDBOX
    response.close()


def test_preview_is_a_picture_whatever_name_it_is_asked_by(stored: StoredSlip) -> None:
    response = slip_responses.attachment(stored.preview_names[0], filename="slip.html")
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Content-Disposition"] == 'attachment; filename="slip.jpg"'
    response.close()


def test_slip_that_is_gone_is_not_found(stored: StoredSlip) -> None:
    slip_files.delete_stored(stored)
    with pytest.raises(FileNotFoundError):
        slip_responses.attachment(stored.name, filename="TU1.pdf")
