from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# plan, currency, credits, price before tax in minor units, the plan that the buyer moves to
PACKS = [
    ("starter", "INR", 100, 1_000_00, None),
    ("starter", "INR", 500, 4_500_00, None),
    ("starter", "INR", 2_000, 16_000_00, "growth"),
    ("growth", "INR", 500, 4_000_00, None),
    ("growth", "INR", 1_500, 11_250_00, None),
    ("growth", "INR", 10_000, 65_000_00, "scale"),
    ("scale", "INR", 2_000, 12_000_00, None),
    ("scale", "INR", 20_000, 1_10_000_00, None),
    ("scale", "INR", 50_000, 2_50_000_00, None),
    ("enterprise", "INR", 50_000, 2_25_000_00, None),
    ("enterprise", "INR", 2_00_000, 8_00_000_00, None),
    *(
        (plan, currency, credits_, price_minor, moves_to)
        for currency in ("USD", "EUR")
        for plan, credits_, price_minor, moves_to in (
            ("starter", 100, 15_00, None),
            ("starter", 500, 65_00, None),
            ("starter", 2_000, 220_00, "growth"),
            ("growth", 500, 55_00, None),
            ("growth", 2_000, 200_00, None),
            ("growth", 10_000, 900_00, "scale"),
            ("scale", 5_000, 400_00, None),
            ("scale", 20_000, 1_400_00, None),
            ("scale", 50_000, 3_250_00, None),
            ("enterprise", 50_000, 3_000_00, None),
            ("enterprise", 200_000, 10_000_00, None),
        )
    ),
]


def make_packs(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    pack = apps.get_model("billing", "CreditPack")
    if pack.objects.exists():
        return
    for plan, currency, credits_, price_minor, moves_to in PACKS:
        pack.objects.create(
            plan_id=plan, currency=currency, credits=credits_, price_minor=price_minor, moves_to_id=moves_to
        )


def keep_packs(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo nothing: the next step back drops the table, and until then payments may name them."""


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_payments")]
    operations = [migrations.RunPython(make_packs, keep_packs)]
