"""`POST /gateway-events/{gateway}`: where Stripe and Razorpay tell us of what happened."""

import json

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import gateway_events
from billing.gateways.base import BadSignatureError

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def receive(request: HttpRequest, gateway: str) -> HttpResponse:
    """Store what a gateway tells, and answer at once: 200 once it is stored, 400 when it is not from the gateway."""
    if gateway not in settings.PAYMENT_GATEWAYS:
        raise Http404
    try:
        gateway_events.receive(gateway, request.body, request.headers, json.loads(request.body or b"null"))
    except (BadSignatureError, RecursionError, ValueError) as error:
        log.warning("gateway_event_refused", gateway=gateway, error=str(error))
        return HttpResponse("The signature does not fit this body.\n", status=400, content_type="text/plain")
    return HttpResponse("Stored.\n", content_type="text/plain")
