"""What a customer's endpoint is sent, for the description of the API. `jobs.py` writes it, `delivery.py` sends it."""

from typing import Any

from drf_spectacular.utils import OpenApiWebhook, extend_schema
from rest_framework import serializers

from accounts.models import Mode
from tryon.api.serializers import MAX_CLIENT_REFERENCE, MetadataField
from tryon.failures import MESSAGES
from tryon.models import Job
from zupertry.core.api import TimestampField
from zupertry.core.ids import pattern

SIGNED = """Verify it before you trust it: `X-Zupertry-Signature` is the lowercase hex HMAC-SHA256 of the raw body,
keyed by the whole `whsec_…` secret; `webhook-id`, `webhook-timestamp` and `webhook-signature` follow Standard Webhooks.
Any 2xx within 10 s is a delivery; anything else is tried again, so that the same `webhook-id` may come twice.
410 stops it. `X-Request-Id` is the id of the request that submitted the job."""


class _JobEnded(serializers.Serializer[Any]):
    job_id = serializers.RegexField(pattern("job"))
    workspace_id = serializers.RegexField(pattern("ws"))
    org_id = serializers.RegexField(pattern("org"))
    credits_consumed = serializers.IntegerField(min_value=0, max_value=1)
    created_at = TimestampField()
    completed_at = TimestampField()
    mode = serializers.ChoiceField(choices=Mode.choices)
    client_reference_id = serializers.CharField(allow_null=True, max_length=MAX_CLIENT_REFERENCE)
    metadata = MetadataField()


class CompletedJob(_JobEnded):
    """A job that has its picture."""

    status = serializers.ChoiceField(choices=[Job.Status.COMPLETED.value])
    output_url = serializers.URLField(help_text="Signed afresh at each attempt, valid for an hour.")


class FailedJob(_JobEnded):
    """A job that has none."""

    status = serializers.ChoiceField(choices=[Job.Status.FAILED.value])
    error = serializers.CharField(help_text="A sentence.")
    error_code = serializers.ChoiceField(choices=list(MESSAGES))
    retryable = serializers.BooleanField(help_text="Whether the same pictures may pass when submitted again.")


class _Event(serializers.Serializer[Any]):
    id = serializers.RegexField(pattern("evt"))
    created_at = TimestampField()


class JobCompleted(_Event):
    """A job was completed."""

    type = serializers.ChoiceField(choices=["job.completed"])
    data = CompletedJob()  # type: ignore[assignment]  # a field here; DRF takes it off the class


class JobFailed(_Event):
    """A job failed."""

    type = serializers.ChoiceField(choices=["job.failed"])
    data = FailedJob()  # type: ignore[assignment]  # a field here; DRF takes it off the class


class TestMessage(serializers.Serializer[Any]):
    """What stands in place of a job."""

    org_id = serializers.RegexField(pattern("org"))
    test = serializers.ChoiceField(choices=[True])
    message = serializers.CharField(help_text="A sentence.")


class WebhookTest(_Event):
    """Somebody wishes to know whether webhooks arrive."""

    type = serializers.ChoiceField(choices=["webhook.test"])
    data = TestMessage()  # type: ignore[assignment]  # a field here; DRF takes it off the class


def _webhook(name: str, summary: str, body: type[_Event]) -> OpenApiWebhook:
    decorator = extend_schema(
        summary=summary, description=SIGNED, tags=["Webhooks"], request=body, responses={204: None}
    )
    return OpenApiWebhook(name, decorator)


JOB_COMPLETED = _webhook("job.completed", "A job was completed", JobCompleted)
JOB_FAILED = _webhook("job.failed", "A job failed", JobFailed)
WEBHOOK_TEST = _webhook("webhook.test", "A test event was asked for in the dashboard", WebhookTest)
