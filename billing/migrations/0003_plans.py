from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

PLANS = [("starter", "Starter"), ("growth", "Growth"), ("scale", "Scale"), ("enterprise", "Enterprise")]


def make_plans(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    plan = apps.get_model("billing", "Plan")
    for code, name in PLANS:
        # Only the starter plan gives credits at the start: as many as the setting says.
        plan.objects.get_or_create(
            code=code, defaults={"name": name, "signup_credits": None if code == "starter" else 0}
        )


def keep_plans(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo nothing: organisations may be on them."""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_ledger_is_append_only")]
    operations = [migrations.RunPython(make_plans, keep_plans)]
