"""Signs of life for load balancers and alarms: /healthz, /readyz and /metrics."""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import Gauge
from redis import Redis
from redis.exceptions import RedisError

from payments import sweeps
from payments.models import Heartbeat, InboxEvent
from wallet import clocks

SILENCE = timedelta(seconds=50)
"""A worker that has not swept the inbox for this long is called silent; it sweeps every 10 seconds."""

OLDEST_UNHANDLED = timedelta(minutes=5)

# Whichever process answers has just measured them, so its figure is the one that counts.
_inbox_waiting = Gauge("innopaas_inbox_waiting", "Inbox events not handled yet", multiprocess_mode="mostrecent")
_inbox_oldest = Gauge(
    "innopaas_inbox_oldest_seconds", "Age of the oldest inbox event not handled yet", multiprocess_mode="mostrecent"
)
_worker_silence = Gauge(
    "innopaas_worker_silence_seconds", "Time since a worker last swept the inbox", multiprocess_mode="mostrecent"
)


@login_not_required
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that this process answers. Ask this one to decide about restarts and traffic."""
    return HttpResponse("alive\n", content_type="text/plain; charset=utf-8")


@login_not_required
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Check everything money needs to flow; 503 and the reason when one part is missing. For alarms."""
    now = timezone.now()
    findings = {name: _finding(check, now) for name, check in _CHECKS.items()}
    return JsonResponse(findings, status=200 if all(found == "ok" for found in findings.values()) else 503)


@login_not_required
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' figures, for whoever knows METRICS_TOKEN (in DEBUG for everybody)."""
    if not (_knows_token(request) or (settings.DEBUG and not settings.METRICS_TOKEN)):
        raise Http404
    _measure(timezone.now())
    answer: HttpResponse = ExportToDjangoView(request)
    return answer


def _knows_token(request: HttpRequest) -> bool:
    """Compared as bytes: what a stranger sends need not be ASCII."""
    given, expected = request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), expected.encode())


def _finding(check: Callable[[datetime], str], now: datetime) -> str:
    try:
        return check(now)
    except (DatabaseError, RedisError, OSError) as error:
        return f"unreachable: {type(error).__name__}"


def _database(_now: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _clock(_now: datetime) -> str:
    return clocks.find_error() or "ok"


def _broker(_now: datetime) -> str:
    """It has to take a write: a replica or a full one answers, and no worker is woken."""
    with Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=1, socket_connect_timeout=1) as broker:
        broker.set("innopaas:readyz", "1", ex=60)
    return "ok"


def _worker(now: datetime) -> str:
    silence = _silence(now)
    if silence is None:
        return "no worker has run yet"
    return "ok" if silence <= SILENCE else f"silent for {silence.total_seconds():.0f} s"


def _inbox(now: datetime) -> str:
    age = _oldest_age(now)
    return "ok" if age <= OLDEST_UNHANDLED else f"an event waits since {age.total_seconds():.0f} s"


_CHECKS: dict[str, Callable[[datetime], str]] = {
    "database": _database,
    "clock": _clock,
    "broker": _broker,
    "worker": _worker,
    "inbox": _inbox,
}


def _silence(now: datetime) -> timedelta | None:
    beat = Heartbeat.objects.filter(name=sweeps.INBOX).first()
    return now - beat.beat_at if beat else None


def _oldest_age(now: datetime) -> timedelta:
    oldest = InboxEvent.objects.filter(handled_at__isnull=True).order_by("received_at").first()
    return now - oldest.received_at if oldest else timedelta()


def _measure(now: datetime) -> None:
    _inbox_waiting.set(InboxEvent.objects.filter(handled_at__isnull=True).count())
    _inbox_oldest.set(_oldest_age(now).total_seconds())
    _worker_silence.set((_silence(now) or timedelta(days=365)).total_seconds())
