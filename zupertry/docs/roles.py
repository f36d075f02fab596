"""Who may do what in the dashboard, taken from the rule that its pages go by."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.dashboard.access import AREAS
from accounts.models import Role

EVERYONE = frozenset(Role)
RIGHTS: tuple[tuple[str, str], ...] = (
    ("See jobs, their pictures and usage; leave", ""),
    ("Playground: try on, cancel, run again, delete pictures", "playground"),
    ("API keys, webhooks and their log", "developer"),
    ("Workspaces", "workspace"),
    ("Credits, payments, invoices", "billing"),
    ("Invite and remove people, change roles", "team"),
    ("Audit log", "audit"),
    ("Settings: the name, how long pictures are kept", "settings"),
    ("Make, change and remove owners; transfer the ownership", "ownership"),
    ("Export and delete the organisation", "ownership"),
)
"""What may be done, and in which area of the dashboard; in none, by everyone."""


@dataclass(frozen=True, slots=True)
class Right:
    """A row of the table: what may be done, and for each role a tick or nothing."""

    what: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """The table. `names` are those of the roles, in the order of the marks."""

    names: tuple[str, ...]
    rights: tuple[Right, ...]


def roles() -> Roles:
    """Return what each role may."""
    return Roles(
        tuple(str(role.label) for role in Role),
        tuple(Right(what, _marks(AREAS[area] if area else EVERYONE)) for what, area in RIGHTS),
    )


def _marks(allowed: Collection[Role]) -> tuple[str, ...]:
    return tuple("✓" if role in allowed else "" for role in Role)
