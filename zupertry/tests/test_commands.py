import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import api_keys
from accounts.models import Membership, Organisation, User
from billing import ledger
from billing.models import CreditAccount, Plan
from tryon.models import Job
from zupertry.testing.broker import Woken, drain
from zupertry.testing.jobs import submitted
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def bootstrap(*arguments: str) -> dict[str, str]:
    made = json.loads(run("bootstrap_org", "--name", "Shop", "--email", "Owner@Example.com", "--json", *arguments))
    return dict(made)


def test_bootstrap_prints_one_object_with_all_that_a_first_call_needs() -> None:
    made = bootstrap("--region", "IN", "--credits", "25")
    assert list(made) == ["org_id", "workspace_id", "live_key", "test_key", "webhook_secret"]
    organisation = Organisation.objects.get(pk=made["org_id"])
    assert (organisation.region, organisation.plan, organisation.rate_limit_per_minute) == ("IN", "starter", 60)
    assert ledger.balance(organisation.pk).available == 25
    for mode in ("live", "test"):
        key = api_keys.find(made[f"{mode}_key"])
        assert key is not None
        assert (key.mode, key.organisation_id) == (mode, organisation.pk)
    assert User.objects.get().email == "owner@example.com"


def test_without_figures_the_plan_decides_on_the_credits(settings) -> None:
    assert ledger.balance(bootstrap()["org_id"]).available == settings.SIGNUP_CREDITS
    assert ledger.balance(bootstrap("--plan", "growth")["org_id"]).available == 0
    Plan.objects.filter(code="scale").update(signup_credits=7)
    assert ledger.balance(bootstrap("--plan", "scale")["org_id"]).available == 7


def test_a_known_person_owns_the_next_organisation_too() -> None:
    first, second = bootstrap(), bootstrap()
    assert first["org_id"] != second["org_id"]
    assert Membership.objects.filter(user=User.objects.get(), role="owner").count() == 2


def test_options_suspend_and_limit_the_organisation() -> None:
    organisation = Organisation.objects.get(pk=bootstrap("--suspended", "--rate-limit", "7")["org_id"])
    assert organisation.suspended_at is not None
    assert organisation.rate_limit_per_minute == 7


def test_the_password_given_is_the_owners() -> None:
    bootstrap("--password", "a long enough one")
    assert User.objects.get().check_password("a long enough one")


def test_without_json_each_secret_has_a_line() -> None:
    lines = run("bootstrap_org", "--name", "Shop", "--email", "owner@example.com").splitlines()
    assert [line.split()[0] for line in lines] == ["org_id", "workspace_id", "live_key", "test_key", "webhook_secret"]


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--plan", "gold", "does not exist. There are: "),
        ("--email", "nobody", "no e-mail address"),
        ("--credits", "-1", "between 0 and"),
        ("--credits", "99999999999999999999", "between 0 and"),
        ("--rate-limit", "-5", "between 1 and"),
        ("--name", "x" * 201, "between 1 and 200"),
        ("--region", "MARS", "invalid choice"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(option: str, value: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run("bootstrap_org", "--name", "Shop", "--email", "owner@example.com", f"{option}={value}")
    assert not Organisation.objects.exists()
    assert not User.objects.exists()


def test_check_ledger_counts_and_finds_nothing(world: World) -> None:
    assert json.loads(run("check_ledger", "--json")) == {"accounts": 2, "entries": 2, "differences": []}
    assert run("check_ledger") == "2 accounts, 2 entries, 0 differences\n"


def test_check_ledger_exits_with_1_on_a_difference(world: World) -> None:
    CreditAccount.objects.filter(pk=world.alice.org_id).update(available=101)
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("check_ledger", "--json", stdout=out)
    assert left.value.code == 1
    assert json.loads(out.getvalue())["differences"] == [
        {
            "organisation_id": world.alice.org_id,
            "available": 101,
            "available_by_ledger": 100,
            "reserved": 0,
            "reserved_by_ledger": 0,
        }
    ]
    with pytest.raises(SystemExit):
        call_command("check_ledger", stdout=out)
    assert f"{world.alice.org_id}: available 101, by the ledger 100" in out.getvalue()


def test_sweep_runs_every_sweeper_once_and_says_what_it_found(world: World) -> None:
    job = submitted(world.organisation)
    Job.objects.update(woken_at=timezone.now() - timedelta(hours=1))
    drain()
    assert run("sweep") == (
        "unwoken: 1, expired: 0, idempotency keys: 0, pictures: 0, uploads: 0, deliveries: 0, mails: 0, "
        "expired sessions: 0, payments: 0, gateway events: 0, reloads: 0, low balances: 0, expiring methods: 0, "
        "organisations deleted: 0, people deleted: 0\n"
    )
    assert drain() == [Woken("tryon.run", job.id)]
