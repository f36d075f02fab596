"""What is measured: that each figure moves with what it is about, once that is committed, and is explained."""

import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Mode, Organisation, WebhookDelivery
from billing.models import CreditAccount, Discrepancy
from tryon import jobs, sweeping, tasks
from tryon.engines.base import EngineError
from tryon.failures import failure
from zupertry import canary, health, metrics, metrics_port
from zupertry.core import metrics as core
from zupertry.core import ratelimit
from zupertry.core.errors import Refusal
from zupertry.doctor.probe import Probe
from zupertry.gunicorn import on_starting
from zupertry.testing.api import ApiClient
from zupertry.testing.jobs import submitted
from zupertry.testing.live import until
from zupertry.testing.service import ROOT, free_port

TOKEN = "a-token-of-the-metrics"
committing = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, slots=True)
class Described:
    """A metric as the code declares it. `of_service`: only the web process tells it."""

    kind: str
    labels: tuple[str, ...]
    documentation: str
    of_service: bool


def described() -> Mapping[str, Described]:
    """Return every metric of ours, by the name of its family."""
    found = {}
    for registry in (REGISTRY, metrics.SERVICE):
        for collector in registry._collector_to_names:
            for family in collector.describe() if hasattr(collector, "describe") else ():
                labels: tuple[str, ...] = getattr(collector, "_labelnames", ()) or getattr(family, "_labelnames", ())
                if family.name.startswith("zupertry_"):
                    of_service = registry is metrics.SERVICE
                    found[family.name] = Described(family.type, tuple(labels), family.documentation, of_service)
    return found


def exported() -> Mapping[str, Described]:
    """Return every metric of ours, by the names of its series."""
    series = {}
    for name, one in described().items():
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(one.kind, [""])
        series |= {name + ending: one for ending in endings}
    return series


class Counted:
    """Tells by how much a series has moved since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = self._now()

    def _now(self) -> float:
        return REGISTRY.get_sample_value(self._name, self._labels) or 0.0

    @property
    def by(self) -> float:
        return self._now() - self._before


def counted_jobs(status: str, error_code: str = "", mode: str = "live") -> Counted:
    return Counted("zupertry_jobs_total", mode=mode, status=status, error_code=error_code)


def test_the_documentation_lists_every_metric_as_the_code_has_it() -> None:
    text = (ROOT / "docs" / "operations" / "monitoring.md").read_text()
    rows = re.findall(r"^\| `(zupertry_\w+)` \| (\w+) \| (.*?) ?\| (.+?) \|$", text, re.MULTILINE)
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels)), words) for name, kind, labels, words in rows}
    ending = {"counter": "_total"}
    assert told == {
        name + ending.get(one.kind, ""): (one.kind, one.labels, one.documentation) for name, one in described().items()
    }


@committing
def test_a_job_is_counted_at_each_step_of_its_life(world) -> None:
    steps = {status: counted_jobs(status) for status in ("pending", "processing", "completed", "refunded")}
    queued = Counted("zupertry_job_queue_seconds_count", mode="live")
    ended = Counted("zupertry_job_result_seconds_count", mode="live", status="completed")
    job = jobs.claim(submitted(world.organisation).id)
    assert job
    assert jobs.complete(job, engine_request_id="")
    assert jobs.refund(job, actor="system", reason="a test")
    assert {status: count.by for status, count in steps.items()} == dict.fromkeys(steps, 1)
    assert (queued.by, ended.by) == (1, 1)


@committing
def test_how_a_job_failed_and_that_it_was_cancelled_is_counted(world) -> None:
    failed, cancelled = counted_jobs("failed", "image_corrupt"), counted_jobs("cancelled", mode="test")
    job = jobs.claim(submitted(world.organisation).id)
    assert job
    assert jobs.fail(job, failure("image_corrupt"))
    jobs.cancel(submitted(world.organisation, mode=Mode.TEST), actor="system")
    assert (failed.by, cancelled.by) == (1, 1)


@committing
def test_what_is_rolled_back_is_not_counted(world) -> None:
    pending = counted_jobs("pending")
    with transaction.atomic():
        submitted(world.organisation)
        assert pending.by == 0
        transaction.set_rollback(True)
    assert pending.by == 0


def test_calls_of_an_engine_are_timed_by_outcome_and_counted_while_they_last() -> None:
    ok = Counted("zupertry_engine_call_seconds_count", engine="vertex", outcome="ok")
    timeout = Counted("zupertry_engine_call_seconds_count", engine="vertex", outcome="engine_timeout")
    crashed = Counted("zupertry_engine_call_seconds_count", engine="vertex", outcome="crashed")
    in_flight = Counted("zupertry_engine_calls_in_flight", engine="vertex")
    with core.engine_call("vertex"):
        assert in_flight.by == 1
    for error in (EngineError("engine_timeout", "slow", permanent=False), ValueError("a bug")):
        with pytest.raises(type(error)), core.engine_call("vertex"):
            raise error
    assert (ok.by, timeout.by, crashed.by, in_flight.by) == (1, 1, 1, 0)


def test_a_request_over_the_limit_is_counted() -> None:
    refused = Counted("zupertry_rate_limited_requests_total")
    ratelimit.check(ratelimit.Window(60, 1, 1))
    with pytest.raises(Refusal):
        ratelimit.check(ratelimit.Window(60, 0, 1, exceeded=True))
    assert refused.by == 1


def test_requests_are_counted_by_our_names_whatever_was_asked_for(world) -> None:
    """Else anybody could make as many series as they like."""
    before = len(next(iter(core.requests.collect())).samples)
    client = ApiClient(world.alice.test_key)
    for number in range(20):
        client.get(f"/nothing/{number}")
        client.get(f"/v1/nothing/{number}")
        client.get(f"/v1/jobs/job_{number}")
        client.generic(f"VERB{number}", "/v1/account")
    assert len(next(iter(core.requests.collect())).samples) - before <= 5


@committing
def test_what_a_sweeper_finds_and_what_a_task_comes_to_is_counted(world, settings) -> None:
    settings.SWEEP_INTERVAL_SECONDS = 1
    job = submitted(world.organisation)
    type(job).objects.update(woken_at=timezone.now() - timedelta(minutes=1))
    found = Counted("zupertry_sweeper_finds_total", sweeper="unwoken")
    sweeping.sweep()
    assert found.by == 1
    done = Counted("zupertry_tasks_total", task="tryon.sweep", state="SUCCESS")
    tasks.sweep.apply()
    assert done.by == 1


def scraped(client: Client) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = [sample for f in text_string_to_metric_families(answer.content.decode()) for sample in f.samples]
    return {f"{s.name}{{{','.join(s.labels.values())}}}": s.value for s in samples}


@pytest.fixture
def token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.mark.django_db
def test_without_a_token_there_is_no_such_page(client) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.django_db
@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("sent", ["", "Bearer", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "Bearer ü"])
def test_who_does_not_send_the_token_is_refused(client, sent: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": sent} if sent else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"zupertry_" not in answer.content


@committing
@pytest.mark.usefixtures("token")
def test_a_scrape_tells_how_the_service_stands(client, world) -> None:
    waiting, _, testing = (
        submitted(world.organisation),
        submitted(world.organisation),
        submitted(world.organisation, mode=Mode.TEST),
    )
    type(waiting).objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    job = jobs.claim(testing.id)
    assert job
    assert jobs.complete(job, engine_request_id="")
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=1))
    Discrepancy.objects.create(gateway="stripe", kind="paid_not_credited", reference="pi_1", details="A test.")
    figures = scraped(client)
    assert figures["zupertry_jobs_pending{live}"] == 2
    assert 300 <= figures["zupertry_job_oldest_pending_seconds{live}"] < 400
    assert figures["zupertry_jobs_pending{test}"] == figures["zupertry_job_oldest_pending_seconds{test}"] == 0
    assert figures["zupertry_credits_reserved{}"] == 2
    assert figures["zupertry_deliveries_due{}"] == WebhookDelivery.objects.count()
    assert figures["zupertry_payment_discrepancies{stripe}"] == 1
    assert figures["zupertry_payment_discrepancies{razorpay}"] == 0
    assert {figures[f"zupertry_ready{{{part}}}"] for part in health.PROBES} == {1}


@committing
@pytest.mark.usefixtures("token")
def test_jobs_of_suspended_organisations_wait_for_staff_and_not_for_a_worker(client, world) -> None:
    submitted(world.organisation)
    Organisation.objects.update(suspended_at=timezone.now())
    assert scraped(client)["zupertry_jobs_pending{live}"] == 0


@committing
@pytest.mark.usefixtures("token")
def test_the_database_is_asked_little_and_not_again_for_seconds(client, world, django_assert_num_queries) -> None:
    submitted(world.organisation)
    with django_assert_num_queries(8):
        assert scraped(client)["zupertry_jobs_pending{live}"] == 1
    submitted(world.organisation)
    with django_assert_num_queries(0):
        assert scraped(client)["zupertry_jobs_pending{live}"] == 1


@committing
@pytest.mark.usefixtures("token")
def test_no_count_goes_over_more_rows_than_it_is_bound_to(client, world, monkeypatch) -> None:
    monkeypatch.setattr(metrics, "MOST_COUNTED", 2)
    for _ in range(3):
        submitted(world.organisation)
    assert scraped(client)["zupertry_jobs_pending{live}"] == 2


@committing
@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda: metrics.pending("live"), "job_pending"),
        (lambda: metrics.processing("live"), "job_leased"),
        (lambda: metrics.due(timezone.now()), "delivery_due"),
    ],
)
def test_each_count_goes_by_its_index(rows: Any, index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET enable_sort = off")
        assert index in rows().explain()
        cursor.execute("RESET enable_seqscan")
        cursor.execute("RESET enable_sort")


@committing
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no pool")
def test_the_pool_is_told_by_each_process() -> None:
    Organisation.objects.count()
    assert (REGISTRY.get_sample_value("zupertry_db_pool_size_max") or 0) > 1
    assert (REGISTRY.get_sample_value("zupertry_db_pool_connections", {"state": "used"}) or 0) >= 1
    assert REGISTRY.get_sample_value("zupertry_db_pool_waiting") == 0


@committing
@pytest.mark.usefixtures("token")
def test_the_ledgers_drift_is_told_until_it_is_mended(client, world) -> None:
    assert scraped(client)["zupertry_ledger_checked_timestamp_seconds{}"] == 0
    account = CreditAccount.objects.filter(organisation=world.organisation)
    account.update(available=99)
    with pytest.raises(SystemExit):
        call_command("check_ledger")
    assert scraped(client)["zupertry_ledger_drift_accounts{}"] == 1
    account.update(available=100)
    call_command("check_ledger")
    figures = scraped(client)
    assert figures["zupertry_ledger_drift_accounts{}"] == 0
    assert figures["zupertry_ledger_checked_timestamp_seconds{}"] > 1_700_000_000


@pytest.mark.django_db
@pytest.mark.usefixtures("token")
def test_when_a_canary_last_came_through_a_queue_is_told(client, settings) -> None:
    name = "zupertry_canary_last_success_timestamp_seconds"
    assert {scraped(client)[f"{name}{{{queue.name}}}"] for queue in settings.CELERY_TASK_QUEUES} == {0}
    canary.note_success("webhooks")
    cache.clear()
    figures = scraped(client)
    assert figures[f"{name}{{webhooks}}"] > 1_700_000_000
    assert figures[f"{name}{{tryon}}"] == 0


def _down() -> None:
    raise ConnectionError("a database that is down")


@committing
@pytest.mark.usefixtures("token")
def test_without_its_database_a_service_still_tells_what_is_down(client, monkeypatch) -> None:
    monkeypatch.setitem(health.PROBES, "database", Probe("database", _down))
    figures = scraped(client)
    assert figures["zupertry_ready{database}"] == 0
    assert figures["zupertry_ready{storage}"] == 1
    assert "zupertry_jobs_pending{live}" not in figures
    assert scraped(client)["zupertry_scrapes_cut_short_total{}"] > figures["zupertry_scrapes_cut_short_total{}"]


def test_several_workers_of_gunicorn_are_refused_where_metrics_are_told(settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    with pytest.raises(SystemExit, match="told to run 2 workers"):
        on_starting(SimpleNamespace(cfg=SimpleNamespace(workers=2)))  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_port_that_is_taken_is_tried_again(settings, monkeypatch, caplog) -> None:
    """At a restart the old process may still have it."""
    monkeypatch.setattr(metrics_port, "AGAIN_SECONDS", 0.05)
    settings.METRICS_PORT, settings.METRICS_TOKEN = free_port(), TOKEN
    url = f"http://127.0.0.1:{settings.METRICS_PORT}"
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((settings.HOST, settings.METRICS_PORT))
        other.listen()
        threading.Thread(target=metrics_port._serve, args=(False,), daemon=True).start()
        until(lambda: any("metrics_port_not_open" in str(record.msg) for record in caplog.records))
    until(lambda: status(f"{url}/metrics", TOKEN) == 200)
    assert [status(f"{url}/metrics", ""), status(f"{url}/metrics", "wrong"), status(f"{url}/", TOKEN)] == [
        401,
        401,
        404,
    ]


def status(url: str, token: str) -> int:
    """Return the status that is answered; 0 when nobody listens."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return 0
