"""A worker's part of a job: claim it, download the pictures, dress the person, store the result, end the job."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import structlog

from tryon import jobs, simulation, stored_pictures
from tryon.engines.base import Engine, EngineError, Picture, TryOn
from tryon.engines.registry import alias_for, engines
from tryon.failures import Failure, failure
from tryon.leases import keeper
from tryon.models import Job
from tryon.pictures import PictureError, Role, conform, fetch, stored
from tryon.samples import sample
from zupertry.core import metrics, storage
from zupertry.core.connections import release_connection
from zupertry.core.requests import enter_request, request_id
from zupertry.core.slots import Slots
from zupertry.core.starvation import end_process, is_starvation

ENGINE_TRIES = 4
ENGINE_BUDGET_SECONDS = 120.0
ENGINE_TRY_SECONDS = 60.0
BACKOFF_SECONDS = 1.0

log = structlog.get_logger(__name__)
slots = Slots()
"""Of each engine: a job is claimed only when its engine has a free one."""


class SimulatedFailure(Exception):
    """The test URL of one of the pictures asked for this failure."""

    def __init__(self, code: str, role: Role) -> None:
        super().__init__(code)
        self.code = code
        self.role = role


class LeaseLost(Exception):
    """Another attempt has taken the job over."""


def run(job_id: str) -> None:
    """Run a job if its engine has a free slot; then those that were turned away meanwhile."""
    mode = _enter(job_id)
    if mode is None:
        return
    alias = alias_for(mode)
    if not slots.take(alias, engines[alias].max_parallel, job_id):
        return
    next_id: str | None = job_id
    while next_id:
        try:
            # In a context of its own: the next job's lines, and the task's last one, are of other requests.
            copy_context().run(_run_guarded, next_id, engines[alias])
        finally:
            next_id = slots.pass_on(alias)


def _enter(job_id: str) -> str | None:
    """Return a job's mode (None: it is unknown), and log from here on under the id of the request that submitted it."""
    found = Job.objects.filter(id=job_id).values_list("mode", "request_id", "organisation_id", "actor").first()
    if found is None:
        return None
    mode, submitted_under, organisation_id, actor = found
    enter_request(submitted_under or request_id())
    structlog.contextvars.bind_contextvars(job=job_id, org=organisation_id, actor=actor)
    return mode


def _run_guarded(job_id: str, engine: Engine) -> None:
    try:
        _enter(job_id)
        _run(job_id, engine)
    except Exception as error:
        # What nobody foresaw (a bug, storage or database down): the lease runs out and the sweep tries again.
        log.exception("attempt_crashed", job=job_id)
        if is_starvation(error):
            end_process()


def _run(job_id: str, engine: Engine) -> None:
    job = jobs.claim(job_id)
    if job is None:
        return
    with keeper.hold(job):
        if not _end(job, engine):
            log.warning("lease_lost", attempt=job.attempt)
            _delete_pictures(job)


def _end(job: Job, engine: Engine) -> bool:
    """Make the attempt and end the job by it. False: another attempt has taken over."""
    try:
        made = _attempt(job, engine)
        return jobs.complete(job, engine_request_id=made.request_id)
    except LeaseLost:
        return False
    except (PictureError, EngineError, SimulatedFailure) as error:
        return jobs.fail(job, _reason(error))


def _delete_pictures(job: Job) -> None:
    """Delete what a late attempt has stored: its successor may have looked for files before they were there.

    What the row still names once the job has ended (staff failed it) is deleted in its time.
    """
    ended = Job.objects.filter(id=job.id, completed_at__isnull=False)
    named = ended.values_list("person_name", "garment_name", "output_name").first() or ()
    for name in (job.person_name, job.garment_name, job.output_name):
        if name not in named:
            stored_pictures.delete(name)


def _reason(error: PictureError | EngineError | SimulatedFailure) -> Failure:
    match error:
        case PictureError():
            return Failure(error.code, error.message)
        case EngineError():
            return Failure(error.code, error.message, error.detail)
        case SimulatedFailure():
            return failure(error.code, role=error.role)


def _attempt(job: Job, engine: Engine) -> TryOn:
    """Make the picture and store it under `job.output_name`."""
    person, garment = _inputs(job)
    made = _dress(alias_for(job.mode), engine, person, garment)
    picture = conform(made.picture, person)
    if job.output_name:
        stored_pictures.delete(job.output_name)  # an earlier attempt's, which ended before it could be told
    _store(job, output_name=picture)
    return made


def _inputs(job: Job) -> tuple[Picture, Picture]:
    """Download both pictures at once and keep them. When both fail, the model's failure decides."""
    release_connection()
    with ThreadPoolExecutor(max_workers=2) as pool:
        person = pool.submit(_input, job, job.model_image_url, "model")
        garment = pool.submit(_input, job, job.garment_image_url, "garment")
        pictures = person.result(), garment.result()
    time.sleep(simulation.delay_seconds(job.model_image_url, job.garment_image_url))
    for stale in (job.person_name, job.garment_name):
        stored_pictures.delete(stale)
    _store(job, person_name=pictures[0], garment_name=pictures[1])
    return pictures


def _input(job: Job, url: str, role: Role) -> Picture:
    if name := storage.named_by(url, at=job.created_at):
        return stored(name, role=role)
    simulated = simulation.simulation(url)
    if simulated is None:
        return fetch(url, role=role)
    if simulated.error_code:
        raise SimulatedFailure(simulated.error_code, role)
    return sample(role)


def _store(job: Job, **pictures: Picture) -> None:
    """Write each picture under a new name, which the job knows first, so that no file is ever forgotten."""
    names = {field: storage.new_name(picture.content_type) for field, picture in pictures.items()}
    if not jobs.note(job, **names):
        raise LeaseLost
    release_connection()
    for field, picture in pictures.items():
        stored_pictures.write(names[field], picture.data)


def _dress(name: str, engine: Engine, person: Picture, garment: Picture) -> TryOn:
    """Call the engine, up to 4 times in 120 s for failures that may pass."""
    end = time.monotonic() + ENGINE_BUDGET_SECONDS
    for number in range(1, ENGINE_TRIES + 1):
        try:
            with metrics.engine_call(name):
                return engine.try_on(person, garment, timeout=min(ENGINE_TRY_SECONDS, end - time.monotonic()))
        except EngineError as error:
            pause = BACKOFF_SECONDS * 2 ** (number - 1) * random.uniform(0.5, 1.5)  # noqa: S311
            log.warning("engine_failed", code=error.code, number=number, permanent=error.permanent, detail=error.detail)
            if error.permanent or number == ENGINE_TRIES or time.monotonic() + pause + 1 > end:
                raise
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")
