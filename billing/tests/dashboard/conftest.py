from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Membership, Organisation, Role, User

Member = Callable[[Organisation, str], Client]


@pytest.fixture
def member(db: None) -> Member:
    """Make a browser in which somebody new of this organisation, in this role, is logged in."""

    def make(organisation: Organisation, role: str) -> Client:
        user = User.objects.create_user(f"{role}-{User.objects.count()}@example.com", "a-password")
        Membership.objects.create(user=user, organisation=organisation, role=role)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def owner(alice: Organisation, member: Member) -> Client:
    """A browser of an owner of Alice's organisation, which pays in euros."""
    return member(alice, Role.OWNER)


@pytest.fixture
def asha_owner(asha: Organisation, member: Member) -> Client:
    """A browser of an owner of Asha's organisation, which pays in rupees."""
    return member(asha, Role.OWNER)
