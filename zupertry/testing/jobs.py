"""Jobs in each state of their lives, made the way the service makes them."""

from typing import Any

from accounts.models import Mode, Organisation
from tryon import jobs
from tryon.models import Job

PERSON = "https://pictures.example.com/person.jpg"
GARMENT = "https://pictures.example.com/garment.jpg"
ACTOR = "key:of-a-test"


def submitted(organisation: Organisation, mode: Mode = Mode.LIVE, **request: Any) -> Job:
    """Submit a job; `request` takes the place of the fields of `TryOnRequest`."""
    asked = jobs.TryOnRequest(**{"model_image_url": PERSON, "garment_image_url": GARMENT, **request})
    return jobs.submit(organisation, mode, asked, actor=ACTOR).job


def claimed(organisation: Organisation, mode: Mode = Mode.LIVE, **request: Any) -> Job:
    """Submit a job and start its first attempt."""
    job = jobs.claim(submitted(organisation, mode, **request).id)
    assert job is not None
    return job


def completed(organisation: Organisation, mode: Mode = Mode.LIVE, **request: Any) -> Job:
    """Submit a job and complete it, with a picture that is nowhere."""
    job = claimed(organisation, mode, **request)
    jobs.note(job, output_name="pictures/00/nowhere.jpg")
    assert jobs.complete(job, engine_request_id="engine-1")
    return job
