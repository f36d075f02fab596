"""Parts of pages that stay fresh until what they show has come to its end: htmx asks, and swaps what has changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

PACES = [(timedelta(seconds=20), 1), (timedelta(minutes=2), 3)]
SLOWEST_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Watch:
    """That a part is looked at again: in which state it was seen, and after how many seconds the next look is."""

    seen: str
    every: int


def watch(state: str, since: datetime) -> Watch:
    """Return how to watch what is in this state and began at `since`: every second at first, then less often."""
    age = timezone.now() - since
    every = next((seconds for until, seconds in PACES if age < until), SLOWEST_SECONDS)
    return Watch(f"{state} {every}", every)


def look(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponseBase:
    """Answer a look at a part with what it is now, or with 204 (swap nothing) when it is as the asker saw it.

    `context` has the part's `Watch` as `watch`, or None when there is nothing more to wait for.
    """
    watched: Watch | None = context["watch"]
    if watched and request.GET.get("seen") == watched.seen:
        return HttpResponse(status=204)
    return render(request, template, {**context, "swapped": True})
