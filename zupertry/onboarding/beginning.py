"""What a person begins with: an organisation, a workspace, a test key and free credits."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from accounts import api_keys, organisations
from accounts.models import Membership, Mode, Organisation, Region, User
from billing import ledger, tax
from billing.models import LedgerEntry, Plan

PLAN = "starter"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What was made. `test_key` is its text, which can't be had again; `credits` are the free ones."""

    organisation: Organisation
    test_key: str
    credits: int


def region_of(country: str) -> Region:
    """Return where an organisation of this country (ISO 3166-1 alpha-2) is billed."""
    if country in tax.EU_COUNTRIES:
        return Region.EUROPE
    return {"IN": Region.INDIA, "US": Region.UNITED_STATES}.get(country, Region.GLOBAL)


def is_over(person: User) -> bool:
    """Say whether this person belongs to an organisation, made or joined."""
    return Membership.objects.filter(user=person).exists()


@transaction.atomic
def begin(person: User, name: str, country: str) -> Beginning | None:
    """Make this person's organisation, or nothing when they belong to one: a form sent twice makes one."""
    User.objects.select_for_update().get(pk=person.pk)
    if is_over(person):
        return None
    actor = f"user:{person.id}"
    organisation = organisations.create(name, region_of(country), PLAN, person, actor=actor, country=country)
    ledger.open_account(organisation.id)
    credits_ = _grant_signup_credits(person, organisation)
    _, test_key = api_keys.create(organisation, Mode.TEST, "First test key", actor=actor)
    return Beginning(organisation, test_key, credits_)


def signup_credits() -> int:
    """Return how many credits the plan gives that everybody starts on."""
    credits_ = Plan.objects.get(pk=PLAN).signup_credits
    return settings.SIGNUP_CREDITS if credits_ is None else credits_


def _grant_signup_credits(person: User, organisation: Organisation) -> int:
    """Give the free credits, once to a person: not again with another organisation."""
    reference = f"signup:{person.id}"
    credits_ = signup_credits()
    if not credits_ or LedgerEntry.objects.filter(kind=LedgerEntry.Kind.GRANT, reference=reference).exists():
        return 0
    ledger.grant(organisation.id, credits_, reference, actor="system", note="Free credits to begin with")
    return credits_
