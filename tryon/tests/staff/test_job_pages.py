"""Staff's pages of jobs and uploads: what they show, find and cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, DeliveryAttempt, Mode, Organisation, WebhookDelivery
from accounts.webhooks import outbox
from tryon import interventions, jobs, retention
from tryon.failures import failure
from tryon.models import Job, Upload
from tryon.tests.dashboard.conftest import made
from tryon.uploads import upload
from zupertry.core import storage
from zupertry.testing import images
from zupertry.testing.api import ApiClient
from zupertry.testing.jobs import claimed, completed, submitted
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.staff_pages import address, links, listed, page_of, section
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

HOOK = "https://hooks.example.com/zupertry"


def picture(row: Job | Upload, which: str) -> str:
    return reverse(f"admin:tryon_{row._meta.model_name}_picture", args=[row.pk, which])


def everything(alice, number: int = 1) -> Job:
    """A job that has something for each part of its page."""
    job = made(alice, webhook_url=HOOK, client_reference_id=f"order-{number}", metadata={"sku": "<b>shirt</b>"})
    delivery = WebhookDelivery.objects.get(event__reference=job.id)
    DeliveryAttempt.objects.create(
        delivery=delivery, number=1, started_at=timezone.now(), duration_ms=1234, response_status=503
    )
    interventions.run_again(job, actor="staff:usr_1", reason="They asked", key=f"{job.id}")
    interventions.refund(job, actor="staff:usr_1", reason="Three arms")
    Job.objects.filter(id=job.id).update(
        error_code="engine_error", error_message="It failed.", error_detail='{"error": "<script>"}', handed_back=1
    )
    return Job.objects.get(id=job.id)


# The page


def test_a_jobs_page_says_everything(staff, alice):
    job = everything(alice)
    page = page_of(staff, job)
    facts = section(page, "Job")
    for text in ("refunded", "live", "Alice & Co", "Default", "key of-a-test", "engine-1", "UTC", "Run again as"):
        assert text in facts
    error = section(page, "Error")
    assert "engine_error" in error
    assert '{"error": "<script>"}' in error
    request = section(page, "Request")
    for text in (job.model_image_url, HOOK, "order-1", '"sku": "<b>shirt</b>"'):
        assert text in request
    assert [kind in section(page, "Ledger") for kind in ("hold", "capture", "refund", "staff usr_1")] == [True] * 4
    assert "job.completed" in section(page, "Webhooks")
    assert "Three arms" in section(page, "Audit log")


def test_the_timeline_is_in_order(staff, alice):
    job = everything(alice)
    timeline = section(page_of(staff, job), "Timeline")
    words = ["Submitted", "credit held", "Started", "handed back", "Webhook, attempt 1", "answered 503, after 1,234 ms"]
    assert [word for word in words if word not in timeline] == []
    assert timeline.index("Submitted") < timeline.index("Started") < timeline.index("Refunded")


def test_a_job_that_waits_and_one_at_work_say_how_far_they_are(staff, alice):
    waiting, busy = submitted(alice), claimed(alice)
    Job.objects.filter(id=waiting.id).update(woken_at=timezone.now() + timedelta(minutes=1))
    assert "Woken again" in section(page_of(staff, waiting), "Timeline")
    page = page_of(staff, busy)
    assert "attempt 1 now" in section(page, "Timeline")
    assert "lease ends" in section(page, "Job")
    assert "not there yet" in section(page, "Pictures")


def test_a_job_and_its_rerun_lead_to_each_other(staff, alice):
    job = everything(alice)
    again = job.reruns.get()
    for one, other in ((job, again), (again, job)):
        assert address(Job, "change", other.id) in links(page_of(staff, one))


def test_pages_lead_from_a_job_to_what_belongs_to_it(staff, alice):
    job = everything(alice)
    found = set(links(page_of(staff, job)))
    delivery = WebhookDelivery.objects.select_related("event").get(event__reference=job.id)
    assert found >= {address(row, "change", row.pk) for row in (alice, delivery, delivery.event)}


def test_a_link_of_ours_is_never_shown_but_leads_to_the_upload(staff, alice):
    kept = upload(alice, images.jpeg(), "model", actor="user:1")
    job = completed(alice, model_image_url=storage.own_url(kept.name))
    page = page_of(staff, job)
    assert "signature=" not in page.text
    assert kept.name not in page.text
    assert address(kept, "change", kept.id) in links(page)
    assert f"{kept.size:,} bytes" in section(page_of(staff, kept), "Upload")


# Pictures


def test_pictures_are_shown_from_an_address_that_only_staff_may_use(staff, alice):
    job = made(alice)
    sources = [image.attributes["src"] for image in page_of(staff, job).all("figure")[0].all("img")]
    assert sources == [f"{picture(job, 'person')}?size=small"]
    for which in ("person", "garment", "output"):
        answer = staff.get(picture(job, which))
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
        assert "no-store" in answer["Cache-Control"]
        assert b"".join(answer)[:2] == b"\xff\xd8"
    small = staff.get(picture(job, "output"), {"size": "small"})
    assert small["Content-Type"] == "image/webp"
    assert b"WEBP" in b"".join(small)
    for somebody in (Client(), staff_client(make_staff(email="new@zupertry.test"))):
        assert somebody.get(picture(job, "output")).status_code in {302, 403}


def test_a_look_is_in_the_audit_log_once_a_day_for_each_member_of_staff(staff, member, alice):
    job = made(alice)
    for _ in range(2):
        page_of(staff, job)
        b"".join(staff.get(picture(job, "output")))
    (entry,) = AuditEntry.objects.filter(action="job.pictures_viewed")
    assert (entry.organisation, entry.actor, entry.subject) == (alice, f"staff:{member.pk}", job.id)
    page_of(staff_client(make_staff("Support")), job)
    assert AuditEntry.objects.filter(action="job.pictures_viewed").count() == 2


def test_without_pictures_there_is_no_look(staff, alice):
    page_of(staff, submitted(alice))
    assert not AuditEntry.objects.filter(action="job.pictures_viewed").exists()


def test_pictures_whose_time_is_over_are_not_shown_even_before_they_are_deleted(staff, alice):
    job = made(alice)
    Job.objects.filter(id=job.id).update(inputs_expire_at=timezone.now(), output_expires_at=timezone.now())
    assert "deleted" in section(page_of(staff, job), "Pictures")
    assert [staff.get(picture(job, which)).status_code for which in ("person", "garment", "output")] == [404] * 3
    retention.delete_expired_pictures()
    assert "Pictures deleted" in section(page_of(staff, job), "Timeline")


def test_a_refunded_jobs_picture_is_withheld_from_the_customer_not_from_staff(staff, alice):
    job = made(alice)
    interventions.refund(job, actor="staff:1", reason="Three arms")
    answer = staff.get(picture(job, "output"))
    assert (answer.status_code, b"".join(answer)[:2]) == (200, b"\xff\xd8")


@pytest.mark.parametrize("which", ["nothing", "person"])
def test_what_is_not_there_is_not_found(staff, alice, which):
    job = made(alice)
    storage.delete(job.person_name)
    assert staff.get(picture(job, which)).status_code == 404
    assert staff.get(picture(job, "person").replace(job.id, "job_nonsense")).status_code == 404


# Listings


def test_jobs_are_listed_newest_first(staff, alice):
    first, second = completed(alice, Mode.TEST), claimed(alice)
    jobs.fail(second, failure("engine_error"))
    rows = [[row[0], row[1], *row[3:5], *row[6:]] for row in listed(staff, Job)]
    assert rows == [
        [second.id, "failed", "Alice & Co", "engine_error", "1", "live"],
        [first.id, "completed", "Alice & Co", "none", "1", "test"],
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status__exact": "failed"}, [1]),
        ({"mode__exact": "test"}, [0]),
        ({"error_code": "engine_error"}, [1]),
        ({"error_code": "engine_timeout"}, []),
        ({"when": f"{timezone.now():%Y-%m-%d}"}, [1, 0]),
        ({"when": "2001"}, []),
    ],
)
def test_filters_narrow(staff, alice, query, found):
    made_ = [completed(alice, Mode.TEST), claimed(alice)]
    jobs.fail(made_[1], failure("engine_error"))
    assert [row[0] for row in listed(staff, Job, **query)] == [made_[number].id for number in found]


def test_a_job_is_found_by_whatever_it_is_known_by(staff, world: World, alice):
    submitted(alice, client_reference_id="order-8")
    completed(Organisation.objects.select_related("webhook_endpoint").get(id=world.charlie.org_id))
    key = {"Idempotency-Key": "once-only", "X-Request-Id": "req_of_alice"}
    answer = ApiClient(world.alice.live_key).submit(client_reference_id="order-7", headers=key)
    job = Job.objects.get(id=answer.json()["job_id"])
    Job.objects.filter(id=job.id).update(engine_request_id="vertex-9")
    for term in (job.id, "req_of_alice", " order-7 ", "vertex-9", "once-only"):
        assert [row[0] for row in listed(staff, Job, q=term)] == [job.id], term
    assert len(listed(staff, Job, q=world.alice.org_id)) == 2
    for term in ("order", "job_nonsense", "%", "ORDER-7", "org_" + "0" * 26):
        assert listed(staff, Job, q=term) == []


def test_uploads_are_found_by_their_organisation(staff, world: World, alice):
    kept = upload(alice, images.jpeg(), "model", actor="user:1")
    for term in (kept.id, world.alice.org_id):
        assert [row[0] for row in listed(staff, Upload, q=term)] == [kept.id]
    assert listed(staff, Upload, q=world.charlie.org_id) == []


def test_the_file_of_jobs_has_no_links_names_or_digests(staff, alice):
    job = everything(alice)
    text = b"".join(staff.get(address(Job, "csv"))).decode()
    assert job.id in text
    columns = text.partition("\r\n")[0].split(",")
    assert not {"model_image_url", "output_name", "person_name", "idempotency_digest", "webhook_url"} & set(columns)
    assert "pictures/" not in text


# What it costs


def count(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_a_listing_takes_as_many_queries_for_one_row_as_for_fifty(staff, alice):
    completed(alice)
    few = count(staff, address(Job, "changelist"))
    assert few < 20
    for _ in range(50):
        submitted(alice, Mode.TEST)
    assert count(staff, address(Job, "changelist")) == few


def test_a_page_takes_as_many_queries_whatever_belongs_to_the_job(staff, alice):
    job = everything(alice)
    page_of(staff, job)
    few = count(staff, address(job, "change", job.id))
    assert few < 20
    for number in range(3):
        interventions.run_again(job, actor="staff:1", reason="Again", key=f"more-{number}")
        outbox.record(alice.id, "job.failed", job.id, {}, output_name="", url=HOOK)
    assert count(staff, address(job, "change", job.id)) == few
