"""Every page about jobs and usage, for everyone."""

import pytest
from django.urls import reverse

from accounts.models import Organisation, Role
from tryon.dashboard.urls import urlpatterns
from tryon.models import Job
from tryon.tests.dashboard.conftest import made
from zupertry.testing.jobs import submitted
from zupertry.testing.page import parse

LOOK = {"jobs", "job", "state", "usage", "usage-csv"}
DO = {"playground", "result", "cancel", "run-again", "delete-pictures"}
OF_ALL = {"jobs", "playground", "usage", "usage-csv"}
POSTS = {"cancel", "run-again"}
MAY_SUBMIT = [Role.OWNER, Role.ADMIN, Role.DEVELOPER]


def address(name: str, job: Job) -> str:
    return reverse(f"tryon:{name}", args=[] if name in OF_ALL else [job.id])


def ask(client, name, job):
    return getattr(client, "post" if name in POSTS else "get")(address(name, job))


def test_every_route_is_in_the_tables_above():
    assert {pattern.name for pattern in urlpatterns} == LOOK | DO


def test_strangers_are_led_to_the_login(client, alice):
    job = made(alice)
    for name in LOOK | DO:
        assert ask(client, name, job)["Location"].startswith("/login?next="), name


@pytest.mark.parametrize("role", Role)
def test_everybody_sees_jobs(alice, member, role):
    job, client = made(alice), member(alice, role)
    for name in LOOK:
        assert ask(client, name, job).status_code == 200


@pytest.mark.parametrize("role", [role for role in Role if role not in MAY_SUBMIT])
def test_billing_and_viewers_only_look(alice, member, role):
    job, client = made(alice), member(alice, role)

    for name in DO:
        answer = ask(client, name, job)
        assert answer.status_code == 403, name
        assert "owner, admin, developer" in parse(answer.content.decode()).all("main")[0].text
    html = client.get(address("job", job)).content.decode()
    assert "Run again" not in html
    assert "Delete pictures" not in html
    assert "/dashboard/playground" not in html
    assert Job.objects.count() == 1


@pytest.mark.parametrize("role", MAY_SUBMIT)
def test_owner_admin_and_developer_do_everything(alice, member, role):
    job, client = made(alice), member(alice, role)

    assert client.get(address("playground", job)).status_code == 200
    assert client.get(address("result", job)).status_code == 200
    assert client.post(address("run-again", job), {"token": "a-page"}).status_code == 302
    assert client.post(address("cancel", submitted(alice))).status_code == 302
    assert client.post(address("delete-pictures", job)).status_code == 302
    assert {*Job.objects.values_list("status", flat=True)} == {"completed", "pending", "cancelled"}


def test_what_is_another_organisations_does_not_exist(world, alice, member):
    job = made(alice)
    charlie = member(Organisation.objects.get(pk=world.charlie.org_id), Role.OWNER)

    for name in (LOOK | DO) - OF_ALL:
        assert ask(charlie, name, job).status_code == 404, name
    assert job.id not in charlie.get(address("jobs", job)).content.decode()
    assert charlie.get(f"{address('playground', job)}?job={job.id}").status_code == 404
    assert Job.objects.get().output_name


@pytest.mark.parametrize("id_", ["job_nonsense", "1", "%00", "job_" + "0" * 26])
def test_what_is_no_id_does_not_exist(developer, id_):
    for rest in ("", "/state"):
        assert developer.get(f"/dashboard/jobs/{id_}{rest}").status_code == 404
    assert developer.get(f"/dashboard/playground?job={id_}").status_code == 404
