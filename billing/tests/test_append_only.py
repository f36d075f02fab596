import pytest
from django.db import DatabaseError, connection, transaction

from billing.append_only import let_ledger_change, make_ledger_append_only
from billing.models import LedgerEntry
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db


def entry(world: World) -> LedgerEntry:
    return LedgerEntry.objects.filter(account_id=world.alice.org_id).get()


def test_an_entry_cannot_be_changed(world: World) -> None:
    written = entry(world)
    written.available_delta = 1_000_000
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        written.save()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        LedgerEntry.objects.update(note="nothing to see here")
    assert entry(world).available_delta == 100


def test_an_entry_cannot_be_deleted(world: World) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry(world).delete()
    assert LedgerEntry.objects.count() == 2


@pytest.mark.parametrize(
    "statement", ["UPDATE billing_ledgerentry SET available_delta = 0", "DELETE FROM billing_ledgerentry"]
)
def test_not_by_plain_sql_either(world: World, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert entry(world).available_delta == 100


@pytest.mark.django_db(transaction=True)
def test_the_migration_can_be_undone_and_done_twice(world: World) -> None:
    with connection.schema_editor() as editor:
        let_ledger_change(editor)
    LedgerEntry.objects.update(note="changed")
    for _ in range(2):
        with connection.schema_editor() as editor:
            make_ledger_append_only(editor)
    with pytest.raises(DatabaseError, match="append-only"):
        LedgerEntry.objects.update(note="changed again")
