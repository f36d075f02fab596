"""Organisations are found by whatever a customer says of theirs."""

import pytest
from django.test import Client

from accounts.models import ApiKey, Organisation, User
from zupertry.testing.money import opened
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World
from zupertry.tests.staff.test_organisations import found, job_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def support() -> Client:
    return staff_client(make_staff("Support"))


@pytest.fixture
def alice(world: World) -> Organisation:
    return world.organisation


def test_an_organisation_is_found_by_whatever_is_known_of_it(support: Client, world: World, alice) -> None:
    charlie = Organisation.objects.get(pk=world.charlie.org_id)
    job = job_of(alice, request_id="req_of_alice")
    payment = opened(alice)
    person = User.objects.get(email="alice@example.com")
    key = ApiKey.objects.get(organisation=alice, mode="live")
    hers = ["Alice & Co"]
    for term in (
        *(
            "Alice",
            "aLICE & c",
            "alice@example.com",
            "Bob@Example.com",
            alice.pk,
            key.pk,
            person.pk,
            job.pk,
            payment.pk,
        ),
        *(alice.workspaces.first().pk, "req_of_alice", world.alice.live_key[-4:], f"zt_live_sk_…{key.last_four}"),
        *(f"…{key.last_four}", f"zt_live_sk_{key.last_four}"),
    ):
        assert found(support, q=term) == hers, term
    for term in (
        "Co",
        "lice",
        "%",
        "_",
        "alice@",
        "charlie@example.co",
        f"zt_test_sk_…{key.last_four}",
        "req_of_nobody",
    ):
        assert found(support, q=term) == [], term
    assert found(support, q=charlie.pk) == ["Charlie Ltd"]
    assert found(support, q="job_nonsense") == []


def test_a_name_of_four_letters_is_a_name_and_the_end_of_a_key(support: Client, world: World, alice) -> None:
    ApiKey.objects.filter(organisation=alice).update(last_four="Char")
    assert found(support, q="Char") == ["Alice & Co", "Charlie Ltd"]
    assert found(support, q="…Char") == ["Alice & Co"]
