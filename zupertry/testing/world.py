"""Alice the owner, Bob her teammate, and Charlie, who belongs to another organisation."""

from dataclasses import dataclass

from accounts.models import Membership, Organisation, Role, User
from zupertry.bootstrap import Bootstrapped, bootstrap


@dataclass(frozen=True, slots=True)
class World:
    """What the two organisations were given: `alice` and `charlie` are theirs, Bob is a developer of Alice's."""

    alice: Bootstrapped
    charlie: Bootstrapped

    @property
    def organisation(self) -> Organisation:
        """Alice's organisation, with its webhook endpoint."""
        return Organisation.objects.select_related("webhook_endpoint").get(pk=self.alice.org_id)


def make_world(credits_: int = 100) -> World:
    """Make both organisations, with this many credits each and a rate limit that no test reaches by accident."""
    alice = bootstrap("Alice & Co", "alice@example.com", "alice-password", "EU", "starter", credits_, 100_000)
    charlie = bootstrap("Charlie Ltd", "charlie@example.com", "charlie-password", "US", "growth", credits_, 100_000)
    bob = User.objects.create_user("bob@example.com", "bob-password")
    Membership.objects.create(user=bob, organisation_id=alice.org_id, role=Role.DEVELOPER)
    return World(alice, charlie)
