"""Where Stripe calls: check, store, answer. The work is done by whoever takes it from the inbox."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments import inbox, stripe_api, tasks
from wallet import kill_points

logger = logging.getLogger(__name__)


@csrf_exempt  # authenticated by Stripe's signature
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Answer 200 once the event is committed; 400 for anything that is not an authentic event, 413 when too large."""
    now = timezone.now()
    if _is_too_large(request):
        return HttpResponse("The body is too large.", status=413, content_type="text/plain")
    try:
        event = stripe_api.authentic_event(
            raw=request.body, signature=request.headers.get("Stripe-Signature", ""), now=now
        )
    except (stripe_api.BadEvent, RawPostDataException, UnreadablePostError) as error:
        logger.warning("webhook refused: %s", error)
        return HttpResponse("Not an authentic event.", status=400, content_type="text/plain")
    kill_points.reach("before-event-stored")
    inbox.receive(event, now=now)
    kill_points.reach("after-event-stored")
    tasks.wake_inbox()
    return HttpResponse("Stored.", content_type="text/plain")


def _is_too_large(request: HttpRequest) -> bool:
    length = request.headers.get("Content-Length") or "0"
    return not length.isascii() or not length.isdigit() or int(length) > stripe_api.MAX_EVENT_BYTES
