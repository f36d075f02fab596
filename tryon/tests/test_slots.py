import pytest

from accounts.models import Mode
from tryon import runner
from tryon.models import Job
from tryon.runner import slots
from tryon.tests.conftest import submit_from
from zupertry.testing.engines import GatedEngine
from zupertry.testing.pictures import PictureServer
from zupertry.testing.threads import in_thread
from zupertry.testing.world import World


def status(job: Job) -> str:
    return Job.objects.get(id=job.id).status


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("media")
def test_test_jobs_do_not_wait_behind_the_local_engines_single_slot(
    world: World, engine: GatedEngine, pictures: PictureServer
) -> None:
    engine.gate.clear()
    organisation = world.organisation
    first, second, third = [submit_from(pictures, organisation) for _ in range(3)]
    busy = in_thread(runner.run, first.id)
    engine.wait_for_call()

    for turned_away in (second, third):
        in_thread(runner.run, turned_away.id).join(10)
    assert [status(job) for job in (first, second, third)] == ["processing", "pending", "pending"]
    test_job = submit_from(pictures, organisation, Mode.TEST)
    in_thread(runner.run, test_job.id).join(10)
    assert status(test_job) == "completed"

    engine.gate.set()
    busy.join(10)
    assert [status(job) for job in (first, second, third)] == ["completed"] * 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("media")
def test_a_slot_is_free_again_after_a_crash(world: World, engine: GatedEngine, pictures: PictureServer) -> None:
    engine.failures.append(ZeroDivisionError())
    crashed, next_one = submit_from(pictures, world.organisation), submit_from(pictures, world.organisation)
    in_thread(runner.run, crashed.id).join(10)
    in_thread(runner.run, next_one.id).join(10)
    assert [status(crashed), status(next_one)] == ["processing", "completed"]
    assert slots.take("local", 1, "job")
    assert slots.pass_on("local") is None
