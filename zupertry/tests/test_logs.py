"""Logs: one line an event, JSON where it is asked for, with the request's id; and never a secret."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import gunicorn.config
import pytest

from zupertry.gunicorn import OurLogs
from zupertry.testing.service import ROOT

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


CRASHED = """
import logging, threading
import django
django.setup()
key = "zt_live_sk_" + "a" * 49
def crash():
    raise ValueError(f"with {key}")
thread = threading.Thread(target=crash, name="a thread")
thread.start()
thread.join()
logging.getLogger("a.library").error("%d of %d", key)
crash()
"""


def logged(tmp_path: Path, log_format: str, script: str = LOGGED) -> list[str]:
    """Return the lines that a process writes in this format."""
    own = {"DJANGO_SETTINGS_MODULE": "zupertry.settings", "ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**own, "LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        check=script == LOGGED,
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


def test_what_ends_a_thread_or_the_process_is_a_line_without_its_secrets(tmp_path: Path) -> None:
    thread, lost, process = [json.loads(line) for line in logged(tmp_path, "json", CRASHED)]
    assert (thread["event"], thread["thread"], thread["level"]) == ("thread_crashed", "a thread", "critical")
    assert (process["event"], process["level"]) == ("process_crashed", "critical")
    for record in (thread, process):
        assert record["exception"].endswith("ValueError: with zt_live_sk_[redacted]")
    assert (lost["event"], lost["logger"], lost["error"]) == ("line_lost", "a.library", "TypeError")


def test_gunicorn_writes_in_the_same_form(caplog: pytest.LogCaptureFixture) -> None:
    OurLogs(gunicorn.config.Config()).error("Worker (pid:%s) exited", 7)
    assert not logging.getLogger("gunicorn.error").handlers
    assert "Worker (pid:7) exited" in caplog.messages
