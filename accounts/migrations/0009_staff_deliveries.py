from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_event_request_id"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("status", "delivered"), _negated=True),
                fields=["status", "-id"],
                name="delivery_undelivered",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("type", "job.completed"), _negated=True),
                fields=["type", "-id"],
                name="event_by_type",
            ),
        ),
    ]
