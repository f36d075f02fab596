"""What an eventful hour of the whole service leaves behind: lines, figures, reports, and no secret in any of them."""

import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from zupertry.testing.eventful import ADDRESS, GUEST, REQUEST_ID, Eventful, live_through
from zupertry.tests.test_metrics import described

pytestmark = pytest.mark.slow

LONG = 30


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Eventful:
    return live_through(tmp_path_factory.mktemp("eventful"))


def records(hour: Eventful, event: str = "") -> list[dict[str, Any]]:
    """Return the log's lines, all or those of one kind."""
    lines = [json.loads(line) for line in hour.lines if line.startswith("{")]
    return [line for line in lines if event in ("", line["event"])]


def test_the_hour_went_as_it_should_have(hour: Eventful) -> None:
    """Else the rest would prove nothing."""
    events = {record["event"] for record in records(hour)}
    assert {
        "request",
        "task",
        "job_ended",
        "webhook_attempt",
        "mail_not_sent",
        "not_ready",
        "attempt_crashed",
    } <= events
    assert any("Traceback" in record.get("exception", "") for record in records(hour))
    assert {record["status"] for record in records(hour, "request")} >= {200, 202, 302, 401, 404, 422, 500, 503}
    assert len(hour.secrets) > 30


def test_a_service_logs_nothing_but_json(hour: Eventful) -> None:
    """Apart from what Celery's programs print before and after."""
    printed = [line for line in hour.lines if not line.startswith("{")]
    assert [line for line in printed for word in ("Error", "Warning", "Traceback", "  File") if word in line] == []
    assert all(record.keys() >= {"event", "level", "logger", "timestamp"} for record in records(hour))


def test_the_requests_id_follows_a_job_to_its_worker_its_webhook_and_the_customer(hour: Eventful) -> None:
    of_the_request = {record["event"] for record in records(hour) if record.get("request_id") == REQUEST_ID}
    assert of_the_request >= {"request", "task", "job_ended", "webhook_attempt"}
    ended = [record for record in records(hour, "job_ended") if record["job"] == hour.job_id]
    assert [(record["status"], record["request_id"]) for record in ended] == [("completed", REQUEST_ID)]
    (told,) = [webhook for webhook in hour.webhooks if webhook.json["data"].get("job_id") == hour.job_id]
    assert told.headers["x-request-id"] == REQUEST_ID


def test_a_line_says_whose_it_is_and_which_key_without_the_key(hour: Eventful) -> None:
    (submit,) = [line for line in records(hour, "request") if line["request_id"] == REQUEST_ID]
    key = hour.secrets["the test key"]
    assert (submit["key"], submit["job"]) == (f"zt_test_sk_…{key[-4:]}", hour.job_id)
    assert (submit["route"], submit["status"], submit["method"]) == ("tryon-list", 202, "POST")
    of_the_job = [line for line in records(hour) if line.get("request_id") == REQUEST_ID]
    assert {line["org"] for line in of_the_job} == {submit["org"]}
    assert {line["job"] for line in of_the_job if line["event"] in {"task", "webhook_attempt"}} == {hour.job_id}
    assert {line["actor"] for line in of_the_job if line["event"] == "job_ended"} == {submit["actor"]}
    dashboard = [line for line in records(hour, "request") if line["path"].startswith("/dashboard/billing/")]
    assert all(line["org"].startswith("org_") and line["actor"].startswith("user:") for line in dashboard)


def test_every_task_and_request_has_one_line(hour: Eventful) -> None:
    assert all(line.keys() >= {"task", "subject", "state", "ms", "request_id"} for line in records(hour, "task"))
    assert all(line.keys() >= {"method", "path", "route", "status", "ms"} for line in records(hour, "request"))


def test_no_secret_is_ever_logged(hour: Eventful) -> None:
    everything = "\n".join(hour.lines)
    assert [name for name, secret in hour.secrets.items() if secret in everything] == []


def test_no_secret_is_ever_reported_or_measured(hour: Eventful) -> None:
    for text in (*(envelope.decode() for envelope in hour.envelopes), *hour.metrics.values()):
        # The SDK says whom an envelope is for; that key is public by design, and goes only to who has it.
        assert [name for name, secret in hour.secrets.items() if secret in text and "Sentry" not in name] == []


def test_no_body_or_address_of_a_mail_is_logged_or_reported(hour: Eventful) -> None:
    everything = "\n".join([*hour.lines, *(envelope.decode() for envelope in hour.envelopes)])
    bodies = [line.strip() for mail in hour.mails for line in mail.part("plain").splitlines()]
    assert [line for line in bodies if len(line) > LONG and line in everything] == []
    assert [address for address in (ADDRESS, GUEST) if address in everything] == []


def test_crashes_of_web_and_worker_are_reported_with_what_they_are_about(hour: Eventful) -> None:
    crashes = {report["exception"]["values"][-1]["type"]: report for report in hour.reports if "exception" in report}
    assert crashes, hour.reports
    for report in hour.reports:
        assert report["environment"] == "production"
        assert report["release"] == "zupertry@0.1.0"
        assert report["tags"]["request_id"]
    lines = [report["logentry"]["message"] for report in hour.reports if "logentry" in report]
    assert "attempt_crashed" in lines
    (attempt, *_) = [
        report for report in hour.reports if report.get("logentry", {}).get("message") == "attempt_crashed"
    ]
    assert attempt["exception"]["values"][-1]["type"] == "NotADirectoryError"
    assert attempt["tags"]["job"].startswith("job_")
    assert attempt["tags"]["org"].startswith("org_")
    pages = [report for report in hour.reports if "/files/" in report.get("request", {}).get("url", "")]
    assert [report["exception"]["values"][-1]["type"] for report in pages] == ["NotADirectoryError"]


def test_reports_have_no_people_cookies_bodies_or_variables_in_them(hour: Eventful) -> None:
    for report in hour.reports:
        assert "user" not in report
        assert report.get("request", {}).keys() <= {"url", "method"}
        for crash in report.get("exception", {}).get("values", []):
            assert all("vars" not in frame for frame in crash["stacktrace"]["frames"])
        assert "sys.argv" not in report.get("extra", {})


def test_metrics_are_for_who_has_the_token(hour: Eventful) -> None:
    assert hour.refused == [401] * 4


def figure(text: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have these labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def test_the_web_process_tells_what_happened(hour: Eventful) -> None:
    web = hour.metrics["web"]
    assert figure(web, "zupertry_http_requests_total", method="POST", route="tryon-list", status="202") == 3
    assert figure(web, "zupertry_http_requests_total", route="job-detail?wait", status="200") == 1
    assert figure(web, "zupertry_jobs_total", mode="live", status="pending") == 2
    assert (
        figure(web, "zupertry_gateway_call_seconds_count", gateway="stripe", operation="open_checkout", outcome="ok")
        == 1
    )
    assert figure(web, "zupertry_gateway_call_seconds_count", gateway="razorpay", operation="make_customer") == 1
    assert figure(web, "zupertry_ready", part="database") == 1
    assert figure(web, "zupertry_jobs_pending") == 0
    assert figure(web, "zupertry_wakes_total", outcome="sent") > 0


def test_routes_are_the_names_of_ours_whatever_was_asked_for(hour: Eventful) -> None:
    families = {family.name: family for family in text_string_to_metric_families(hour.metrics["web"])}
    routes = {sample.labels["route"] for sample in families["zupertry_http_requests"].samples}
    assert {"tryon-list", "job-detail", "account_signup", "billing:buy", "file", "readyz", "metrics"} <= routes
    assert not [route for route in routes if "/" in route or "job_" in route or "zt_" in route]


def test_a_port_of_its_own_tells_the_same_families(hour: Eventful) -> None:
    told = {family.name for family in text_string_to_metric_families(hour.metrics["port"])}
    of_service = {name for name, one in described().items() if one.of_service}
    assert told >= described().keys() - of_service
    assert {family.name for family in text_string_to_metric_families(hour.metrics["web"])} >= described().keys()
    assert figure(hour.metrics["port"], "zupertry_tasks_total", state="SUCCESS") > 0
