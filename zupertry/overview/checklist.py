"""What an organisation does first, and what of it is done."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from accounts.models import ApiKey, Mode, Organisation, WebhookEndpoint
from billing.models import LedgerEntry
from tryon.models import Job


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do. `area` is whose it is (`access.AREAS`), `route` where it is done, `action` the button's word."""

    area: str
    name: str
    why: str
    route: str
    action: str
    done: bool


def steps_of(organisation_id: str, areas: frozenset[str]) -> list[Step]:
    """Return the steps that are for people with these areas, in one query."""
    tried, live_key, told, bought = _done(organisation_id)
    every = [
        Step(
            "playground",
            "Make a test try-on",
            "Two photos of your own, or ours. Test mode is free.",
            "tryon:playground",
            "Open the playground",
            tried,
        ),
        Step(
            "developer",
            "Create a live key",
            "Your server sends it with every request.",
            "developers:keys",
            "Create a key",
            live_key,
        ),
        Step(
            "developer",
            "Set a webhook",
            "Hear of each picture the moment it is done, without asking.",
            "developers:webhooks",
            "Set the URL",
            told,
        ),
        Step(
            "billing",
            "Buy credits",
            "A live try-on takes one, and only when it succeeds.",
            "billing:overview",
            "See the packs",
            bought,
        ),
    ]
    return [step for step in every if step.area in areas]


def _done(organisation_id: str) -> tuple[bool, bool, bool, bool]:
    own = {"organisation": OuterRef("pk")}
    jobs = Job.objects.filter(**own, status=Job.Status.COMPLETED)
    keys = ApiKey.objects.filter(**own, mode=Mode.LIVE, status=ApiKey.Status.ACTIVE)
    endpoints = WebhookEndpoint.objects.filter(**own).exclude(url="")
    purchases = LedgerEntry.objects.filter(account=OuterRef("pk"), kind=LedgerEntry.Kind.PURCHASE)
    found = Organisation.objects.values_list(Exists(jobs), Exists(keys), Exists(endpoints), Exists(purchases))
    tried, live_key, told, bought = found.get(pk=organisation_id)
    return tried, live_key, told, bought
