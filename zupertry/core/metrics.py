"""Every figure that Prometheus is told, each with what it means; code counts by one line where something happened.

Labels are words of ours, never a caller's: the number of series is bounded. A process counts what it does itself, so
counters and histograms are summed over processes. What is read from the database or the cache at the scrape
(`SCRAPED`) is the same whichever process tells it, so of that the maximum is taken.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.cache import cache
from django.db import transaction
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

requests = Counter(
    "zupertry_http_requests",
    "Requests that were answered, by the name of their route.",
    ["method", "route", "status"],
)
request_seconds = Histogram(
    "zupertry_http_request_seconds",
    "Time to the answer of a request. Those that asked to wait for a job have ?wait behind the route.",
    ["method", "route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
rate_limited = Counter("zupertry_rate_limited_requests", "Requests and submits refused for their number in a minute.")
jobs = Counter("zupertry_jobs", "Jobs that came to a status; pending is a submit.", ["mode", "status", "error_code"])
queue_seconds = Histogram(
    "zupertry_job_queue_seconds",
    "Time from a job's submit to its first attempt.",
    ["mode"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600),
)
result_seconds = Histogram(
    "zupertry_job_result_seconds",
    "Time from a job's submit to its end.",
    ["mode", "status"],
    buckets=(1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300, 900, 3600),
)
engine_seconds = Histogram(
    "zupertry_engine_call_seconds",
    "Time of one call of an engine; outcome is ok, the error code, or crashed.",
    ["engine", "outcome"],
    buckets=(0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60),
)
engine_calls_in_flight = Gauge(
    "zupertry_engine_calls_in_flight", "Calls of an engine that this process is waiting for.", ["engine"]
)
webhook_attempts = Counter("zupertry_webhook_attempts", "Attempts at a delivery, by what it came to.", ["outcome"])
webhook_seconds = Histogram(
    "zupertry_webhook_delay_seconds",
    "Time from an event to its delivery, without those that were replayed.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
)
gateway_seconds = Histogram(
    "zupertry_gateway_call_seconds",
    "Time of a call of a payment gateway; outcome is ok, refused, unauthorised, failed or crashed.",
    ["gateway", "operation", "outcome"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30),
)
sweeper_finds = Counter("zupertry_sweeper_finds", "What sweepers found lost or due.", ["sweeper"])
tasks = Counter("zupertry_tasks", "Tasks that ended, by Celery's state.", ["task", "state"])
task_seconds = Histogram(
    "zupertry_task_seconds", "Time of a task.", ["task"], buckets=(0.01, 0.05, 0.25, 1, 5, 15, 30, 60, 150, 600)
)
wakes = Counter("zupertry_wakes", "Messages to workers, sent or lost; what is lost the sweep finds.", ["outcome"])
breaker_trips = Counter("zupertry_breaker_trips", "Times that a part was found down, and left alone.", ["part"])
breaker_open = Gauge("zupertry_breaker_open", "1 while a part that was found down is left alone.", ["part"])
scrapes_cut_short = Counter(
    "zupertry_scrapes_cut_short", "Scrapes without the figures of database and cache, which could not be read."
)

for _outcome in ("delivered", "retrying", "failed"):
    webhook_attempts.labels(_outcome)  # a rate needs a zero to begin from


@dataclass(frozen=True, slots=True)
class Scraped:
    """A gauge whose value is looked up at the scrape."""

    documentation: str
    labels: tuple[str, ...] = ()


OF_PROCESS: Mapping[str, Scraped] = {
    "zupertry_db_pool_connections": Scraped("Connections of this process's pool, used or idle.", ("state",)),
    "zupertry_db_pool_size_max": Scraped("Connections that this process's pool may have."),
    "zupertry_db_pool_waiting": Scraped("Threads of this process that wait for a connection."),
}
SCRAPED: Mapping[str, Scraped] = {
    "zupertry_ready": Scraped("1 when the part answers, as for /readyz.", ("part",)),
    "zupertry_jobs_pending": Scraped("Jobs that wait for a worker, at most 10,000; not of suspended ones.", ("mode",)),
    "zupertry_job_oldest_pending_seconds": Scraped("Age of the oldest of them, 0 when there is none.", ("mode",)),
    "zupertry_jobs_processing": Scraped("Jobs that a worker is at, at most 10,000.", ("mode",)),
    "zupertry_deliveries_due": Scraped("Webhooks that should have been tried by now, at most 10,000."),
    "zupertry_credits_reserved": Scraped("Credits held for jobs, of all organisations."),
    "zupertry_payment_discrepancies": Scraped("Payments on which a gateway and we do not agree.", ("gateway",)),
    "zupertry_ledger_drift_accounts": Scraped("Accounts that their entries did not explain, when last checked."),
    "zupertry_ledger_checked_timestamp_seconds": Scraped("When the ledger was last checked; 0: never."),
    "zupertry_canary_last_success_timestamp_seconds": Scraped(
        "When a canary last came through the queue; 0: never.", ("queue",)
    ),
}
"""Of the whole service; told by the web process."""

_LEDGER = "metrics:ledger"


def after_commit(count: Callable[[], None]) -> None:
    """Count once the current transaction has committed: what is rolled back has not happened."""
    transaction.on_commit(count, robust=True)


def request_answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request."""
    method = method if method in METHODS else "other"
    requests.labels(method, route, status).inc()
    request_seconds.labels(method, route).observe(seconds)


def task_ended(task: str, state: str, seconds: float) -> None:
    """Count a task."""
    tasks.labels(task, state).inc()
    task_seconds.labels(task).observe(seconds)


def swept(found: Mapping[str, int]) -> None:
    """Count what each sweeper found."""
    for sweeper, number in found.items():
        sweeper_finds.labels(sweeper).inc(number)


@contextmanager
def engine_call(engine: str) -> Iterator[None]:
    """Time a call of an engine. An error's `code` is its outcome."""
    started, outcome = time.monotonic(), "ok"
    engine_calls_in_flight.labels(engine).inc()
    try:
        yield
    except Exception as error:
        outcome = getattr(error, "code", "crashed")
        raise
    finally:
        engine_calls_in_flight.labels(engine).dec()
        engine_seconds.labels(engine, outcome).observe(time.monotonic() - started)


def ledger_checked(drift: int) -> None:
    """Remember, for the scrapes of all processes, how many accounts a check of the ledger found wrong."""
    cache.set(_LEDGER, (drift, time.time()), timeout=None)


def ledger_check() -> tuple[int, float] | None:
    """Return what the last check of the ledger found, and when (Unix seconds)."""
    checked: tuple[int, float] | None = cache.get(_LEDGER)
    return checked
