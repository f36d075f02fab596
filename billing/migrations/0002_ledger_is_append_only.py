from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from billing.append_only import let_ledger_change, make_ledger_append_only


def install_trigger(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    make_ledger_append_only(schema_editor)


def remove_trigger(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    let_ledger_change(schema_editor)


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunPython(install_trigger, remove_trigger)]
