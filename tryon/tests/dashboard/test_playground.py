"""The playground: from two pictures in a browser to a job like any other."""

import secrets
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts import organisations
from accounts.models import Mode, Organisation, Role, Workspace
from billing import ledger
from tryon import jobs, runner, uploads
from tryon.dashboard.playground import MAX_BODY_BYTES
from tryon.failures import failure
from tryon.models import Job, Upload
from tryon.pictures import MAX_BYTES
from tryon.tests.dashboard.conftest import made
from zupertry.core import ids, storage
from zupertry.testing import images
from zupertry.testing.api import PICTURE, SUCCESS, ApiClient
from zupertry.testing.page import Element, parse

PLAYGROUND = reverse("tryon:playground")


def form(**fields: Any) -> dict[str, Any]:
    """What a browser sends; two files and test mode, but for what `fields` says."""
    return {
        "model_file": SimpleUploadedFile("me.jpg", images.jpeg(60, 80)),
        "garment_file": SimpleUploadedFile("shirt.png", images.png(40, 40, images.BLUE)),
        "mode": "test",
        "token": secrets.token_urlsafe(12),
    } | fields


def urls(model: str, garment: str = SUCCESS, **fields: Any) -> dict[str, Any]:
    return form(model_file="", garment_file="", model_url=model, garment_url=garment, **fields)


def submit(client, fields: dict[str, Any]) -> Job:
    answer = client.post(PLAYGROUND, fields)
    assert answer.status_code == 302, parse(answer.content.decode()).all("main")[0].text
    job = Job.objects.latest("pk")
    assert answer["Location"] == f"{PLAYGROUND}?job={job.id}"
    return job


def refused(client, fields: dict[str, Any], status: int = 422) -> Element:
    before = Job.objects.count()
    answer = client.post(PLAYGROUND, fields)
    assert answer.status_code == status
    assert Job.objects.count() == before
    return parse(answer.content.decode())


def page(client, job: Job | None = None) -> Element:
    answer = client.get(f"{PLAYGROUND}?job={job.id}" if job else PLAYGROUND)
    assert answer.status_code == 200
    return parse(answer.content.decode())


def values(html: Element, name: str) -> list[str]:
    return [field.attributes.get("value", "") for field in html.all("input") if field.attributes.get("name") == name]


def error(html: Element, role: str) -> str:
    """What is said beside the file or the URL of this picture."""
    said = (f"id_{role}_file_error", f"id_{role}_url_error")
    return " ".join(p.text for p in html.all("p", class_="field-error") if p.attributes["id"] in said).strip()


def test_two_files_become_a_test_job_that_costs_nothing(developer, alice):
    job = submit(developer, form())

    assert (job.mode, job.status, job.organisation_id) == (Mode.TEST, "pending", alice.id)
    assert job.actor.startswith("user:")
    assert ledger.balance(alice.id).available == 100
    assert Upload.objects.filter(organisation=alice).count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_worker_reads_uploads_from_storage_and_fetches_nothing(developer, alice, settings):
    """No address may be reached here: the service's own is this machine."""
    settings.OUTBOUND_ALLOWED_NETWORKS = []
    job = submit(developer, form())

    runner.run(job.id)

    html = page(developer, job)
    assert Job.objects.get().status == "completed"
    assert html.all("before-after")
    assert "hx-get" not in html.all(class_="playground-result")[0].attributes


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_is_gone_fails_the_job_with_what_to_do(developer, alice):
    job = submit(developer, form())
    storage.delete(Upload.objects.earliest("pk").name)

    runner.run(job.id)

    failed = Job.objects.get()
    assert failed.error_code == "image_unreachable"
    assert failed.error_message == "The model image is not stored any more. Upload it again."


def test_a_live_job_costs_the_credit_that_the_page_announced(developer, alice):
    assert "1 credit; you have 100." in page(developer).text
    submit(developer, form(mode="live"))
    assert (ledger.balance(alice.id).available, ledger.balance(alice.id).reserved) == (99, 1)


def test_the_credit_that_comes_back_is_counted_with_the_result(developer, alice):
    job = submit(developer, form(mode="live"))
    html = page(developer, job)
    assert html.by_id("available").text == "99"
    jobs.claim(job.id)
    jobs.fail(Job.objects.get(), failure("person_not_found"))

    ended = parse(developer.get(html.all(class_="playground-result")[0].attributes["hx-get"]).content.decode())

    assert "The credit was given back." in ended.text
    assert ended.by_id("available").text == "100"
    assert ended.by_id("available").attributes["hx-swap-oob"] == "innerHTML"
    assert page(developer, job).by_id("available").text == "100"


def test_urls_are_taken_as_they_are_and_checked_like_the_apis(developer, alice):
    job = submit(developer, urls(PICTURE, PICTURE, mode="live"))
    assert (job.model_image_url, job.garment_image_url) == (PICTURE, PICTURE)

    html = refused(developer, urls("ftp://example.com/a.jpg", "https://example.com/a.gif"))
    assert "http" in error(html, "model")
    assert ".gif" in error(html, "garment")
    assert values(html, "model_url") == ["ftp://example.com/a.jpg"], "what was typed stays"
    assert "test keys only" in error(refused(developer, urls(SUCCESS, mode="live")), "model")
    assert "private" in error(refused(developer, urls("http://127.0.0.1/a.jpg")), "model")


def test_the_samples_need_no_picture_of_ones_own(developer, alice):
    job = submit(developer, form(model_file="", garment_file="", model_sample="on", garment_sample="on"))
    assert len(uploads.of_job(job)) == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<!doctype html>", "is not a JPEG, PNG or WebP"),
        (images.jpeg()[:200], "damaged or incomplete"),
        (images.raw_png(9_000, 9_000), "pixels"),
        (b"\xff" * (MAX_BYTES + 1), "Send one of at most 10.0"),
        (b"", "empty"),
    ],
)
def test_an_upload_is_checked_as_a_download_is(developer, alice, media, data, says):
    html = refused(developer, form(garment_file=SimpleUploadedFile("shirt.jpg", data)))
    assert says in error(html, "garment").replace("\xa0", " ")
    assert error(html, "model") == ""


def test_what_was_good_need_not_be_chosen_again(developer, alice):
    html = refused(developer, form(garment_file=SimpleUploadedFile("shirt.jpg", b"nothing")))
    kept = Upload.objects.get()
    assert values(html, "model_upload") == [kept.id]

    job = submit(developer, form(model_file="", model_upload=kept.id))

    assert uploads.of_job(job)[job.model_image_url] == kept


def test_another_organisations_upload_cannot_be_chosen(developer, world):
    other = uploads.upload(Organisation.objects.get(pk=world.charlie.org_id), images.jpeg(), "model", actor="user:1")
    html = refused(developer, form(model_file="", model_upload=other.id))
    assert error(html, "model") == "Choose a picture."


def test_uploads_are_kept_upright_and_without_what_the_camera_wrote(developer, alice, media):
    photo = images.encoded(images.halves(), "JPEG", exif=images.orientation(3))
    submit(developer, form(model_file=SimpleUploadedFile("me.jpg", photo)))
    stored = (media.folder / Upload.objects.earliest("pk").name).read_bytes()
    assert b"Exif" not in stored
    assert b"Alice" not in stored


def test_an_organisation_cannot_fill_the_storage(developer, alice, monkeypatch, media):
    monkeypatch.setattr(uploads, "MAX_KEPT_BYTES", 100)
    html = refused(developer, form())
    assert "Too many pictures" in error(html, "garment")
    assert media.files == set()


def test_a_body_that_is_too_large_is_refused_unread(developer, alice):
    answer = developer.post(PLAYGROUND, form(), CONTENT_LENGTH=str(MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert "more than 20 MB" in answer.content.decode()
    assert not Upload.objects.exists()


def test_the_form_is_protected_against_other_sites(alice, member):
    client = member(alice, Role.DEVELOPER, csrf=True)
    assert client.post(PLAYGROUND, form()).status_code == 400
    assert not Upload.objects.exists()


def test_the_same_form_sent_twice_makes_one_job(developer, alice):
    fields = urls(SUCCESS)
    first = submit(developer, fields)
    assert submit(developer, fields) == first
    html = refused(developer, urls(SUCCESS, "https://test.zupertry.com/slow.jpg", token=fields["token"]), 409)
    assert "was sent already" in html.text


def test_without_credit_whoever_may_buy_is_led_to_the_packs(alice, member):
    ledger.clawback(alice.id, 100, "re_1", note="")
    for role, link in ((Role.OWNER, True), (Role.DEVELOPER, False)):
        notice = refused(member(alice, role), form(mode="live"), 402).all(class_="notice")[0]
        assert "No credit is left" in notice.text
        assert bool(notice.all("a")) == link
        assert ("Ask an owner" in notice.text) != link
    assert submit(member(alice, Role.DEVELOPER), form()).mode == "test"


def test_a_suspended_organisation_submits_nothing(developer, alice):
    organisations.suspend(alice, actor="staff:1", reason="")
    assert "no job can be submitted" in refused(developer, form(), 403).text


def test_the_workspace_can_be_chosen_once_there_are_two(developer, alice):
    assert not page(developer).all("select")
    other = Workspace.objects.create(organisation=alice, name="Autumn")
    assert submit(developer, form(workspace=other.id)).workspace_id == other.id
    assert "workspace_id" in page(developer, Job.objects.get()).all(class_="sample")[0].text


def test_submits_here_count_as_requests_do_and_beyond_the_limit_are_refused_in_words(developer, alice, world):
    Organisation.objects.filter(pk=alice.pk).update(rate_limit_per_minute=2)
    job = submit(developer, form())
    assert ApiClient(world.alice.test_key).get("/v1/account")["RateLimit-Remaining"] == "0"

    html = refused(developer, form(), 429)

    assert "More than 2 requests in a minute" in html.all("div", class_="bad")[0].text
    again = developer.post(reverse("tryon:run-again", args=[job.id]), {"token": "a-page"}, follow=True)
    assert "More than 2 requests in a minute" in again.content.decode()
    assert Job.objects.count() == 1


def test_after_a_job_the_form_begins_with_its_pictures(developer, alice):
    html = page(developer, submit(developer, form(garment_file="", garment_url=SUCCESS)))

    assert values(html, "model_upload") == [Upload.objects.get().id]
    assert values(html, "garment_url") == [SUCCESS]
    watched = html.all(class_="playground-result")[0]
    address = reverse("tryon:result", args=[Job.objects.get().id])
    assert watched.attributes["hx-get"].startswith(f"{address}?seen=pending")
    assert "Pending" in watched.text


def test_the_code_is_that_very_call_and_works_over_the_api(developer, alice, world):
    job = submit(developer, form())
    samples = page(developer, job).all(class_="sample")
    assert [sample.all("figcaption")[0].text for sample in samples] == ["curl", "Python", "JavaScript"]
    given = uploads.urls_again(job)
    assert given is not None
    assert all(url in sample.text for sample in samples for url in given)

    model, garment = given
    ApiClient(world.alice.test_key).submit_job(model_image_url=model, garment_image_url=garment)


def test_the_api_takes_no_link_of_ours_that_is_forged_or_over(developer, alice, world):
    url, _ = uploads.urls_again(submit(developer, form())) or ("", "")
    client = ApiClient(world.alice.test_key)
    for bad in (url.replace("signature=", "signature=0"), url.replace("expires=", "expires=1"), url + "0"):
        assert client.submit(model_image_url=bad).status_code == 422


def test_code_of_a_job_whose_uploads_are_gone_is_not_shown(developer, alice):
    job = submit(developer, form())
    Upload.objects.all().delete()
    assert not page(developer, job).all(class_="sample")


def test_uploads_go_after_a_day_unless_an_unfinished_job_needs_them(alice, developer, media):
    waiting = submit(developer, form())
    uploads.upload(alice, images.jpeg(), "model", actor="user:1")
    assert uploads.sweep() == 0, "younger than a day"
    age_uploads()

    assert uploads.sweep() == 1
    Job.objects.filter(pk=waiting.pk).update(status="cancelled", completed_at=timezone.now())
    assert uploads.sweep() == 2
    assert media.files == set()


def age_uploads() -> None:
    for number, upload in enumerate(Upload.objects.all()):
        moment = timezone.now() - timedelta(days=2, minutes=number)
        Upload.objects.filter(pk=upload.pk).update(id=ids.encode("upl", ids.first_at(moment)))


def test_an_upload_that_another_job_still_needs_stays_when_pictures_are_deleted(developer, alice):
    kept = uploads.upload(alice, images.jpeg(), "model", actor="user:1")
    job = made(alice, Mode.TEST, model_image_url=storage.own_url(kept.name))
    submit(developer, form(model_file="", model_upload=kept.id))
    developer.post(reverse("tryon:delete-pictures", args=[job.id]))
    assert Upload.objects.filter(pk=kept.pk).exists()
