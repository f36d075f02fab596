from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Mode, Organisation, Role, User
from tryon import jobs
from tryon.models import Job
from tryon.stored_pictures import write
from zupertry.core import storage
from zupertry.testing import images
from zupertry.testing.jobs import claimed
from zupertry.testing.world import World

Member = Callable[..., Client]


@pytest.fixture
def alice(world: World, media: object) -> Organisation:
    """Alice's organisation, with a folder for its pictures."""
    return world.organisation


@pytest.fixture
def member(db: None) -> Member:
    """Make a browser in which somebody new of this organisation, in this role, is logged in."""

    def make(organisation: Organisation, role: str, *, csrf: bool = False) -> Client:
        user = User.objects.create_user(f"{role}-{User.objects.count()}@example.com", "a-password")
        Membership.objects.create(user=user, organisation=organisation, role=role)
        client = Client(enforce_csrf_checks=csrf)
        client.force_login(user)
        return client

    return make


@pytest.fixture
def developer(alice: Organisation, member: Member) -> Client:
    return member(alice, Role.DEVELOPER)


def made(organisation: Organisation, mode: Mode = Mode.LIVE, **request: Any) -> Job:
    """A completed job whose three pictures are stored."""
    job = claimed(organisation, mode, **request)
    names = {field: storage.new_name("image/jpeg") for field in ("person_name", "garment_name", "output_name")}
    jobs.note(job, **names)
    for name in names.values():
        write(name, images.jpeg(600, 800))
    assert jobs.complete(job, engine_request_id="engine-1")
    return Job.objects.get(pk=job.pk)
