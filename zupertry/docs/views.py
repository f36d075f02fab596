"""The public pages: the front page, and the API reference."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tryon.simulation import HOST
from zupertry.core.schema import api_schema
from zupertry.docs import conventions
from zupertry.docs.operations import Operation, events_of, tags_of


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`GET /`: what this is, and a request to paste."""
    return render(request, "home.html", {"submit": _operation("createTryOn")})


def _operation(id_: str) -> Operation:
    tags = tags_of(api_schema(), settings.PUBLIC_URL)
    return next(operation for tag in tags for operation in tag.operations if operation.id == id_)


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """`GET /docs/api`: everything an integrator needs to know, on one page."""
    document = api_schema()
    context = {
        "base_url": settings.PUBLIC_URL,
        "info": document["info"],
        "tags": tags_of(document, settings.PUBLIC_URL),
        "error_codes": conventions.error_codes(),
        "error_example": conventions.error_example(),
        "job_failures": conventions.job_failures(),
        "simulated_host": HOST,
        "simulated_names": conventions.simulated_names(),
        "retries": conventions.retries(settings.WEBHOOK_RETRY_SCHEDULE),
        "events": events_of(document),
        "webhook_headers": conventions.webhook_headers(),
        "snippets": conventions.verification_snippets(),
        "limits": conventions.limits(),
    }
    return render(request, "docs/api.html", context)
