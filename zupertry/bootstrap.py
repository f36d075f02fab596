"""Makes a whole organisation at once: owner, workspace, credits and a key of each mode."""

import secrets
from dataclasses import asdict, dataclass

from django.db import transaction

from accounts import api_keys, organisations
from accounts.models import Mode, Organisation, User
from accounts.webhooks import signing
from billing import ledger
from billing.models import Plan

ACTOR = "system"


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """Ids of what was made, and the secrets that can't be had again."""

    org_id: str
    workspace_id: str
    live_key: str
    test_key: str
    webhook_secret: str

    def as_dict(self) -> dict[str, str]:
        """Return the fields by name."""
        return asdict(self)


@transaction.atomic
def bootstrap(
    name: str, email: str, password: str, region: str, plan: str, credits_: int, rate_limit: int | None = None
) -> Bootstrapped:
    """Make an organisation owned by the person with this address, who is made too unless known.

    Raises `Plan.DoesNotExist` for an unknown plan.
    """
    Plan.objects.get(pk=plan)
    owner = User.objects.filter(email=email.strip().lower()).first() or User.objects.create_user(email, password)
    organisation = organisations.create(name, region, plan, owner, actor=ACTOR)
    if rate_limit is not None:
        Organisation.objects.filter(pk=organisation.pk).update(rate_limit_per_minute=rate_limit)
    ledger.open_account(organisation.id)
    if credits_:
        ledger.grant(organisation.id, credits_, f"bootstrap:{organisation.id}", actor=ACTOR, note="First credits")
    _, live_key = api_keys.create(organisation, Mode.LIVE, "First live key", actor=ACTOR)
    _, test_key = api_keys.create(organisation, Mode.TEST, "First test key", actor=ACTOR)
    return Bootstrapped(
        org_id=organisation.id,
        workspace_id=organisation.workspaces.values_list("id", flat=True)[0],
        live_key=live_key,
        test_key=test_key,
        webhook_secret=signing.secrets_of(organisation.webhook_endpoint).current,
    )


def random_password() -> str:
    """Return a password for an account that nobody logs in to yet."""
    return secrets.token_urlsafe(24)
