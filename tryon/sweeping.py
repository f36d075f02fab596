"""Finds the work that was lost or has become due. Run twice at once, it does nothing twice."""

import secrets
from datetime import timedelta

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.utils import timezone

from tryon import retention, uploads
from tryon.jobs import IDEMPOTENCY_LIFETIME
from tryon.models import Job
from zupertry.core import ids, metrics
from zupertry.core.wake import wake

BATCH = 1_000
LONGEST_SLEEP = timedelta(minutes=2)
"""After this a pending job is woken again, however long it has been pending: its message may be lost."""
DELETING = "sweeping.delete_pictures"
DELETING_SECONDS = 600
"""How long one process may be the one that deletes, if it does not come back from it."""

log = structlog.get_logger(__name__)


def sweep() -> dict[str, int]:
    """Run every sweeper of jobs once, and return what each found."""
    found = {
        "unwoken": wake_pending(),
        "expired": wake_abandoned(),
        "idempotency_keys": forget_idempotency_keys(),
    }
    log.info("jobs_swept", **found)
    metrics.swept(found)
    return found


def delete_pictures() -> dict[str, int]:
    """Delete the pictures and uploads whose time is over, and return how many; nothing while another process does.

    When storage hangs, each sweep that joined in would lose its thread to the same file.
    """
    mine = secrets.token_hex(8)
    if not cache.add(DELETING, mine, DELETING_SECONDS):
        return {}
    try:
        found = {"pictures": retention.delete_expired_pictures(), "uploads": uploads.sweep()}
    finally:
        if cache.get(DELETING) == mine:  # after so long it may be another's
            cache.delete(DELETING)
    log.info("pictures_swept", **found)
    metrics.swept(found)
    return found


def wake_pending() -> int:
    """Wake pending jobs that nobody has woken for a while, each after twice as long. Returns how many.

    Else the messages for a backlog, whose jobs wait for busy workers and were not lost, would fill the broker.
    """
    now = timezone.now()
    again_at = ExpressionWrapper(F("woken_at") + (F("woken_at") - F("created_at")), output_field=DateTimeField())
    unwoken = Job.objects.filter(
        status=Job.Status.PENDING,
        woken_at__lt=now - timedelta(seconds=settings.SWEEP_INTERVAL_SECONDS),
        organisation__suspended_at=None,
    ).alias(again_at=again_at)
    unwoken = unwoken.filter(Q(again_at__lt=now) | Q(woken_at__lt=now - LONGEST_SLEEP))
    ids_ = list(unwoken.order_by("woken_at").values_list("id", flat=True)[:BATCH])
    Job.objects.filter(id__in=ids_).update(woken_at=now)
    for job_id in ids_:
        wake("tryon.run", job_id)
    return len(ids_)


def wake_abandoned() -> int:
    """Wake jobs whose worker let the lease expire. Returns how many."""
    expired = Job.objects.filter(
        status=Job.Status.PROCESSING, lease_expires_at__lte=timezone.now(), organisation__suspended_at=None
    )
    ids_ = list(expired.order_by("lease_expires_at").values_list("id", flat=True)[:BATCH])
    for job_id in ids_:
        wake("tryon.run", job_id)
    return len(ids_)


def forget_idempotency_keys() -> int:
    """Let go of the idempotency keys of jobs older than 24 h. Returns how many."""
    bound = ids.encode("job", ids.first_at(timezone.now() - IDEMPOTENCY_LIFETIME))
    remembered = Job.objects.filter(idempotency_key__isnull=False, id__lt=bound)
    return remembered.update(idempotency_key=None, idempotency_digest=None)
