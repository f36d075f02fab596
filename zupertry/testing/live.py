"""The whole service with live jobs: Vertex, pictures and broker are its own, so that tests may slow and stop them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from zupertry.bootstrap import Bootstrapped
from zupertry.testing import images
from zupertry.testing.pictures import PictureServer, content
from zupertry.testing.servers import ValkeyServer
from zupertry.testing.service import Answer, Service
from zupertry.testing.vertex import VertexServer

CALLERS = 16
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Live:
    """A running service and its surroundings. `broker` is None where the service is one process."""

    service: Service
    vertex: VertexServer
    pictures: PictureServer
    broker: ValkeyServer | None

    @property
    def worker(self) -> str:
        """The name of the process that runs jobs."""
        return "worker" if self.broker else "up"

    def restart_worker(self, **environment: str) -> None:
        """Start the worker that was killed or stopped, with these settings besides."""
        self.service.environment.update(environment)
        self.service.start(self.worker)
        self.service.wait_until_ready()

    def empty_broker(self) -> None:
        """Lose every message, as a Redis does that restarts without its data."""
        assert self.broker is not None
        with redis.Redis.from_url(self.broker.url) as client:
            client.flushall()

    def submit(self, key: str, number: int = 1, **request: Any) -> list[str]:
        """Submit this many jobs, 16 at a time, and return their ids."""
        answers = self.submit_all(key, [request] * number)
        assert [answer.status for answer in answers] == [202] * number, answers
        return [answer.body["job_id"] for answer in answers]

    def submit_all(
        self, key: str, requests: Sequence[dict[str, Any]], *, callers: int = CALLERS, **headers: str
    ) -> list[Answer]:
        """Submit a job for each of `requests`, and return the answers in their order."""
        urls = {"model_image_url": self.pictures.url("/person.jpg"), "garment_image_url": self.pictures.url("/g.jpg")}

        def submit(request: dict[str, Any]) -> Answer:
            return self.service.call("POST", "/v1/tryon", key, {**urls, **request}, headers)

        with ThreadPoolExecutor(callers) as pool:
            return list(pool.map(submit, requests))

    def job(self, key: str, job_id: str) -> dict[str, Any]:
        """Return the job as the API shows it."""
        answer = self.service.call("GET", f"/v1/jobs/{job_id}", key)
        assert answer.status == 200, answer
        return dict(answer.body)

    def ended(self, key: str, ids: Sequence[str], seconds: float = 60.0) -> list[dict[str, Any]]:
        """Return the jobs once all have ended. Raises `TimeoutError`."""
        return self._once(key, ids, seconds, lambda job: job["status"] not in {"pending", "processing"})

    def delivered(self, key: str, ids: Sequence[str], seconds: float = 60.0) -> None:
        """Return once the webhook of each of these jobs has arrived. Raises `TimeoutError`."""
        self._once(key, ids, seconds, lambda job: job["webhook_status"] == "delivered")

    def _once(
        self, key: str, ids: Sequence[str], seconds: float, condition: Callable[[dict[str, Any]], bool]
    ) -> list[dict[str, Any]]:
        end, jobs = time.monotonic() + seconds, []
        # One after the other: asking for all of them again and again would keep the web from its work.
        for job_id in ids:
            while not condition(job := self.job(key, job_id)):
                if time.monotonic() > end:
                    raise TimeoutError(f"it did not come to pass: {job}; see {self.service.var_dir}/*.log")
                time.sleep(POLL_SECONDS)
            jobs.append(job)
        return jobs

    def credits_of(self, organisation: Bootstrapped) -> tuple[int, int]:
        """Return what is available and what is held."""
        account = self.service.call("GET", "/v1/account", organisation.live_key).body
        return account["credits"], account["credits_reserved"]


@contextmanager
def live_service(var_dir: Path, **environment: str) -> Iterator[Live]:
    """Start the service on the stack in use, with `environment` besides."""
    with ExitStack() as stack:
        vertex, pictures = stack.enter_context(VertexServer()), stack.enter_context(PictureServer())
        pictures.add("/person.jpg", content(images.jpeg(60, 80), "image/jpeg"))
        pictures.add("/g.jpg", content(images.jpeg(40, 40, images.BLUE), "image/jpeg"))
        var_dir.mkdir(parents=True, exist_ok=True)
        settings = {
            "TRYON_ENGINE": "vertex",
            "VERTEX_PROJECT": "test-project",
            "VERTEX_API_ENDPOINT": vertex.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(vertex.write_credentials(var_dir / "vertex.json")),
            "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SWEEP_INTERVAL_SECONDS": "1",
            **environment,
        }
        broker = stack.enter_context(ValkeyServer()) if on_several_processes() else None
        if broker:
            settings["REDIS_URL"] = broker.url
        yield Live(stack.enter_context(Service(var_dir, settings)), vertex, pictures, broker)


def on_several_processes() -> bool:
    """Say whether the stack in use runs web, worker and beat apart."""
    return bool(os.environ.get("REDIS_URL"))


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Return once the condition holds. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not come to pass in {seconds:g} s")
        time.sleep(0.1)
