"""A job's page and what can be done there."""

import shutil
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import organisations
from accounts.models import AuditEntry, DeliveryAttempt, Mode, WebhookDelivery, WebhookEvent, Workspace
from billing import ledger
from tryon import jobs, retention
from tryon.failures import failure
from tryon.models import Job
from tryon.staff.timeline import timeline as timeline_of_staff
from tryon.stored_pictures import thumbnail_name
from tryon.tests.dashboard.conftest import made
from tryon.uploads import upload
from zupertry.core import storage
from zupertry.testing import images
from zupertry.testing.jobs import GARMENT, PERSON, claimed, completed, submitted
from zupertry.testing.page import Element, parse


def address(name: str, job: Job) -> str:
    return reverse(f"tryon:{name}", args=[job.id])


def page(client, job: Job, name: str = "job") -> Element:
    answer = client.get(address(name, job))
    assert answer.status_code == 200
    return parse(answer.content.decode())


def act(client, name: str, job: Job) -> str:
    """Do it, and return what the page says after."""
    answer = client.post(address(name, job), {"token": "a-page"}, follow=True)
    assert answer.status_code == 200
    return " ".join(parse(answer.content.decode()).all(class_="notice")[0].text.split())


def timeline(html: Element) -> list[str]:
    return [" ".join(item.all(class_="timeline-what")[0].text.split()) for item in html.all("ol")[0].all("li")]


def uploaded(organisation) -> str:
    """The link to a picture that was uploaded."""
    return storage.own_url(upload(organisation, images.jpeg(), "model", actor="user:1").name)


def test_a_completed_job_has_both_pictures_to_compare_and_one_to_download(developer, alice):
    job = made(alice)
    html = page(developer, job)

    assert [image.attributes["src"] for image in html.all("before-after")[0].all("img")] == [
        storage.own_path(job.output_name),
        storage.own_path(job.person_name),
    ]
    assert html.all("before-after")[0].all("input")[0].attributes["type"] == "range"
    download = next(a for a in html.all("a") if "download" in a.attributes)
    assert download.attributes["download"] == f"{job.id}.jpg"
    assert b"".join(developer.get(download.attributes["href"]).streaming_content).startswith(b"\xff\xd8")
    assert timeline(html) == ["Submitted 1 credit held", "Processing", "Completed 1 credit spent"]
    assert "1 credit" in html.text
    assert PERSON in html.text


def test_an_unfinished_job_is_watched_until_it_ends(developer, alice):
    job = submitted(alice)
    part = page(developer, job).all(class_="job")[0]
    asked = part.attributes["hx-get"]
    assert asked.partition("?")[0] == address("state", job)
    assert part.attributes["hx-trigger"] == "every 1s"
    assert developer.get(asked).status_code == 204  # nothing to swap
    jobs.claim(job.id)
    assert developer.get(asked).status_code == 200
    jobs.fail(Job.objects.get(), failure("engine_timeout"))

    ended = page(developer, job, "state")

    assert "hx-get" not in ended.all(class_="job")[0].attributes
    assert ended.by_id("said").text == "The job is failed."


def test_a_job_that_takes_long_is_looked_at_less_often(developer, alice):
    job = submitted(alice)
    asked = page(developer, job).all(class_="job")[0].attributes["hx-get"]
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=5))

    part = parse(developer.get(asked).content.decode()).all(class_="job")[0]

    assert part.attributes["hx-trigger"] == "every 10s"


def test_a_part_whose_reader_was_logged_out_reloads_its_page(alice):
    answer = Client().get(address("state", submitted(alice)), headers={"HX-Request": "true"})

    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


def pictures_sent(html: Element) -> str:
    """What the page says about the two pictures that were sent."""
    return " ".join(next(card for card in html.all(class_="card") if card.all(class_="inputs")).text.split())


def test_of_pictures_that_were_never_fetched_no_copies_were_kept(developer, alice):
    job = claimed(alice, Mode.TEST)
    jobs.fail(job, failure("content_blocked"))
    for age in (timedelta(), timedelta(days=60)):
        Job.objects.update(inputs_expire_at=timezone.now() - age)
        said = pictures_sent(page(developer, job))
        assert "No copies of them were kept." in said
        assert said.count("Not kept") == 2
        assert "any more" not in said
        assert "Deleted" not in said


def test_copies_that_were_deleted_before_the_result_are_not_kept_any_more(developer, alice):
    job = made(alice)
    Job.objects.update(inputs_expire_at=timezone.now())
    retention.delete_expired_pictures()
    said = pictures_sent(page(developer, job))
    assert "They are not kept any more." in said
    assert said.count("Deleted") == 2


@pytest.mark.parametrize(
    ("code", "hint"), [("engine_timeout", "may pass when tried again"), ("person_not_found", "will fail again")]
)
def test_a_failure_is_told_in_words_with_what_to_do(developer, alice, code, hint):
    job = claimed(alice)
    jobs.fail(job, failure(code, "secret detail"))
    html = page(developer, job)

    assert failure(code).message in html.text
    assert hint in html.text
    assert "The credit was given back." in html.text
    assert timeline(html)[-1] == "Failed 1 credit given back"
    assert "secret detail" not in html.text


def test_the_webhook_is_summed_up(developer, alice):
    job = completed(alice, webhook_url="https://shop.example/hook")
    WebhookDelivery.objects.update(status="retrying", attempt=2, next_attempt_at=timezone.now() + timedelta(hours=1))
    DeliveryAttempt.objects.create(
        delivery=WebhookDelivery.objects.get(),
        number=2,
        started_at=timezone.now(),
        duration_ms=1234,
        response_status=503,
    )

    text = " ".join(page(developer, job).text.split())

    assert "Retrying 2 attempts. The last: answered 503 in 1.2 s." in text
    assert "The next attempt is at" in text


def test_a_webhook_that_got_no_answer_is_told_in_a_sentence(developer, alice):
    job = completed(alice, webhook_url="https://shop.example/hook")
    WebhookDelivery.objects.update(status="retrying", attempt=1, next_attempt_at=timezone.now() + timedelta(hours=1))
    delivery, error = WebhookDelivery.objects.get(), "The server refused the connection."
    last = DeliveryAttempt.objects.create(
        delivery=delivery, number=1, started_at=timezone.now(), duration_ms=6, error=error
    )

    text = " ".join(page(developer, job).text.split())

    assert "Retrying 1 attempt. The last: the server refused the connection. The next" in text
    [told] = [moment for moment in timeline_of_staff(job, [], [last]) if moment.what.startswith("Webhook")]
    assert told.detail == "the server refused the connection, after 6 ms"


def test_a_refunded_job_withholds_its_picture_and_says_when(developer, alice):
    job = made(alice)
    jobs.refund(job, actor="staff:1", reason="broken")
    html = page(developer, job)
    assert job.output_name not in developer.get(address("job", job)).content.decode()
    assert timeline(html)[-1] == "Refunded 1 credit given back"


def test_a_job_that_waits_shows_the_pictures_that_were_uploaded(developer, alice):
    link = uploaded(alice)
    waits = submitted(alice, model_image_url=link, garment_image_url=link)
    shown = [image.attributes["src"] for image in page(developer, waits).all("img")]
    name = storage.named_by(link, at=waits.created_at)
    assert name
    assert shown == [storage.own_path(thumbnail_name(name))] * 3  # behind the spinner, and the two that were sent
    assert default_storage.exists(thumbnail_name(name))


def test_a_page_takes_as_many_queries_whatever_there_is(developer, alice, django_assert_max_num_queries):
    job = made(alice, model_image_url=uploaded(alice), webhook_url="https://shop.example/hook")
    with django_assert_max_num_queries(10):
        page(developer, job)


def test_a_pending_job_is_cancelled_and_its_credit_comes_back(developer, alice):
    job = submitted(alice)
    assert ledger.balance(alice.id).available == 99

    assert act(developer, "cancel", job) == "The job is cancelled."

    assert ledger.balance(alice.id).available == 100
    html = page(developer, job)
    assert timeline(html)[-1] == "Cancelled 1 credit given back"
    assert "The job was cancelled before they were read." in html.text
    assert "not kept" not in html.text.lower()


def test_a_job_that_has_started_is_not_cancelled(developer, alice):
    assert "not pending any more" in act(developer, "cancel", claimed(alice))


def test_running_again_submits_the_same_and_leads_to_the_new_job(developer, alice):
    workspace = Workspace.objects.create(organisation=alice, name="Autumn")
    given: dict[str, Any] = {"workspace_id": workspace.id, "client_reference_id": "look-1", "metadata": {"sku": "1"}}
    job = made(alice, **given)

    assert act(developer, "run-again", job) == "This is a new job with the same pictures."

    again = Job.objects.exclude(pk=job.pk).get()
    assert (again.model_image_url, again.garment_image_url, again.mode) == (PERSON, GARMENT, Mode.LIVE)
    assert (again.workspace_id, again.client_reference_id, again.metadata) == tuple(given.values())
    assert again.actor.startswith("user:")
    assert ledger.balance(alice.id).available == 98


def test_pressed_twice_a_job_runs_again_once(developer, alice):
    job = made(alice)
    (token,) = [each for each in page(developer, job).all("input") if each.attributes.get("name") == "token"]
    sent = {"token": token.attributes["value"]}
    twice = [developer.post(address("run-again", job), sent)["Location"] for _ in range(2)]
    again = Job.objects.exclude(pk=job.pk).get()
    assert twice == [address("job", again)] * 2
    assert ledger.balance(alice.id).reserved == 1
    assert "too old" in developer.post(address("run-again", job), follow=True).content.decode()


def test_running_again_takes_a_fresh_link_to_what_was_uploaded(developer, alice):
    job = made(alice, Mode.TEST, model_image_url=uploaded(alice))
    name = storage.named_by(job.model_image_url, job.created_at)
    act(developer, "run-again", job)
    again = Job.objects.exclude(pk=job.pk).get()
    assert storage.named_by(again.model_image_url, timezone.now()) == name


def test_running_again_without_credit_workspace_or_pictures_is_refused_in_words(developer, alice):
    job = made(alice)
    ledger.clawback(alice.id, ledger.balance(alice.id).available, "re_1", note="")
    assert "credit" in act(developer, "run-again", job)
    Workspace.objects.update(status="archived")
    assert "no active workspace" in act(developer, "run-again", made_in_test_mode(job))
    assert Job.objects.count() == 1


def made_in_test_mode(job: Job) -> Job:
    Job.objects.filter(pk=job.pk).update(mode=Mode.TEST)
    return job


def test_what_was_uploaded_and_deleted_cannot_be_run_again(developer, alice):
    job = made(alice, Mode.TEST, model_image_url=uploaded(alice))
    retention.delete_pictures_now(job, actor="user:1")
    assert "Run again" not in page(developer, job).text
    assert "is deleted. Upload it again." in act(developer, "run-again", job)


def test_a_suspended_organisation_submits_nothing(developer, alice):
    job = made(alice)
    organisations.suspend(alice, actor="staff:1", reason="")
    assert "suspended" in act(developer, "run-again", job)
    assert Job.objects.count() == 1


def test_pictures_are_deleted_now_after_a_question(developer, alice, media):
    job = made(alice, Mode.TEST, model_image_url=uploaded(alice), webhook_url="https://shop.example/hook")
    kept = media.files
    assert "Delete the pictures of this job?" in page(developer, job, "delete-pictures").text
    assert media.files == kept

    assert act(developer, "delete-pictures", job) == "The pictures of this job are deleted."

    assert media.files == set(), "thumbnails and uploads, too"
    html = page(developer, job)
    assert "All pictures of this job were deleted on" in html.text
    assert not html.all("img")
    assert timeline(html)[-1] == "Pictures deleted"
    assert AuditEntry.objects.get(action="job.pictures_deleted").subject == job.id
    assert WebhookEvent.objects.get().output_name == "", "later attempts carry no link to it"


def test_pictures_of_an_unfinished_job_are_not_deleted(developer, alice):
    assert "has not ended yet" in act(developer, "delete-pictures", submitted(alice))


def test_pictures_that_cannot_be_deleted_at_once_are_left_to_the_sweep(developer, alice, media):
    job = made(alice)
    path = media.folder / job.output_name
    path.unlink()
    (path / "in the way").mkdir(parents=True)
    assert "deleted by itself in a few minutes" in act(developer, "delete-pictures", job)
    shutil.rmtree(path)

    assert retention.delete_expired_pictures() == 1

    assert media.files == set()
    assert not default_storage.exists(job.output_name)
