"""Migrations since the first release leave the version before them working, and hold no lock for long.

docs/operations/migrations.md says why, and what to do instead.
"""

import importlib
from collections.abc import Iterator

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

OURS = ("accounts", "billing", "tryon")
FIRST_RELEASE = {"accounts": "0009_staff_deliveries", "billing": "0008_staff", "tryon": "0004_staff"}
"""The last migration of each app that no release before it has to live with."""

CONTRACTING = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
    migrations.AlterField,
)
BLOCKING = (migrations.AddIndex, migrations.AddConstraint, migrations.AlterUniqueTogether)


def objections(migration: migrations.Migration) -> Iterator[str]:
    """Yield what in a migration the running version would not survive, or would wait for."""
    made = {each.name_lower for each in migration.operations if isinstance(each, migrations.CreateModel)}
    contracts = bool(getattr(migration, "contracts", ""))
    for each in migration.operations:
        if str(getattr(each, "model_name", "")).lower() in made:
            continue
        if why := _objection(each, contracts=contracts):
            yield f"{each.describe()}: {why}"


def _objection(each: Operation, *, contracts: bool) -> str:
    if isinstance(each, CONTRACTING) and not contracts:
        return "the running version may still use it; say in `contracts` since which release none does"
    if isinstance(each, BLOCKING):
        return "it blocks writes while the table is read; make it concurrently, in a migration of its own"
    if isinstance(each, migrations.AddField) and not (each.field.null or each.field.has_db_default() or _is_many(each)):
        return "the running version inserts without it; give it a db_default, or let it be null"
    if isinstance(each, migrations.RunPython) and each.reverse_code is None:
        return "it can't be undone; give it a reverse, if only migrations.RunPython.noop"
    return ""


def _is_many(each: migrations.AddField) -> bool:
    return isinstance(each.field, models.ManyToManyField)


def since_the_first_release() -> list[tuple[str, str]]:
    names = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return sorted((app, name) for app, name in names if app in OURS and name > FIRST_RELEASE[app])


def test_no_migration_since_the_first_release_breaks_the_version_before_it() -> None:
    found = {}
    for app, name in since_the_first_release():
        module = importlib.import_module(f"{app}.migrations.{name}")
        found[f"{app}.{name}"] = list(objections(module.Migration(name, app)))
    assert {name: objected for name, objected in found.items() if objected} == {}


def test_the_first_release_is_one_that_there_is() -> None:
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    assert all((app, name) in known for app, name in FIRST_RELEASE.items())


def migration(*operations: Operation, contracts: str = "") -> migrations.Migration:
    made: type[migrations.Migration] = type(
        "Migration", (migrations.Migration,), {"operations": list(operations), "contracts": contracts}
    )
    return made("0009_x", "tryon")


INDEX = migrations.AddIndex("job", models.Index(fields=["mode"], name="by_mode"))


@pytest.mark.parametrize(
    ("operation", "objected"),
    [
        (migrations.AddField("job", "a", models.TextField(default="")), True),
        (migrations.AddField("job", "a", models.TextField(null=True)), False),
        (migrations.AddField("job", "a", models.TextField(db_default="")), False),
        (migrations.RemoveField("job", "mode"), True),
        (migrations.RenameField("job", "mode", "kind"), True),
        (migrations.AlterField("job", "mode", models.TextField()), True),
        (migrations.DeleteModel("job"), True),
        (INDEX, True),
        (migrations.SeparateDatabaseAndState(state_operations=[INDEX]), False),
        (migrations.RunPython(migrations.RunPython.noop), True),
        (migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop), False),
        (migrations.CreateModel("Thing", [("id", models.BigAutoField(primary_key=True))]), False),
    ],
)
def test_what_is_objected_to(operation: Operation, objected: bool) -> None:
    assert bool(list(objections(migration(operation)))) is objected


def test_a_table_that_nobody_uses_yet_may_be_built_in_any_way() -> None:
    thing = migrations.CreateModel("Thing", [("id", models.BigAutoField(primary_key=True))])
    index = migrations.AddIndex("thing", models.Index(fields=["id"], name="x"))
    assert not list(objections(migration(thing, index, migrations.AddField("Thing", "a", models.TextField()))))


def test_what_no_release_uses_any_more_may_go() -> None:
    assert not list(objections(migration(migrations.RemoveField("job", "mode"), contracts="Unused since 1.2.")))
    assert list(objections(migration(INDEX, contracts="Unused since 1.2.")))
