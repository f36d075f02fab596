"""Rules of the team that no single request shows: what happens at the same moment, and after a role has gone."""

from functools import partial

import pytest

from accounts import team
from accounts.models import Membership, Role, User
from zupertry.core.errors import Refusal
from zupertry.testing.threads import at_once
from zupertry.testing.world import World


def membership(name: str, world: World) -> Membership:
    members = Membership.objects.select_related("organisation", "user")
    return members.get(user__email=f"{name}@example.com", organisation_id=world.alice.org_id)


@pytest.fixture
def owners(world: World) -> tuple[Membership, Membership]:
    """Alice and Bob, who both own the organisation."""
    Membership.objects.filter(user__email="bob@example.com").update(role=Role.OWNER)
    return membership("alice", world), membership("bob", world)


def quietly(change) -> bool:
    try:
        change()
    except Refusal:
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_the_same_moment_leave_one_behind(world, owners):
    left = at_once([partial(quietly, partial(team.leave, one)) for one in owners])
    assert sorted(left) == [False, True]
    assert Membership.objects.filter(organisation=world.organisation, role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_demote_each_other_at_the_same_moment_leave_one_owner(world, owners):
    alice, bob = owners
    done = at_once(
        [
            lambda: quietly(lambda: team.change_role(bob, Role.VIEWER, by=alice)),
            lambda: quietly(lambda: team.change_role(alice, Role.VIEWER, by=bob)),
        ]
    )
    assert sorted(done) == [False, True]
    assert Membership.objects.filter(organisation=world.organisation, role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_invitation_accepted_twice_at_the_same_moment_makes_one_member(world):
    invitation = team.invite("charlie@example.com", Role.VIEWER, by=membership("alice", world))
    charlie = User.objects.get(email="charlie@example.com")
    accepted = at_once([lambda: quietly(lambda: team.accept(invitation, charlie))] * 2)
    assert sorted(accepted) == [False, True]
    assert Membership.objects.filter(user=charlie, organisation=world.organisation).count() == 1


def test_who_acts_by_a_role_that_was_taken_away_is_refused(world, owners):
    alice, bob = owners
    team.change_role(bob, Role.VIEWER, by=alice)
    for change in (
        lambda: team.invite("dora@example.com", Role.VIEWER, by=bob),
        lambda: team.remove(alice, by=bob),
        lambda: team.transfer_ownership(alice, by=bob),
    ):
        with pytest.raises(Refusal) as refused:
            change()
        assert refused.value.code == "forbidden"


def test_nobody_acts_on_members_of_another_organisation(world):
    charlie = Membership.objects.select_related("organisation").get(user__email="charlie@example.com")
    with pytest.raises(Refusal):
        team.remove(charlie, by=membership("alice", world))
    assert Membership.objects.filter(pk=charlie.pk).exists()
