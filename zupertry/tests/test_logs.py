"""Logs: one line an event, JSON where it is asked for, with the request's id; and never a secret."""

import json
import logging
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import gunicorn.config
import pytest

from zupertry.gunicorn import OurLogs
from zupertry.testing.images import jpeg
from zupertry.testing.live import until
from zupertry.testing.pictures import PictureServer, content, status
from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.service import ROOT, Service

SUCCESS = "https://test.zupertry.com/success.jpg"
PASSWORD = "a password of the tests"
REQUEST_ID = "a-request-of-the-tests"
UNKNOWN_KEY = "zt_live_sk_" + "Q" * 43
PICTURE_TOKEN = "a-token-in-a-picture-url"
HOOK_TOKEN = "a-token-in-a-webhook-url"

LOGGED = """
import logging, warnings
import django
django.setup()
from zupertry.core.requests import enter_request
import structlog
enter_request("a-request")
structlog.get_logger("ours").info("it_happened", job="job_1")
logging.getLogger("a.library").warning("with %s", "arguments")
logging.getLogger("a.library").debug("too fine")
warnings.warn("something is old\\nand of two lines")
try:
    password = "local-secret"
    raise ValueError("broken")
except ValueError:
    structlog.get_logger("ours").exception("it_broke")
"""


def logged(tmp_path: Path, log_format: str) -> list[str]:
    """Return the lines that a process writes in this format."""
    own = {"DJANGO_SETTINGS_MODULE": "zupertry.settings", "ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOGGED],
        cwd=ROOT,
        env={**own, "LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_as_json_every_record_is_one_object_on_one_line(tmp_path: Path) -> None:
    ours, library, warning, broken = [json.loads(line) for line in logged(tmp_path, "json")]
    assert (ours["event"], ours["level"], ours["logger"], ours["job"]) == ("it_happened", "info", "ours", "job_1")
    assert (library["event"], library["level"], library["logger"]) == ("with arguments", "warning", "a.library")
    assert (warning["level"], warning["logger"]) == ("warning", "py.warnings")
    assert broken["exception"].startswith("Traceback (most recent call last)")
    assert broken["exception"].endswith("ValueError: broken")
    for record in (ours, library, warning, broken):
        assert record["request_id"] == "a-request"
        assert record["timestamp"].endswith("Z")


def test_for_reading_a_record_says_the_same(tmp_path: Path) -> None:
    lines = logged(tmp_path, "console")
    assert "it_happened" in lines[0]
    assert "request_id=a-request" in lines[0]
    assert "job=job_1" in lines[0]
    assert "ValueError: broken" in lines[-1]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_values_of_variables(tmp_path: Path, log_format: str) -> None:
    """The line of code that holds the secret is no part of it either, unless it is what broke."""
    assert "local-secret" not in "\n".join(logged(tmp_path, log_format))


def test_gunicorn_writes_in_the_same_form(caplog: pytest.LogCaptureFixture) -> None:
    OurLogs(gunicorn.config.Config()).error("Worker (pid:%s) exited", 7)
    assert not logging.getLogger("gunicorn.error").handlers
    assert "Worker (pid:7) exited" in caplog.messages


@dataclass(frozen=True, slots=True)
class Run:
    """What a whole service wrote while things went well and badly, and what it must not have written."""

    lines: list[str]
    job_id: str
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("logs")
    environment = {
        "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
        "LOG_FORMAT": "json",
        "WEBHOOK_RETRY_SCHEDULE": "1",
        "SWEEP_INTERVAL_SECONDS": "1",
    }
    with Service(folder, environment) as service, PictureServer() as pictures:
        made = _bootstrap(service)
        url = pictures.add("/person.jpg", content(jpeg(), "image/jpeg"))
        answered = [204]
        with WebhookReceiver(lambda _: answered[0]) as receiver:
            job = _submit(service, made["test_key"], SUCCESS, receiver.url(f"/hook?token={HOOK_TOKEN}"))
            receiver.wait_for(1)
            finished = service.call("GET", f"/v1/jobs/{job}?wait=10", made["test_key"]).body
            answered[0] = 500
            _submit(
                service, made["live_key"], f"{pictures.add('/gone', status(404))}?token={PICTURE_TOKEN}", receiver.url()
            )
            receiver.wait_for(3)
        _provoke_refusals(service, made, finished["output_url"])
        _break_the_store(service, made["test_key"], f"{url}?token={PICTURE_TOKEN}")
    lines = [line for path in folder.glob("*.log") for line in path.read_text().splitlines()]
    return Run(lines, job, _secrets(service, made, finished["output_url"]))


def _bootstrap(service: Service) -> dict[str, str]:
    owner = ["--name", "Shop", "--email", "owner@example.com", "--password", PASSWORD, "--credits", "5", "--json"]
    made: dict[str, str] = json.loads(service.manage("bootstrap_org", *owner))
    return made


def _submit(service: Service, key: str, picture: str, webhook: str) -> str:
    body = {"model_image_url": picture, "garment_image_url": picture, "webhook_url": webhook}
    accepted = service.call("POST", "/v1/tryon", key, body, {"X-Request-Id": REQUEST_ID})
    assert accepted.status == 202, accepted.body
    return str(accepted.body["job_id"])


def _provoke_refusals(service: Service, made: dict[str, str], output_url: str) -> None:
    """Send keys in wrong places, wrong keys, credentials in URLs, and a link whose signature does not fit."""
    key = made["live_key"]
    assert service.call("GET", "/v1/account", UNKNOWN_KEY).status == 401
    assert service.call("GET", f"/v1/account?key={key}").status == 401
    assert service.call("GET", f"/v1/jobs?cursor={made['webhook_secret']}", key).status == 422
    refused = {"model_image_url": f"https://user:{PICTURE_TOKEN}@example.com/a.jpg", "garment_image_url": SUCCESS}
    assert service.call("POST", "/v1/tryon", key, refused).status == 422
    for url in (output_url, f"{output_url}0"):
        with suppress(urllib.error.HTTPError), urllib.request.urlopen(url) as answer:
            answer.read()


def _break_the_store(service: Service, key: str, picture: str) -> None:
    """Put a file where the folder of pictures was, and let a worker fall over it."""
    media = service.var_dir / "media"
    media.rename(service.var_dir / "aside")
    media.touch()
    body = {"model_image_url": picture, "garment_image_url": picture}
    assert service.call("POST", "/v1/tryon", key, body).status == 202
    until(lambda: any("Traceback" in path.read_text() for path in service.var_dir.glob("*.log")))
    until(lambda: service.call("GET", "/readyz").status == 503)


def _secrets(service: Service, made: dict[str, str], output_url: str) -> dict[str, str]:
    names = ["SECRET_KEY", "ENCRYPTION_KEYS"]
    return {
        **{name: made[name] for name in ("live_key", "test_key", "webhook_secret")},
        **{name: service.environment[name] for name in names},
        "the webhook secret's bytes": made["webhook_secret"].removeprefix("whsec_"),
        "the owner's password": PASSWORD,
        "an unknown key": UNKNOWN_KEY,
        "a link's signature": parse_qs(urlsplit(output_url).query)["signature"][0],
        "a token in a picture's URL": PICTURE_TOKEN,
        "a token in a webhook's URL": HOOK_TOKEN,
    }


def records(run: Run) -> list[dict[str, str]]:
    return [json.loads(line) for line in run.lines if line.startswith("{")]


def test_the_run_went_as_it_should_have(run: Run) -> None:
    """Else the rest would prove nothing."""
    events = {record["event"] for record in records(run)}
    assert {"request", "task", "job_ended", "webhook_attempt", "not_ready"} <= events
    assert any("Traceback" in record.get("exception", "") for record in records(run))
    assert {record["status"] for record in records(run) if record["event"] == "request"} >= {
        200,
        202,
        401,
        404,
        422,
        503,
    }


def test_a_service_logs_nothing_but_json(run: Run) -> None:
    """Apart from what Celery's programs and the command print before and after."""
    printed = [line for line in run.lines if not line.startswith("{")]
    assert [line for line in printed for word in ("Error", "Warning", "Traceback", "  File") if word in line] == []
    assert all(record.keys() >= {"event", "level", "logger", "timestamp"} for record in records(run))


def test_the_requests_id_follows_a_job_to_its_worker_and_its_webhook(run: Run) -> None:
    of_the_request = {record["event"] for record in records(run) if record.get("request_id") == REQUEST_ID}
    assert of_the_request >= {"request", "task", "job_ended", "webhook_attempt"}
    ended = [record for record in records(run) if record["event"] == "job_ended" and record["job"] == run.job_id]
    assert [record["status"] for record in ended] == ["completed"]


def test_no_secret_is_ever_logged(run: Run) -> None:
    everything = "\n".join(run.lines)
    found = [name for name, secret in run.secrets.items() if secret in everything]
    assert found == []
