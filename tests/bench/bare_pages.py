"""The site's addresses and, beside them, bare pages and a bare door: the floor that real ones are held against."""

import json
from typing import Any

import stripe
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from innopaas.urls import urlpatterns as of_the_site
from wallet.ids import new_id

KEPT: dict[str, tuple[str, dict[str, Any]]] = {}
"""By name: template and context of a page that was rendered before in this process."""


@never_cache
def show_kept(request: HttpRequest, name: str) -> HttpResponse:
    """The same template with what the real view had found out, for the same session: no question of its own."""
    template, context = KEPT[name]
    return render(request, template, context)


@csrf_exempt
@login_not_required
@require_POST
def store(request: HttpRequest) -> HttpResponse:
    """Verifies and inserts, by hand and by Stripe's own library, and nothing else."""
    stripe.WebhookSignature.verify_header(
        request.body.decode(), request.headers["Stripe-Signature"], settings.STRIPE_WEBHOOK_SECRETS[0], 300
    )
    event = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_inbox (id, event_id, type, raw, received_at) VALUES (%s, %s, %s, %s, now())"
            " ON CONFLICT DO NOTHING",
            [new_id(), event["id"], event["type"], request.body],
        )
    return HttpResponse("Stored.", content_type="text/plain")


urlpatterns = [
    path("bench/kept/<str:name>/", show_kept),
    path("payments/stripe/webhook/bare/", store),
    *of_the_site,
]
