"""`GET` and `DELETE /v1/jobs/{job_id}`: what a job looks like in every state, and who may see it."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from accounts import organisations
from accounts.models import AuditEntry, WebhookDelivery
from billing import ledger
from tryon import jobs
from tryon.failures import MESSAGES, RETRYABLE, failure
from tryon.models import Job
from zupertry.core import ids, storage
from zupertry.core.api import timestamp
from zupertry.testing.api import ApiClient, refusal

NOBODYS_JOB = "job_06h0lr6jrlqjl1uo4mc5cohu7k"
HOOK = "https://shop.example.com/hook"
FIELDS = {
    "job_id",
    "status",
    "workspace_id",
    "mode",
    "output_url",
    "credits_consumed",
    "error_code",
    "webhook_url",
    "webhook_status",
    "created_at",
    "completed_at",
    "duration_ms",
    "error_message",
    "retryable",
    "output_expires_at",
    "pictures_deleted_at",
    "client_reference_id",
    "metadata",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def claimed(job_id: str) -> Job:
    job = jobs.claim(job_id)
    assert job is not None
    return job


def completed(job_id: str) -> Job:
    """Run a job's attempt to its end, with a picture in storage."""
    job = claimed(job_id)
    jobs.note(job, output_name=storage.new_name("image/jpeg"))
    storage.write(job.output_name, b"a picture")
    assert jobs.complete(job, engine_request_id="engine-1")
    return job


def failed(job_id: str, code: str = "content_blocked") -> Job:
    job = claimed(job_id)
    assert jobs.fail(job, failure(code))
    return job


def read(client: ApiClient, job_id: str) -> dict:
    response = client.get(f"/v1/jobs/{job_id}")
    assert response.status_code == 200, response.content
    job: dict = response.json()
    assert set(job) == FIELDS
    return job


# Every state, field by field


def test_a_pending_job(world, live):
    job_id = live.submit_job()
    assert read(live, job_id) == {
        "job_id": job_id,
        "status": "pending",
        "workspace_id": world.alice.workspace_id,
        "mode": "live",
        "output_url": None,
        "credits_consumed": None,
        "error_code": None,
        "error_message": None,
        "retryable": None,
        "webhook_url": None,
        "webhook_status": None,
        "created_at": timestamp(ids.made_at(job_id)),
        "completed_at": None,
        "duration_ms": None,
        "output_expires_at": None,
        "pictures_deleted_at": None,
        "client_reference_id": None,
        "metadata": {},
    }


def test_a_processing_job_has_no_outcome_yet(live):
    job_id = live.submit_job(webhook_url=HOOK)
    pending = read(live, job_id)
    claimed(job_id)
    assert read(live, job_id) == {**pending, "status": "processing"}
    assert pending["webhook_status"] == "pending"


@pytest.mark.parametrize(("mode", "credits_consumed"), [("live", 1), ("test", 0)])
def test_a_completed_job(world, mode, credits_consumed):
    client = ApiClient(getattr(world.alice, f"{mode}_key"))
    job_id = client.submit_job(webhook_url=HOOK)
    row = completed(job_id)
    assert row.started_at is not None
    assert row.completed_at is not None
    job = read(client, job_id)
    assert job["status"] == "completed"
    assert job["credits_consumed"] == credits_consumed
    assert job["error_code"] is job["error_message"] is job["retryable"] is None
    assert job["webhook_status"] == "pending"
    assert MOMENT.fullmatch(job["completed_at"])
    assert job["completed_at"] == timestamp(row.completed_at)
    assert job["completed_at"] >= job["created_at"]
    assert job["duration_ms"] == round((row.completed_at - row.started_at).total_seconds() * 1000)
    assert job["output_expires_at"] == timestamp(row.completed_at + timedelta(days=30))


def test_the_output_url_is_signed_afresh_at_each_read_and_valid_for_an_hour(live, client):
    job_id = live.submit_job()
    completed(job_id)
    before = datetime.now(UTC)
    url = read(live, job_id)["output_url"]
    expires = datetime.fromtimestamp(int(parse_qs(urlsplit(url).query)["expires"][0]), UTC)
    assert timedelta(minutes=59, seconds=58) < expires - before < timedelta(hours=1, seconds=2)
    picture = client.get(url.removeprefix("http://localhost:8000"))
    assert picture.status_code == 200
    assert b"".join(picture.streaming_content) == b"a picture"


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_a_failed_job_says_why_and_gives_the_credit_back(world, live, code):
    job_id = live.submit_job(webhook_url=HOOK)
    failed(job_id, code)
    job = read(live, job_id)
    assert (job["status"], job["error_code"], job["retryable"]) == ("failed", code, code in RETRYABLE)
    assert job["error_message"].endswith(".")
    assert job["credits_consumed"] == 0
    assert job["output_url"] is job["output_expires_at"] is None
    assert job["completed_at"] is not None
    assert job["duration_ms"] >= 0
    assert ledger.balance(world.alice.org_id).available == 100


def test_a_refunded_job_withholds_its_picture(world, live):
    job_id = live.submit_job(webhook_url=HOOK)
    row = completed(job_id)
    before = read(live, job_id)
    jobs.refund(row, actor="staff:test", reason="It had three arms")
    expected = {"status": "refunded", "credits_consumed": 0, "output_url": None, "output_expires_at": None}
    expected["webhook_status"] = "failed"  # it had not arrived, and is withdrawn
    assert read(live, job_id) == {**before, **expected}
    assert ledger.balance(world.alice.org_id).available == 100


def test_a_deleted_picture_is_told_and_has_no_link(live):
    job_id = live.submit_job()
    completed(job_id)
    moment = timezone.now()
    Job.objects.filter(id=job_id).update(output_name="", pictures_deleted_at=moment)
    job = read(live, job_id)
    assert job["output_url"] is None
    assert job["pictures_deleted_at"] == timestamp(moment)


@pytest.mark.parametrize("status", ["pending", "retrying", "delivered", "failed"])
def test_the_webhook_status_is_the_deliverys(live, status):
    job_id = live.submit_job(webhook_url=HOOK)
    failed(job_id)
    WebhookDelivery.objects.update(status=status)
    assert read(live, job_id)["webhook_status"] == status


def test_moments_are_cut_to_milliseconds_in_utc(live):
    job_id = live.submit_job()
    failed(job_id)
    Job.objects.filter(id=job_id).update(completed_at=datetime(2026, 3, 19, 10, 0, 0, 999_999, tzinfo=UTC))
    assert read(live, job_id)["completed_at"] == "2026-03-19T10:00:00.999Z"
    Job.objects.filter(id=job_id).update(completed_at=datetime(2026, 3, 19, 10, tzinfo=UTC))
    assert read(live, job_id)["completed_at"] == "2026-03-19T10:00:00.000Z"


# Cancelling


@pytest.mark.parametrize("mode", ["live", "test"])
def test_a_pending_job_can_be_cancelled_once(world, mode):
    client = ApiClient(getattr(world.alice, f"{mode}_key"))
    job_id = client.submit_job(webhook_url=HOOK)
    response = client.delete(f"/v1/jobs/{job_id}")
    assert response.status_code == 200
    job = response.json()
    assert job == read(client, job_id)
    assert (job["status"], job["credits_consumed"], job["webhook_status"]) == ("cancelled", 0, None)
    assert job["webhook_url"] == HOOK
    assert job["completed_at"] is not None
    assert job["duration_ms"] == 0
    account = ledger.balance(world.alice.org_id)
    assert (account.available, account.reserved) == (100, 0)
    refusal(client.delete(f"/v1/jobs/{job_id}"), 409, "job_not_cancellable")
    assert ledger.balance(world.alice.org_id).available == 100
    entry = AuditEntry.objects.get(action="job.cancelled")
    assert (entry.subject, entry.actor.partition(":")[0]) == (job_id, "key")


@pytest.mark.parametrize("advance", [claimed, completed, failed])
def test_a_job_that_has_started_cannot_be_cancelled(live, advance):
    job_id = live.submit_job()
    advance(job_id)
    before = read(live, job_id)
    refusal(live.delete(f"/v1/jobs/{job_id}"), 409, "job_not_cancellable")
    after = read(live, job_id)
    assert {**after, "output_url": None} == {**before, "output_url": None}


# Who may see what


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("mode", ["live", "test"])
def test_charlie_is_forbidden_alices_jobs(world, method, mode):
    theirs = [ApiClient(key).submit_job() for key in (world.alice.live_key, world.alice.test_key)]
    charlie = ApiClient(getattr(world.charlie, f"{mode}_key"))
    for job_id in theirs:
        refusal(getattr(charlie, method)(f"/v1/jobs/{job_id}"), 403, "forbidden")
    assert set(Job.objects.values_list("status", flat=True)) == {"pending"}


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_test_key_does_not_know_live_jobs_and_a_live_key_sees_both(world, live, method):
    test = ApiClient(world.alice.test_key)
    live_job, test_job = live.submit_job(), test.submit_job()
    refusal(getattr(test, method)(f"/v1/jobs/{live_job}"), 404, "job_not_found")
    assert getattr(live, method)(f"/v1/jobs/{live_job}").status_code == 200
    assert getattr(live, method)(f"/v1/jobs/{test_job}").status_code == 200
    assert test.get(f"/v1/jobs/{test_job}").status_code == 200


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize(
    "job_id",
    [
        NOBODYS_JOB,
        "ws_06h0lr6ertpt9aee77b9irmv7c",
        NOBODYS_JOB.upper(),
        NOBODYS_JOB + "0",
        NOBODYS_JOB[:-1],
        NOBODYS_JOB[:-1] + "z",
        NOBODYS_JOB + "%0A",
        "job_",
        "job_%00",
        "1",
        "%F0%9F%91%95",
        "%FF",
        "a" * 2000,
        "..",
        "job_%25",
    ],
)
def test_any_other_id_is_no_job(live, method, job_id):
    refusal(getattr(live, method)(f"/v1/jobs/{job_id}"), 404, "job_not_found")


def test_reading_a_job_takes_one_query_and_the_keys(live, django_assert_max_num_queries):
    job_id = live.submit_job(webhook_url=HOOK)
    completed(job_id)
    with django_assert_max_num_queries(2):
        assert read(live, job_id)["webhook_status"] == "pending"


def test_a_suspended_organisations_jobs_wait(world, live):
    job_id = live.submit_job()
    organisations.suspend(world.organisation, actor="staff:test", reason="unpaid")
    assert jobs.claim(job_id) is None
