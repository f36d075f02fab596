"""What Prometheus reads: this process's own figures, and those of the service, looked up at the scrape.

A look costs few queries, each by an index and with a bound, and is kept for 15 seconds for all web processes.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Min, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.models import Mode, WebhookDelivery
from billing.currencies import Gateway
from billing.models import CreditAccount, Discrepancy
from tryon.models import Job
from zupertry import canary, health
from zupertry.core import metrics

MOST_COUNTED = 10_000
KEPT_SECONDS = 15
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
POOL_ERRORS = "zupertry_db_pool_errors"
POOL_ERRORS_HELP = "Times that a thread of this process waited for a connection in vain."

log = structlog.get_logger(__name__)

Figures = Mapping[str, Mapping[tuple[str, ...], float]]
"""By the name of a gauge and the values of its labels."""


@require_safe
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`, for who sends `METRICS_TOKEN`; where none is set there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not may_read(request.headers.get("Authorization", "")):
        challenge = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return HttpResponse("Send METRICS_TOKEN as a bearer token.\n", "text/plain", status=401, headers=challenge)
    return HttpResponse(exposition(of_service=True), CONTENT_TYPE)


def may_read(authorization: str) -> bool:
    """Say whether this header carries the token, if one is set."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    return not settings.METRICS_TOKEN or secrets.compare_digest(authorization.encode(), expected.encode())


def exposition(*, of_service: bool) -> bytes:
    """Return the figures of this process, and those of the whole service besides if asked for."""
    own = generate_latest(REGISTRY)
    return own + generate_latest(SERVICE) if of_service else own


class Pool(Collector):
    """How this process's database connections are used. SQLite has no pool, and then these gauges no values."""

    def describe(self) -> Iterable[Metric]:
        """Return what `collect` does, without values."""
        return [*_families(metrics.OF_PROCESS, {}), CounterMetricFamily(POOL_ERRORS, POOL_ERRORS_HELP)]

    def collect(self) -> Iterable[Metric]:
        """Return the pool's own account of itself."""
        pool: Any = getattr(connection, "pool", None)
        stats: dict[str, int] = pool.get_stats() if pool else {}
        figures: dict[str, dict[tuple[str, ...], float]] = {}
        errors = CounterMetricFamily(POOL_ERRORS, POOL_ERRORS_HELP)
        if stats:
            idle = stats["pool_available"]
            figures = {
                "zupertry_db_pool_connections": {("idle",): idle, ("used",): stats["pool_size"] - idle},
                "zupertry_db_pool_size_max": {(): stats["pool_max"]},
                "zupertry_db_pool_waiting": {(): stats["requests_waiting"]},
            }
            errors.add_metric([], stats.get("requests_errors", 0))
        return [*_families(metrics.OF_PROCESS, figures), errors]


class Service(Collector):
    """The figures of the whole service."""

    def describe(self) -> Iterable[Metric]:
        """Return what `collect` does, without values."""
        return _families(metrics.SCRAPED, {})

    def collect(self) -> Iterable[Metric]:
        """Return what the database and the cache say; only what is ready when they say nothing."""
        ready = health.parts()
        figures: dict[str, Mapping[tuple[str, ...], float]] = {
            "zupertry_ready": {(part,): float(answers) for part, answers in ready.items()}
        }
        try:
            figures |= {**(_kept() if ready["database"] else {}), **_remembered()}
        except Exception:
            # A scrape without them still tells what is down, and why the alerts on them are silent.
            log.exception("figures_not_read")
        if len(figures) < len(metrics.SCRAPED):
            metrics.scrapes_cut_short.inc()
        return _families(metrics.SCRAPED, figures)


def _families(gauges: Mapping[str, metrics.Scraped], figures: Figures) -> list[Metric]:
    families: list[Metric] = []
    for name, gauge in gauges.items():
        family = GaugeMetricFamily(name, gauge.documentation, labels=gauge.labels)
        for labels, value in figures.get(name, {}).items():
            family.add_metric(labels, value)
        families.append(family)
    return families


def _kept() -> Figures:
    """Return what the database said at most 15 seconds ago."""
    figures: Figures | None = cache.get("metrics:figures")
    if figures is None:
        figures = _counted(timezone.now())
        cache.set("metrics:figures", figures, KEPT_SECONDS)
    return figures


def _counted(now: datetime) -> Figures:
    modes = [str(mode) for mode in Mode]
    waiting = {mode: pending(mode).aggregate(number=Count("pk"), oldest=Min("created_at")) for mode in modes}
    working = {mode: processing(mode).count() for mode in modes}
    reserved = CreditAccount.objects.aggregate(credits=Sum("reserved", default=0))["credits"]
    open_ = Discrepancy.objects.filter(resolved_at=None).order_by().values_list("gateway").annotate(Count("pk"))
    disagreed = dict.fromkeys(map(str, Gateway), 0) | dict(open_)
    return {
        "zupertry_jobs_pending": {(mode,): row["number"] for mode, row in waiting.items()},
        "zupertry_job_oldest_pending_seconds": {(mode,): _age(row["oldest"], now) for mode, row in waiting.items()},
        "zupertry_jobs_processing": {(mode,): number for mode, number in working.items()},
        "zupertry_deliveries_due": {(): due(now).count()},
        "zupertry_credits_reserved": {(): reserved},
        "zupertry_payment_discrepancies": {(gateway,): number for gateway, number in disagreed.items()},
        "zupertry_canary_last_success_timestamp_seconds": {(queue,): at for queue, at in _canaries().items()},
    }


def _canaries() -> dict[str, float]:
    """Return when a canary last came through each queue (Unix seconds); 0: never, so that its silence is told."""
    seen = canary.last_successes()
    return {queue: seen[queue].timestamp() if queue in seen else 0 for queue in canary.queues()}


def pending(mode: str) -> QuerySet[Job]:
    """Select the jobs that wait for a worker, by the index `job_pending`."""
    waiting = Job.objects.filter(status=Job.Status.PENDING, mode=mode, organisation__suspended_at=None)
    return waiting.order_by("woken_at")[:MOST_COUNTED]


def processing(mode: str) -> QuerySet[Job]:
    """Select the jobs that a worker is at, by the index `job_leased`."""
    return Job.objects.filter(status=Job.Status.PROCESSING, mode=mode).order_by("lease_expires_at")[:MOST_COUNTED]


def due(now: datetime) -> QuerySet[WebhookDelivery]:
    """Select the deliveries that should have been tried by now, by the index `delivery_due`."""
    return WebhookDelivery.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")[:MOST_COUNTED]


def _age(made_at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - made_at).total_seconds()) if made_at else 0.0


def _remembered() -> Figures:
    """Return what tasks have left in the cache."""
    checked = metrics.ledger_check()
    return {
        # Before the first check nothing is known of the drift, and so nothing said.
        "zupertry_ledger_drift_accounts": {(): checked[0]} if checked else {},
        "zupertry_ledger_checked_timestamp_seconds": {(): checked[1] if checked else 0},
    }


SERVICE = CollectorRegistry()
SERVICE.register(Service())
REGISTRY.register(Pool())
