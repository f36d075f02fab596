"""URLs on `test.zupertry.com`, which are never fetched."""

import pytest

from tryon import runner
from tryon.failures import MESSAGES
from tryon.models import Job
from tryon.simulation import SLOW_PENDING_SECONDS, SLOW_SECONDS, Simulation, is_simulated, pending_seconds, simulation
from zupertry.testing.api import SUCCESS, ApiClient, refusal

HOST = "https://test.zupertry.com"
ERROR_CODES = [
    "image_unreachable",
    "image_too_large",
    "image_type_unsupported",
    "image_corrupt",
    "image_url_forbidden",
    "person_not_found",
    "garment_not_found",
    "content_blocked",
    "engine_unavailable",
    "engine_timeout",
    "engine_error",
    "internal_error",
]
UNKNOWN = ["", "/", "/nonsense.jpg", "/success.png", "/success", "/success.JPG", "/success.jpg/x.jpg", "/.jpg"]


def test_every_error_code_of_the_contract_can_be_simulated():
    assert set(MESSAGES) == set(ERROR_CODES)
    for code in ERROR_CODES:
        assert simulation(f"{HOST}/{code}.jpg") == Simulation(error_code=code)


def test_success_is_at_once_and_slow_takes_5_seconds():
    assert simulation(f"{HOST}/success.jpg") == Simulation()
    slow = simulation(f"{HOST}/slow.jpg")
    assert slow.pending + slow.delay == SLOW_SECONDS == 5.0


@pytest.mark.parametrize(
    ("names", "seconds"),
    [
        (("slow", "success"), SLOW_PENDING_SECONDS),
        (("success", "slow"), SLOW_PENDING_SECONDS),
        (("slow", "slow"), SLOW_PENDING_SECONDS),
        (("success", "success"), 0.0),
        (("slow", "content_blocked"), 0.0),
        (("engine_timeout", "slow"), 0.0),
    ],
)
def test_a_slow_job_lies_pending_for_a_while_and_failures_come_at_once(names, seconds):
    assert pending_seconds(*(f"{HOST}/{name}.jpg" for name in names)) == seconds


def test_pictures_that_are_fetched_wait_for_nothing():
    assert pending_seconds("https://a.example.com/slow.jpg", "https://a.example.com/nonsense.jpg") == 0.0


@pytest.mark.parametrize(
    "url",
    [
        "http://test.zupertry.com/success.jpg",
        "https://TEST.Zupertry.com/success.jpg",
        "https://test.zupertry.com./success.jpg",
        "https://test.zupertry.com:8443/success.jpg?v=2#top",
        "https://test.zupertry.com/any/folder/success.jpg",
    ],
)
def test_scheme_port_case_folder_and_query_make_no_difference(url):
    assert simulation(url) == Simulation()


@pytest.mark.parametrize(
    "url", ["https://zupertry.com/nonsense.jpg", "https://a.test.zupertry.com/x.jpg", "https://a.example.com/slow.jpg"]
)
def test_other_hosts_are_not_simulated(url):
    assert simulation(url) is None


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("name", ["model_image_url", "garment_image_url"])
def test_an_unknown_name_is_refused_at_submit(world, name, path):
    error = refusal(ApiClient(world.alice.test_key).submit(**{name: HOST + path}), 422, "validation_error")
    assert list(error["fields"]) == [name]
    assert "content_blocked.jpg" in error["message"], "the message says what there is"


@pytest.mark.parametrize("name", ["model_image_url", "garment_image_url"])
@pytest.mark.parametrize("url", [SUCCESS, f"{HOST}/nonsense.jpg", "http://TEST.zupertry.com./slow.jpg"])
def test_a_live_key_cannot_simulate(world, name, url):
    error = refusal(ApiClient(world.alice.live_key).submit(**{name: url}), 422, "validation_error")
    assert list(error["fields"]) == [name]
    assert not Job.objects.exists()


def test_the_host_is_for_pictures_only(world):
    """As a webhook it is an address like any other."""
    ApiClient(world.alice.test_key).submit_job(webhook_url=f"{HOST}/hook")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", [code for code in ERROR_CODES if code.startswith("image_")])
@pytest.mark.parametrize("role", ["model", "garment"])
def test_a_simulated_failure_says_which_of_the_pictures_it_was(world, code, role):
    alice = ApiClient(world.alice.test_key)
    job_id = alice.submit_job(**{f"{role}_image_url": f"{HOST}/{code}.jpg"})
    runner.run(job_id)
    job = alice.get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["error_code"]) == ("failed", code)
    assert f"The {role} image" in job["error_message"]


@pytest.mark.django_db(transaction=True)
def test_of_two_simulated_failures_the_models_decides(world):
    alice = ApiClient(world.alice.test_key)
    urls = {"model_image_url": f"{HOST}/engine_timeout.jpg", "garment_image_url": f"{HOST}/image_corrupt.jpg"}
    job_id = alice.submit_job(**urls)
    runner.run(job_id)
    assert alice.get(f"/v1/jobs/{job_id}").json()["error_code"] == "engine_timeout"


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_simulation_is_accepted_with_a_test_key(world, code):
    ApiClient(world.alice.test_key).submit_job(model_image_url=f"{HOST}/{code}.jpg")


@pytest.mark.parametrize(
    "host", ["test.zupertry.com.", "TEST.zupertry.com", "test.zupertry.com%2e", "test.zupertry.com:443"]
)
def test_no_spelling_of_the_host_is_fetched(host):
    assert is_simulated(f"https://{host}/success.jpg")


@pytest.mark.django_db(transaction=True)
def test_a_failure_does_not_wait_for_a_slow_picture_beside_it(world):
    alice = ApiClient(world.alice.test_key)
    job_id = alice.submit_job(model_image_url=f"{HOST}/slow.jpg", garment_image_url=f"{HOST}/content_blocked.jpg")
    runner.run(job_id)
    job = alice.get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["error_code"]) == ("failed", "content_blocked")
    assert job["duration_ms"] < 1000 * (SLOW_SECONDS - SLOW_PENDING_SECONDS), "it ended before the picture would arrive"
