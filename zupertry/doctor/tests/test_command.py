"""`manage.py doctor`: what it prints, and its exit status."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from zupertry.testing.imposters import silent_server
from zupertry.testing.live import on_several_processes, until
from zupertry.testing.service import ROOT, Service
from zupertry.tests.test_checks import PYTHON, environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(on_several_processes(), reason="the command is the same; this is about a laptop"),
]


def doctor(settings: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, "manage.py", "doctor", *options]
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60, check=False)


def canaries_answered(var_dir: Path) -> int:
    """Look into the service's database: asking the doctor takes as long as all that it looks at."""
    with closing(sqlite3.connect(var_dir / "zupertry.sqlite3")) as database:
        return int(database.execute("SELECT count(succeeded_at) FROM zupertry_canary").fetchone()[0])


def test_a_laptop_that_runs_and_one_that_does_not(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        until(lambda: canaries_answered(tmp_path) == 3)
        done = doctor(service.environment, "--json")
        report = json.loads(done.stdout)
        assert done.returncode == 0
        assert report["status"] == "ok"
        assert {line["status"] for line in report["findings"]} == {"ok"}
        queues = [line["found"] for line in report["findings"] if line["part"] == "queues"]
        assert [found.split()[0] for found in queues] == ["tryon", "webhooks", "default"]
        assert "fetched by its signed link" in done.stdout
    done = doctor(service.environment)
    assert done.returncode == 0
    assert "nothing goes through them while the service is not running" in done.stdout


def test_what_is_broken_has_a_line_and_the_exit_status_is_1(tmp_path: Path) -> None:
    """Even where no setting can be read, nothing is raised."""
    done = doctor(environment(tmp_path / "var", PORT="abc", DATABASE_URL="nonsense", EMAIL_URL="mail"))
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("broken ")] == ["PORT", "DATABASE_URL", "EMAIL_URL"]
    skipped = [line.split()[1] for line in lines if line.startswith("skipped ")]
    assert skipped == ["database", "migrations", "clock", "beat", "queues", "mail"]


def test_it_ends_although_a_library_goes_on_trying(tmp_path: Path) -> None:
    """The time limit here is that of the call."""
    with silent_server() as port:
        store = {"STORAGE": "s3", "STORAGE_BUCKET": "pictures", "AWS_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a secret of the tests"}
        done = doctor(environment(tmp_path / "var", **store, **keys))
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "storage" in line]
    assert "has not answered within 12 seconds" in line
