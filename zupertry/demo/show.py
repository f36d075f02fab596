"""The main job, as an integrator's program would do it: submit, wait, take the webhook, download the picture."""

import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tryon.samples import sample_bytes
from zupertry.bootstrap import Bootstrapped
from zupertry.testing.pictures import PictureServer, content
from zupertry.testing.receiver import Received, WebhookReceiver
from zupertry.testing.service import Service

CREDITS = 10
JOB_SECONDS = 120.0
POLL_SECONDS = 0.2
# Nothing of the surroundings: a database, broker, store and engine of the demo's own, and pictures from this machine.
ENVIRONMENT = {
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "CELERY_BROKER_URL": "",
    "STORAGE": "file",
    "TRYON_ENGINE": "local",
    "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
    "LOG_FORMAT": "console",
}

Say = Callable[[str], object]


class DemoFailed(Exception):
    """Something did not happen as it should; the text says what."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job on its way, and the name its picture gets."""

    job_id: str
    key: str
    picture: Path


def show(person: Path | None, garment: Path | None, folder: Path, say: Say) -> None:
    """Run the demo and keep its pictures in `folder`. Raises `DemoFailed`, unless everything happened."""
    pictures = {"/person": _bytes(person, "model"), "/garment": _bytes(garment, "garment")}
    folder.mkdir(parents=True, exist_ok=True)
    say("Starting a service of its own …")
    with Service(folder / "service", ENVIRONMENT) as service, PictureServer() as server, WebhookReceiver() as receiver:
        urls = {path: server.add(path, content(data, "application/octet-stream")) for path, data in pictures.items()}
        organisation = service.bootstrap(credits_=CREDITS, name="Demo")
        say(f"  {service.url}, organisation {organisation.org_id}, {CREDITS} credits")
        body = {
            "model_image_url": urls["/person"],
            "garment_image_url": urls["/garment"],
            "webhook_url": receiver.url(),
        }
        submitted = [
            _submit(service, organisation.live_key, body, folder / "try-on", say),
            _submit(service, organisation.test_key, body, folder / "try-on-test-mode", say),
        ]
        saved = [_follow(service, job, say) for job in submitted]
        _check_webhooks(receiver, organisation, submitted, say)
        _check_credits(service, organisation, say)
    say("\nDone. The pictures:")
    for path in saved:
        say(f"  {path}")


def _bytes(path: Path | None, role: Any) -> bytes:
    if path is None:
        return sample_bytes(role)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DemoFailed(f"{path} can't be read: {error.strerror}.") from error


def _submit(service: Service, key: str, body: dict[str, str], picture: Path, say: Say) -> Submitted:
    answer = service.call("POST", "/v1/tryon", key, body)
    if answer.status != 202:
        raise DemoFailed(f"The job was refused: {answer.body['error']['message']}")
    say(f"POST /v1/tryon → 202 {answer.body['job_id']} ({answer.body['mode']})")
    return Submitted(answer.body["job_id"], key, picture)


def _follow(service: Service, job: Submitted, say: Say) -> Path:
    """Poll until the job has ended, telling each state; save its picture and return the path."""
    started, last = time.monotonic(), ""
    while time.monotonic() - started < JOB_SECONDS:
        seen: dict[str, Any] = service.call("GET", f"/v1/jobs/{job.job_id}", job.key).body
        if seen["status"] != last:
            last = seen["status"]
            say(f"GET /v1/jobs/{job.job_id} → {last} after {time.monotonic() - started:.1f} s")
        if last == "completed":
            return _save(seen["output_url"], job.picture)
        if last == "failed":
            raise DemoFailed(f"{seen['error_code']}: {seen['error_message']}")
        time.sleep(POLL_SECONDS)
    raise DemoFailed(f"The job {job.job_id} has not ended after {JOB_SECONDS:g} s.")


def _save(url: str, picture: Path) -> Path:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  (a link that our own service signed)
        suffix = ".png" if answer.headers["Content-Type"] == "image/png" else ".jpg"
        path = picture.with_suffix(suffix)
        path.write_bytes(answer.read())
    return path


def _check_webhooks(receiver: WebhookReceiver, organisation: Bootstrapped, jobs: list[Submitted], say: Say) -> None:
    received = receiver.wait_for(len(jobs))
    told = {_verified(webhook, organisation.webhook_secret)["data"]["job_id"] for webhook in received}
    if told != {job.job_id for job in jobs}:
        raise DemoFailed("The webhooks are not about the two jobs.")
    say(f"{len(received)} webhooks came in, and both signatures of each are right")


def _verified(webhook: Received, secret: str) -> dict[str, Any]:
    expected = hmac.new(secret.encode(), webhook.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, webhook.headers["x-zupertry-signature"]):
        raise DemoFailed("X-Zupertry-Signature does not fit the body.")
    try:
        body: dict[str, Any] = Webhook(secret).verify(webhook.body, webhook.headers)
    except WebhookVerificationError as error:
        raise DemoFailed(f"webhook-signature does not fit: {error}") from error
    return body


def _check_credits(service: Service, organisation: Bootstrapped, say: Say) -> None:
    account = service.call("GET", "/v1/account", organisation.live_key).body
    if (account["credits"], account["credits_reserved"]) != (CREDITS - 1, 0):
        raise DemoFailed(
            f"{account['credits']} credits are left and {account['credits_reserved']} held; not as it should be."
        )
    report = json.loads(service.manage("check_ledger", "--json"))
    if report["differences"]:
        raise DemoFailed(f"The ledger differs: {report['differences']}")
    say(f"{account['credits']} credits are left: the live job took one, the test job none")
