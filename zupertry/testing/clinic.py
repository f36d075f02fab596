"""A whole service in good health, with all that is outside of it, for the doctor to look at when a part is broken."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import psycopg
from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test.utils import override_settings
from moto.server import ThreadedMotoServer

from zupertry import canary
from zupertry.doctor import queues
from zupertry.doctor.examining import Line, examine
from zupertry.doctor.finding import Status
from zupertry.doctor.rounds import examinations
from zupertry.testing.environments import settings_in
from zupertry.testing.live import until
from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.servers import ValkeyServer
from zupertry.testing.service import Service
from zupertry.testing.smtp import MailServer
from zupertry.testing.stripe import StripeServer
from zupertry.testing.vertex import VertexServer

BUCKET = "zupertry-pictures"
SELLER = {
    "SELLER_NAME": "Zupertry Ltd",
    "SELLER_ADDRESS": "12 MG Road, Bengaluru",
    "SELLER_GSTIN": "29AAPFU0939F1ZR",
}
_UNCOMPRESSED = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}


@dataclass
class Clinic:
    """The service and its surroundings. `static_root` is where its static files are collected."""

    service: Service
    broker: ValkeyServer
    stripe: StripeServer
    razorpay: RazorpayServer
    mail: MailServer
    vertex: VertexServer
    static_root: Path

    def examine(self, seconds: float = 0, /, **changes: str) -> list[Line]:
        """Have the doctor look, with these variables changed in the environment of the service.

        `seconds` is the time limit of each examination, if not its own.
        """
        with self.in_environment(**changes), mock.patch.object(queues, "PING_SECONDS", 0.3):
            return examine([replace(one, seconds=seconds or one.seconds) for one in examinations()])

    def trouble(self, seconds: float = 0, /, **changes: str) -> dict[str, str]:
        """Return the lines that are neither ok nor skipped, by their part."""
        return {
            line.part: f"{line.finding.status}: {line.finding.found} {line.finding.advice}"
            for line in self.examine(seconds, **changes)
            if line.finding.status in (Status.BROKEN, Status.WARNING)
        }

    @contextmanager
    def in_environment(self, **changes: str) -> Iterator[None]:
        """Let this process have the service's environment, and the settings that follow from it.

        Threads that begin within have the service's database.
        """
        environment = {**self.service.environment, **changes}
        with settings_in(environment, STATIC_ROOT=self.static_root) as made:
            described = {**connections.settings["default"], **made["DATABASES"]["default"]}
            options = described.get("OPTIONS", {})
            # The pool of this process is one of the tests' own database.
            described["OPTIONS"] = {name: value for name, value in options.items() if name != "pool"}
            # So are the connections that this process has opened to a broker, by which workers are asked.
            mailbox: Any = vars(current_app.control)["mailbox"]
            with (
                mock.patch.dict(connections.settings, {"default": described}),
                mock.patch.object(mailbox, "_producer_pool", None),
            ):
                yield

    def sql(self, statement: str) -> None:
        """Run a statement in the service's database."""
        with psycopg.connect(self.service.environment["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(statement)

    def send_canaries(self) -> None:
        """Send one through each queue, as beat does a minute after its start, and wait until all were answered."""
        with self.in_environment():
            _on_a_thread(_send_canaries)
            until(lambda: all(trail.succeeded and not trail.unanswered for trail in _on_a_thread(canary.trails)))


def _send_canaries() -> None:
    with current_app.connection_for_write(settings.CELERY_BROKER_URL) as connection:
        for queue in canary.queues():
            current_app.send_task(canary.TASK, (queue,), queue=queue, connection=connection)


def _on_a_thread(work: Callable[[], Any]) -> Any:
    answers = []

    def run() -> None:
        try:
            answers.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


@contextmanager
def open_clinic(folder: Path) -> Iterator[Clinic]:
    """Start it all. Nothing is wrong with it."""
    with ExitStack() as stack:
        vertex, mail = stack.enter_context(VertexServer()), stack.enter_context(MailServer())
        stripe, razorpay = stack.enter_context(StripeServer()), stack.enter_context(RazorpayServer())
        broker = stack.enter_context(ValkeyServer())
        folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "REDIS_URL": broker.url,
            "TRYON_ENGINE": "vertex",
            "VERTEX_PROJECT": "test-project",
            "VERTEX_API_ENDPOINT": vertex.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(vertex.write_credentials(folder / "vertex.json")),
            "STRIPE_SECRET_KEY": stripe.secret_key,
            "STRIPE_WEBHOOK_SECRET": stripe.sender.secret,
            "STRIPE_API_BASE": stripe.url,
            "RAZORPAY_KEY_ID": razorpay.key_id,
            "RAZORPAY_KEY_SECRET": razorpay.key_secret,
            "RAZORPAY_WEBHOOK_SECRET": razorpay.event_secret,
            "RAZORPAY_API_BASE": razorpay.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
            "SUPPORT_EMAIL": "help@example.com",
            **SELLER,
        }
        service = stack.enter_context(Service(folder, environment))
        with override_settings(STATIC_ROOT=folder / "static", STORAGES={**settings.STORAGES, **_UNCOMPRESSED}):
            call_command("collectstatic", interactive=False, verbosity=0)
        clinic = Clinic(service, broker, stripe, razorpay, mail, vertex, folder / "static")
        clinic.send_canaries()
        yield clinic


@contextmanager
def s3_bucket() -> Iterator[dict[str, str]]:
    """Run an S3 with a bucket, and give the variables that lead a service there."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "an S3 secret of the tests"}
    url = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **{k.lower(): v for k, v in keys.items()})
    client.create_bucket(Bucket=BUCKET)
    try:
        yield {**keys, "AWS_S3_ENDPOINT_URL": url, "STORAGE": "s3", "STORAGE_BUCKET": BUCKET}
    finally:
        server.stop()
