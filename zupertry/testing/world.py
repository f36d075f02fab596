"""Alice the owner, Bob her teammate, and Charlie, who belongs to another organisation."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models, transaction

from accounts.models import Membership, Organisation, Role, User
from zupertry.bootstrap import Bootstrapped, bootstrap

Rows = dict[type[models.Model], list[dict[str, Any]]]
"""What is in the tables of our apps: the fields of each row, apart from numbers that the database gives."""


@dataclass(frozen=True, slots=True)
class World:
    """What the two organisations were given: `alice` and `charlie` are theirs, Bob is a developer of Alice's."""

    alice: Bootstrapped
    charlie: Bootstrapped

    @property
    def organisation(self) -> Organisation:
        """Alice's organisation, with its webhook endpoint."""
        return Organisation.objects.select_related("webhook_endpoint").get(pk=self.alice.org_id)


_first: list[tuple[World, Rows]] = []


def make_world() -> World:
    """Make both organisations, with 100 credits each and a rate limit that no test reaches by accident.

    The first time in a process the service's own code makes them; then the same rows are inserted again, for which
    nothing has to be asked, hashed or sealed.
    """
    if _first:
        world, rows = _first[0]
        _insert(rows)
        return world
    before = _rows()
    world = _make()
    _first.append(
        (world, {model: [row for row in rows if row not in before[model]] for model, rows in _rows().items()})
    )
    return world


def _make() -> World:
    alice = bootstrap("Alice & Co", "alice@example.com", "alice-password", "EU", "starter", 100, 100_000)
    charlie = bootstrap("Charlie Ltd", "charlie@example.com", "charlie-password", "US", "growth", 100, 100_000)
    bob = User.objects.create_user("bob@example.com", "bob-password")
    Membership.objects.create(user=bob, organisation_id=alice.org_id, role=Role.DEVELOPER)
    return World(alice, charlie)


def _rows() -> Rows:
    ours = [model for app in ("accounts", "billing", "tryon") for model in apps.get_app_config(app).get_models()]
    return {model: list(model._default_manager.values(*_given(model))) for model in ours}


def _given(model: type[models.Model]) -> list[str]:
    fields = model._meta.concrete_fields
    return [field.attname for field in fields if not isinstance(field, models.AutoField)]


@transaction.atomic
def _insert(rows: Rows) -> None:
    for model, of_model in rows.items():
        model._default_manager.bulk_create(model(**row) for row in of_model)
