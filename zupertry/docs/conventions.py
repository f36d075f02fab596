"""What holds for all of `/v1`, taken from the code that makes it so: errors, simulations, retries, webhooks."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString

from accounts import team
from accounts.models import DEFAULT_RATE_LIMIT, MAX_API_KEYS, MAX_WORKSPACES
from accounts.webhooks import delivery, signing
from billing.models import LedgerEntry
from tryon import retention, simulation
from tryon.api.serializers import MAX_METADATA_ENTRIES, REFUSED_SUFFIXES
from tryon.api.viewsets import MAX_IDEMPOTENCY_KEY
from tryon.failures import MESSAGES, RETRYABLE
from tryon.jobs import IDEMPOTENCY_LIFETIME
from tryon.pictures import MAX_BYTES, MAX_PIXELS
from zupertry.core.addresses import MAX_URL_LENGTH
from zupertry.core.api import MAX_BODY_BYTES
from zupertry.core.code_samples import Sample, json_sample
from zupertry.core.errors import STATUS
from zupertry.docs.prose import prose
from zupertry.docs.samples import EXAMPLES, EXAMPLES_OF

EXAMPLE_SECRET = signing.PREFIX + base64.b64encode(bytes(signing.SECRET_BYTES)).decode()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SNIPPETS = Path(__file__).resolve().parents[2] / "docs" / "snippets"

WHEN = {
    "bad_request": "The request itself is broken: its `Host` header, say.",
    "unauthorized": "There are no credentials. Send `Authorization: Bearer` and a key.",
    "invalid_api_key": "The key is malformed or unknown.",
    "api_key_revoked": "The key has been revoked. Use another one.",
    "api_key_disabled": "The key is switched off. Switch it on again, or use another one.",
    "insufficient_credits": "Fewer than one credit is available; below 0, the message says how many are owed. "
    "Test keys never see this.",
    "account_suspended": "The organisation is suspended.",
    "forbidden": "The job belongs to another organisation.",
    "workspace_not_found": "The `workspace_id` is unknown or (on submit) archived, or none is given and none active.",
    "job_not_found": "There is no such job, or it is a live job and the key a test key.",
    "not_found": "There is no such route.",
    "method_not_allowed": "The route exists, and does not answer this method; `Allow` lists those it does.",
    "job_not_cancellable": "The job is not `pending` any more.",
    "idempotency_conflict": "The same `Idempotency-Key` came with another body.",
    "payload_too_large": "The body is larger than 64 KiB.",
    "unsupported_media_type": "The body is not declared as `application/json`.",
    "validation_error": "A field, query parameter or cursor is missing or wrong, or the body is not JSON. "
    "`error.fields` says which.",
    "no_payment_method": "Auto-reload was switched on with no saved payment method, in the dashboard.",
    "rate_limit_exceeded": "Too many requests in this minute. Wait as long as `Retry-After` says.",
    "api_key_limit_reached": "The organisation has as many keys as it may have; in the dashboard.",
    "workspace_limit_reached": "The organisation has as many workspaces as it may have; in the dashboard.",
    "internal_error": "Something of ours went wrong. Send the request again.",
    "payment_provider_error": "The payment provider failed, in the dashboard.",
    "service_unavailable": "A part that this request needs is down. Nothing was changed; wait for `Retry-After`.",
}
"""When each public error code is given."""

LEDGER_KINDS = {
    "hold": "A live job was accepted: one credit goes from `available` to `reserved`.",
    "capture": "The job completed: its reserved credit is spent.",
    "release": "The job failed or was cancelled: its reserved credit is available again.",
    "refund": "Our staff took a completed job back: its credit is available again.",
    "purchase": "A payment arrived, whose id is the `reference`.",
    "grant": "Credits that cost nothing: those to begin with, or a gift of our staff.",
    "clawback": "A payment was refunded or disputed: its credits are taken back.",
    "reinstate": "The refund failed, or the dispute was won: its credits are back.",
    "adjustment": "Our staff took credits; `note` says why.",
}
"""What each kind of ledger entry stands for."""

SIMULATED = {
    "success": "The job completes with a mock picture.",
    "slow": f"The same, after {simulation.SLOW_SECONDS:g} seconds. For the first {simulation.SLOW_PENDING_SECONDS:g} "
    "of them the job is `pending`, and can be cancelled.",
}


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A row of the table of codes. `id` is its anchor, `when` has its code in backticks."""

    code: str
    status: int
    when: str

    @property
    def when_html(self) -> SafeString:
        """`when`, as HTML."""
        return prose(self.when)

    @property
    def id(self) -> str:
        """The row's anchor."""
        return f"error-{self.code}"


@dataclass(frozen=True, slots=True)
class LedgerKind:
    """A row of the table of ledger entries, with code in backticks."""

    code: str
    meaning: str


@dataclass(frozen=True, slots=True)
class JobFailure:
    """A row of the table of reasons why jobs fail."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class SimulatedName:
    """A file name on the simulated host, and what happens to a job with its URL, with code in backticks."""

    name: str
    outcome: str

    @property
    def outcome_html(self) -> SafeString:
        """`outcome`, as HTML."""
        return prose(self.outcome)


@dataclass(frozen=True, slots=True)
class Retry:
    """The `number`th attempt after the first: how long after the one before it, and after the first, in words."""

    number: int
    after: str
    since_first: str


def error_codes() -> list[ErrorCode]:
    """Return every public code with its status and when it is given, in the order of their statuses."""
    ordered = sorted(STATUS.items(), key=lambda item: item[1])
    return [ErrorCode(code, status, WHEN[code]) for code, status in ordered]


def job_failures() -> list[JobFailure]:
    """Return every `error_code` of a failed job."""
    return [JobFailure(code, message, code in RETRYABLE) for code, message in MESSAGES.items()]


def ledger_kinds() -> list[LedgerKind]:
    """Return every kind of ledger entry."""
    return [LedgerKind(kind, LEDGER_KINDS[kind]) for kind in LedgerEntry.Kind]


def simulated_names() -> list[SimulatedName]:
    """Return every name that test mode knows: those that succeed first, then one for each failure."""
    failures = {code: f"The job fails with `{code}`." for code in MESSAGES}
    return [SimulatedName(f"{name}.jpg", outcome) for name, outcome in {**SIMULATED, **failures}.items()]


def retries(schedule: Sequence[int]) -> list[Retry]:
    """Return the attempts that follow a failed delivery; `schedule` has the seconds between them."""
    return [
        Retry(number, duration(seconds), duration(sum(schedule[:number]))) for number, seconds in enumerate(schedule, 1)
    ]


def duration(seconds: int) -> str:
    """Return seconds in words, with at most two units: `2 min`, `6 h 10 min`."""
    units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]
    parts = []
    for unit, length in units:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def error_example() -> Sample:
    """Return an answer that refuses a request."""
    message = "garment_image_url: .gif pictures are not supported. Send a JPEG, PNG or WebP."
    error = {
        "code": "validation_error",
        "message": message,
        "request_id": "req_5f0c2e91ab34d7786620cd1e",
        "fields": {"garment_image_url": [message.partition(": ")[2]]},
    }
    return json_sample("Answer 422", {"error": error})


def webhook_headers() -> Sample:
    """Return the headers of a webhook, signed with a secret that nobody has."""
    event = EXAMPLES_OF["job.completed"]["id"]
    moment = datetime.fromisoformat(EXAMPLES["completed_at"])
    headers = signing.headers(b"{}", event, moment, signing.SigningSecrets(EXAMPLE_SECRET))
    return Sample("Headers", "http", "\n".join(f"{name}: {value}" for name, value in headers.items()))


def verification_snippets() -> tuple[Sample, ...]:
    """Return the programs that verify a webhook, as they lie in `docs/snippets`."""
    programs = [
        ("Node", "javascript", "mjs"),
        ("Python", "python", "py"),
        ("PHP", "php", "php"),
        ("Ruby", "ruby", "rb"),
    ]
    return tuple(
        Sample(label, language, (SNIPPETS / f"verify_webhook.{suffix}").read_text().rstrip())
        for label, language, suffix in programs
    )


def limits() -> dict[str, Any]:
    """Return the numbers that the page's text names."""
    kept = retention.kept()
    return {
        "api_keys": MAX_API_KEYS,
        "body_kib": MAX_BODY_BYTES // 1024,
        "delivery_seconds": int(delivery.DEADLINE_SECONDS),
        "idempotency_characters": MAX_IDEMPOTENCY_KEY,
        "idempotency_hours": IDEMPOTENCY_LIFETIME // HOUR,
        "inputs_kept": _inputs_kept(kept.input_hours),
        "invitation_days": team.LIFETIME.days,
        "jitter_percent": round(delivery.JITTER * 100),
        "metadata_entries": MAX_METADATA_ENTRIES,
        "output_url_minutes": settings.OUTPUT_URL_LIFETIME // MINUTE,
        "picture_mb": MAX_BYTES // 1024**2,
        "picture_megapixels": MAX_PIXELS // 1_000_000,
        "rate_per_minute": DEFAULT_RATE_LIMIT,
        "refused_suffixes": sorted(REFUSED_SUFFIXES),
        "retention_days": kept.output_days,
        "rotation_hours": signing.ROTATION_OVERLAP // HOUR,
        "secret_bytes": signing.SECRET_BYTES,
        "url_characters": MAX_URL_LENGTH,
        "workspaces": MAX_WORKSPACES,
    }


def _inputs_kept(hours: int) -> str:
    return f"for {hours} hour{'s' if hours > 1 else ''} after the job has ended" if hours else "until the job has ended"
