import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tryon", "0003_staff_permissions"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="job",
            name="job_idempotency_once",
        ),
        migrations.RemoveIndex(
            model_name="job",
            name="job_listing_reference",
        ),
        migrations.AddField(
            model_name="job",
            name="rerun_of",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reruns",
                to="tryon.job",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("client_reference_id__isnull", False)),
                fields=["client_reference_id", "organisation", "-id"],
                name="job_by_reference",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "completed"), _negated=True),
                fields=["status", "-id"],
                name="job_by_status",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(condition=models.Q(("mode", "test")), fields=["-id"], name="job_in_test"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("error_code", ""), _negated=True), fields=["error_code", "-id"], name="job_by_error"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("request_id", ""), _negated=True), fields=["request_id"], name="job_by_request"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("engine_request_id", ""), _negated=True),
                fields=["engine_request_id"],
                name="job_by_engine_request",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("rerun_of__isnull", False)), fields=["rerun_of"], name="job_by_rerun"
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key__isnull", False)),
                fields=("idempotency_key", "organisation", "mode"),
                name="job_idempotency_once",
            ),
        ),
    ]
