"""What happened to a job, from its row, its ledger entries and its webhook's attempts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import DeliveryAttempt
from billing.models import LedgerEntry
from tryon.models import Job

AT_ONCE = timedelta(seconds=1)
CREDITS = {
    LedgerEntry.Kind.HOLD: "credit held",
    LedgerEntry.Kind.CAPTURE: "credit spent",
    LedgerEntry.Kind.RELEASE: "credit given back",
    LedgerEntry.Kind.REFUND: "credit given back",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, and what is known of it."""

    at: datetime
    what: str
    detail: str = ""


def timeline(job: Job, entries: Sequence[LedgerEntry], attempts: Sequence[DeliveryAttempt]) -> list[Moment]:
    """Return what happened, in order."""
    return sorted([*_own(job, entries), *map(_told, attempts)], key=lambda moment: moment.at)


def _own(job: Job, entries: Sequence[LedgerEntry]) -> Iterator[Moment]:
    credit = {entry.kind: CREDITS[LedgerEntry.Kind(entry.kind)] for entry in entries if entry.kind in CREDITS}
    yield Moment(job.created_at, "Submitted", credit.get(LedgerEntry.Kind.HOLD, ""))
    if job.woken_at > job.created_at + AT_ONCE:
        yield Moment(job.woken_at, "Woken again", "by the sweep, as nobody had started it")
    if job.started_at:
        yield Moment(job.started_at, "Started", _attempts(job))
    if job.completed_at:
        spent = credit.get(LedgerEntry.Kind.CAPTURE) or credit.get(LedgerEntry.Kind.RELEASE, "")
        yield Moment(job.completed_at, _end(job), spent)
    for entry in entries:
        if entry.kind == LedgerEntry.Kind.REFUND:
            yield Moment(entry.created_at, "Refunded", credit[entry.kind])
    if job.pictures_deleted_at:
        yield Moment(job.pictures_deleted_at, "Pictures deleted")


def _attempts(job: Job) -> str:
    lost = job.attempt - job.handed_back - 1
    parts = [f"attempt {job.attempt} now"] if job.completed_at is None else []
    if job.completed_at and job.attempt > 1:
        parts.append(f"{job.attempt} attempts in all")
    if lost > 0:
        parts.append(f"{lost} lost with a worker")
    if job.handed_back:
        parts.append(f"{job.handed_back} handed back by a worker that was stopped")
    return ", ".join(parts)


def _end(job: Job) -> str:
    if job.status == Job.Status.FAILED:
        return f"Failed: {job.error_code}"
    return "Cancelled" if job.status == Job.Status.CANCELLED else "Completed"


def _told(attempt: DeliveryAttempt) -> Moment:
    detail = f"{attempt.outcome}, after {attempt.duration_ms:,} ms"
    return Moment(attempt.started_at, f"Webhook, attempt {attempt.number}", detail)
