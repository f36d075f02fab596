"""What the tests of staff's pages about jobs share."""

import pytest
from django.test import Client

from accounts.models import Organisation, User
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World


@pytest.fixture
def alice(world: World, media: object) -> Organisation:
    """Alice's organisation, with a folder for its pictures."""
    return world.organisation


@pytest.fixture
def member(db: None) -> User:
    """Somebody with every permission."""
    return make_staff(superuser=True)


@pytest.fixture
def staff(member: User) -> Client:
    return staff_client(member)
