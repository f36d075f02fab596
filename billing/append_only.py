"""Keeps ledger entries as they were written: a trigger that refuses UPDATE and DELETE, on both databases.

A named function, so that the migration can install it and the tests can lift it to empty the table.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "billing_ledgerentry"

INSTALL = {
    "postgresql": [
        """
        CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'ledger entries are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$
        """,
        f"""
        CREATE OR REPLACE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()
        """,
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER IF NOT EXISTS ledger_append_only_{event.lower()} BEFORE {event} ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END
        """
        for event in ("UPDATE", "DELETE")
    ],
}
LIFT = {
    "postgresql": [f"DROP TRIGGER IF EXISTS ledger_append_only ON {TABLE}"],
    "sqlite": [f"DROP TRIGGER IF EXISTS ledger_append_only_{event}" for event in ("update", "delete")],
}


def make_ledger_append_only(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Install the trigger; where it is there already, nothing changes."""
    for statement in INSTALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def let_ledger_change(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Remove the trigger: for undoing the migration, and for tests that empty the table."""
    for statement in LIFT[schema_editor.connection.vendor]:
        schema_editor.execute(statement)
