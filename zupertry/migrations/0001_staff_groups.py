from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zupertry.staff.groups import make_groups


def make(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    make_groups(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_staff_search"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("billing", "0008_staff"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("tryon", "0004_staff"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
