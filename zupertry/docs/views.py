"""The documentation: pages of Markdown, the same as plain text, and the API reference made from the schema."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tryon.simulation import HOST
from zupertry.core.schema import api_schema
from zupertry.docs import conventions, site
from zupertry.docs.operations import events_of, tags_of


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """`GET /docs/{slug}`: a page of the documentation, with a way to the next."""
    if slug not in site.SLUGS:
        raise Http404
    pages = site.pages()
    place = site.SLUGS.index(slug)
    context = {
        "pages": pages,
        "page": pages[place],
        "previous": pages[place - 1] if place else None,
        "next": pages[place + 1] if place + 1 < len(pages) else None,
    }
    return render(request, "docs/page.html", context)


@require_safe
def markdown(request: HttpRequest, slug: str) -> HttpResponse:
    """`GET /docs/{slug}.md`: the same page as Markdown, for language models and terminals."""
    if slug not in site.SLUGS:
        raise Http404
    return HttpResponse(site.page(slug).text, content_type="text/markdown; charset=utf-8")


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
