from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Membership, Organisation, Role, User
from zupertry.testing.world import World

Member = Callable[[Organisation, str], Client]


@pytest.fixture
def alice(world: World) -> Organisation:
    """Alice's organisation."""
    return world.organisation


@pytest.fixture
def charlies(world: World) -> Organisation:
    """Charlie's organisation."""
    return Organisation.objects.get(pk=world.charlie.org_id)


@pytest.fixture
def member(db: None) -> Member:
    """Make a browser in which somebody new of this organisation, in this role, is logged in."""

    def make(organisation: Organisation, role: str) -> Client:
        user = User.objects.create_user(f"{role}-{User.objects.count()}@example.com", "a-password")
        Membership.objects.create(user=user, organisation=organisation, role=role)
        return logged_in(user)

    return make


@pytest.fixture
def owner(world: World) -> Client:
    """Alice's own browser."""
    return logged_in(User.objects.get(email="alice@example.com"))


@pytest.fixture
def developer(world: World) -> Client:
    """The browser of Bob, who is a developer."""
    return logged_in(User.objects.get(email="bob@example.com"))


@pytest.fixture
def charlie(world: World) -> Client:
    """Charlie's browser: the owner of another organisation."""
    return logged_in(User.objects.get(email="charlie@example.com"))


@pytest.fixture
def admin(alice: Organisation, member: Member) -> Client:
    """A browser of an admin of Alice's organisation."""
    return member(alice, Role.ADMIN)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
