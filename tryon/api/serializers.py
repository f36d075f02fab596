"""What goes into and comes out of `/v1/tryon` and `/v1/jobs`."""

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Mode, WebhookDelivery
from tryon import simulation
from tryon.failures import MESSAGES, RETRYABLE
from tryon.models import Job
from zupertry.core.addresses import MAX_URL_LENGTH, UrlError, check_url
from zupertry.core.api import AbsentWhenNull, StrictCharField, TimestampField, timestamp
from zupertry.core.ids import pattern
from zupertry.core.pagination import PageQuery
from zupertry.core.storage import named_by, signed_url

REFUSED_SUFFIXES = frozenset(
    [".gif", ".bmp", ".tif", ".tiff", ".svg", ".heic", ".heif", ".avif", ".ico", ".psd", ".pdf"]
)
MAX_CLIENT_REFERENCE = 200
MAX_METADATA_ENTRIES = 20
MAX_METADATA_KEY = 40
MAX_METADATA_VALUE = 500
MAX_WAIT_SECONDS = 30
URL_SCHEMA = {"type": "string", "format": "uri", "pattern": "^[hH][tT][tT][pP][sS]?://", "maxLength": MAX_URL_LENGTH}


@extend_schema_field(URL_SCHEMA)
class OutboundUrlField(StrictCharField):
    """An http(s) URL that the service may reach, as far as that can be told without the network."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_URL_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the URL unchanged."""
        url = super().to_internal_value(data)
        self.check_url(url)
        return url

    def check_url(self, url: str) -> None:
        """Raise `ValidationError` unless the service may reach this."""
        try:
            check_url(url, settings.OUTBOUND_ALLOWED_NETWORKS)
        except UrlError as error:
            raise serializers.ValidationError(str(error)) from error


class PictureUrlField(OutboundUrlField):
    """The URL of a picture whose name does not already say that it can't be used; or a valid link to a stored one."""

    def check_url(self, url: str) -> None:
        """Raise `ValidationError` for what can't be used. A link of ours is never fetched, but read from storage."""
        if named_by(url, timezone.now()):
            return
        super().check_url(url)
        suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
        if suffix in REFUSED_SUFFIXES:
            raise serializers.ValidationError(f"{suffix} pictures are not supported. Send a JPEG, PNG or WebP.")
        self._check_simulation(url)

    def _check_simulation(self, url: str) -> None:
        try:
            simulated = simulation.simulation(url)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        if simulated and self.context["mode"] != Mode.TEST:
            raise serializers.ValidationError(f"{simulation.HOST} is for test keys only. Send a real picture's URL.")


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MAX_METADATA_ENTRIES,
        "propertyNames": {"maxLength": MAX_METADATA_KEY},
        "additionalProperties": {"type": "string", "maxLength": MAX_METADATA_VALUE},
    }
)
class MetadataField(serializers.DictField):
    """A flat map of strings: at most 20 entries, keys of 40 and values of 500 characters."""

    child = StrictCharField(max_length=MAX_METADATA_VALUE, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the map unchanged."""
        if isinstance(data, dict) and len(data) > MAX_METADATA_ENTRIES:
            raise serializers.ValidationError(f"At most {MAX_METADATA_ENTRIES} entries are kept.")
        if isinstance(data, dict) and any(len(key) > MAX_METADATA_KEY or "\x00" in key for key in data):
            raise serializers.ValidationError(f"Keys have at most {MAX_METADATA_KEY} characters, and no NUL.")
        return dict(super().to_internal_value(data))


class TryOnIn(AbsentWhenNull):
    """Two pictures, and where to tell of the result."""

    model_image_url = PictureUrlField(
        help_text="The person: a JPEG, PNG or WebP of at most 10 MB, publicly reachable. With a test key, a name on "
        f"`{simulation.HOST}` simulates what it says: `success.jpg`, `slow.jpg`, or any `error_code` of a job."
    )
    garment_image_url = PictureUrlField(help_text="The garment: likewise.")
    workspace_id = StrictCharField(
        required=False, allow_null=True, allow_blank=True, help_text="Default: the oldest active workspace."
    )
    webhook_url = OutboundUrlField(required=False, allow_null=True, help_text="Default: the organisation's.")
    client_reference_id = StrictCharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=MAX_CLIENT_REFERENCE,
        help_text="Echoed, and a filter of the listing.",
    )
    metadata = MetadataField(required=False, allow_null=True, help_text="Echoed.")


class Accepted(serializers.ModelSerializer[Job]):
    """A job that has been accepted."""

    job_id = serializers.RegexField(pattern("job"), source="id")
    status = serializers.SerializerMethodField(help_text="What it was when the request came first.")
    created_at = TimestampField()

    class Meta:
        model = Job
        fields = ["job_id", "status", "created_at", "mode"]

    @extend_schema_field(serializers.ChoiceField(choices=[Job.Status.PENDING.value]))
    def get_status(self, job: Job) -> str:
        """Return what the answer said when it was given first, a replayed one too."""
        return Job.Status.PENDING.value


class JobOut(serializers.ModelSerializer[Job]):
    """A job, as a listing shows it."""

    job_id = serializers.RegexField(pattern("job"), source="id")
    workspace_id = serializers.RegexField(pattern("ws"))
    output_url = serializers.SerializerMethodField(
        help_text="Signed, valid for an hour, signed afresh at each read. Null unless completed, or once deleted."
    )
    credits_consumed = serializers.IntegerField(
        min_value=0,
        max_value=1,
        allow_null=True,
        help_text="Null until the job ends; 0 in test mode, and whenever the credit came back.",
    )
    error_code = serializers.SerializerMethodField(help_text="Null unless the job failed.")
    error_message = serializers.SerializerMethodField(help_text="Which picture it was, and what to do.")
    retryable = serializers.SerializerMethodField(
        help_text="Whether the same pictures may pass when submitted again; null unless the job failed."
    )
    created_at = TimestampField()
    completed_at = TimestampField(allow_null=True, help_text="Null until the job ends.")
    duration_ms = serializers.IntegerField(
        min_value=0, allow_null=True, help_text="Processing time in milliseconds; null until the job ends."
    )
    output_expires_at = serializers.SerializerMethodField(help_text="When the picture is deleted.")
    pictures_deleted_at = TimestampField(allow_null=True)
    client_reference_id = serializers.CharField(allow_null=True, max_length=MAX_CLIENT_REFERENCE)
    metadata = MetadataField()

    class Meta:
        model = Job
        fields = [
            "job_id",
            "status",
            "workspace_id",
            "mode",
            "output_url",
            "credits_consumed",
            "error_code",
            "error_message",
            "retryable",
            "created_at",
            "completed_at",
            "duration_ms",
            "output_expires_at",
            "pictures_deleted_at",
            "client_reference_id",
            "metadata",
        ]

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_output_url(self, job: Job) -> str | None:
        """Return a fresh link to a completed job's picture, while it is kept."""
        return signed_url(job.output_name) if job.status == Job.Status.COMPLETED and job.output_name else None

    @extend_schema_field(serializers.ChoiceField(choices=list(MESSAGES), allow_null=True))
    def get_error_code(self, job: Job) -> str | None:
        """Return why the job failed."""
        return job.error_code or None

    def get_error_message(self, job: Job) -> str | None:
        """Return why the job failed, in a sentence."""
        return job.error_message or None

    def get_retryable(self, job: Job) -> bool | None:
        """Return whether to try again; null unless the job failed."""
        return job.error_code in RETRYABLE if job.status == Job.Status.FAILED else None

    @extend_schema_field(TimestampField(allow_null=True))
    def get_output_expires_at(self, job: Job) -> str | None:
        """Return when the picture is deleted; null unless the job is completed."""
        if job.status != Job.Status.COMPLETED or job.output_expires_at is None:
            return None
        return timestamp(job.output_expires_at)


class JobDetail(JobOut):
    """A job, with what became of its webhook."""

    webhook_url = serializers.SerializerMethodField(help_text="Where the result is told, if anywhere.")
    webhook_status = serializers.SerializerMethodField(help_text="Null without a webhook, and for a cancelled job.")

    class Meta(JobOut.Meta):
        fields = [*JobOut.Meta.fields, "webhook_url", "webhook_status"]

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_webhook_url(self, job: Job) -> str | None:
        """Return where the result is told, if anywhere."""
        return job.webhook_url or None

    @extend_schema_field(serializers.ChoiceField(choices=WebhookDelivery.Status.choices, allow_null=True))
    def get_webhook_status(self, job: Job) -> str | None:
        """Return the delivery's state; null without a webhook, and for a cancelled job."""
        if not job.webhook_url or job.status == Job.Status.CANCELLED:
            return None
        return job.delivery.status if job.delivery else WebhookDelivery.Status.PENDING.value


class JobQuery(PageQuery):
    """How to narrow the listing, and which page of it."""

    workspace_id = StrictCharField(required=False, allow_blank=True, help_text="Jobs of this workspace.")
    status = serializers.ChoiceField(choices=Job.Status.choices, required=False, help_text="Jobs in this state.")
    mode = serializers.ChoiceField(choices=Mode.choices, required=False, help_text="Jobs of this mode.")
    client_reference_id = StrictCharField(
        required=False, allow_blank=True, max_length=MAX_CLIENT_REFERENCE, help_text="Jobs submitted with exactly this."
    )
    created_after = serializers.DateTimeField(required=False, help_text="Made later than this, in ISO 8601.")
    created_before = serializers.DateTimeField(required=False, help_text="Made earlier than this, in ISO 8601.")


class WaitQuery(serializers.Serializer[Any]):
    """How long to wait for the end of a job."""

    wait = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=MAX_WAIT_SECONDS,
        help_text="Seconds to wait for the job to end.",
    )


class JobPage(serializers.Serializer[Any]):
    """A page of jobs, newest first."""

    jobs = JobOut(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Send it as `cursor` for the next page.")
    has_more = serializers.BooleanField(help_text="Whether there is a next page.")
