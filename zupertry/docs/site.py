"""The documentation: Markdown in `docs/site`, whose numbers, tables and samples come from the code that they are about.

A text is a Django template whose result is Markdown. That result is what `/docs/PAGE.md` serves, and what becomes HTML.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Template

from tryon.simulation import HOST
from zupertry.core.schema import api_schema
from zupertry.docs import conventions
from zupertry.docs.markdown import Document, document, fences
from zupertry.docs.operations import Operation, events_of, tags_of
from zupertry.docs.roles import roles

TEXTS = Path(__file__).resolve().parents[2] / "docs" / "site"
SLUGS = (
    "quickstart",
    "authentication",
    "try-on",
    "jobs",
    "webhooks",
    "errors",
    "test-mode",
    "rate-limits",
    "team-and-roles",
)
"""The pages, in the order of reading."""

_OPERATIONS = {
    "submit": "createTryOn",
    "get": "getJob",
    "list": "listJobs",
    "cancel": "cancelJob",
    "credits": "getCredits",
    "ledger": "listLedger",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the documentation. `address` is where it is."""

    slug: str
    text: str
    document: Document

    @property
    def address(self) -> str:
        """The path of the page; with `.md` it is that of its Markdown."""
        return f"/docs/{self.slug}"


@dataclass(frozen=True, slots=True)
class _Event:
    """A webhook, with its example as Markdown."""

    name: str
    summary: str
    example: str


def page(slug: str) -> Page:
    """Return one of the pages."""
    return pages()[SLUGS.index(slug)]


@cache
def pages() -> tuple[Page, ...]:
    """Return every page, in the order of reading. A process makes them once, from its code, texts and settings."""
    facts = _facts()
    return tuple(_page(slug, facts) for slug in SLUGS)


def operation(id_: str) -> Operation:
    """Return an operation of the API as the reference shows it."""
    return _operations()[id_]


def _page(slug: str, facts: dict[str, Any]) -> Page:
    text = Template((TEXTS / f"{slug}.md").read_text()).render(Context(facts, autoescape=False, use_l10n=False))
    return Page(slug, text, document(text))


def _operations() -> dict[str, Operation]:
    tags = tags_of(api_schema(), settings.PUBLIC_URL)
    return {operation.id: operation for tag in tags for operation in tag.operations}


def _facts() -> dict[str, Any]:
    """Return what the texts name. Samples are Markdown already."""
    operations = _operations()
    return {
        "at_support": f" at <{settings.SUPPORT_EMAIL}>" if settings.SUPPORT_EMAIL else "",
        "answers": {name: fences([operations[id_].answer_example]) for name, id_ in _OPERATIONS.items()},
        "error_example": fences([conventions.error_example()]),
        "errors": conventions.error_codes(),
        "events": [_Event(event.name, event.summary, fences([event.example])) for event in events_of(api_schema())],
        "failures": conventions.job_failures(),
        "host": HOST,
        "ledger_kinds": conventions.ledger_kinds(),
        "limits": conventions.limits(),
        "public_url": settings.PUBLIC_URL,
        "requests": {name: fences(operations[id_].requests) for name, id_ in _OPERATIONS.items()},
        "retries": conventions.retries(settings.WEBHOOK_RETRY_SCHEDULE),
        "roles": roles(),
        "simulations": conventions.simulated_names(),
        "verification": fences(conventions.verification_snippets()),
        "webhook_headers": fences([conventions.webhook_headers()]),
    }
