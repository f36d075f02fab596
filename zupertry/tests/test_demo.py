"""`make demo` and `make run`, as somebody who has just cloned the repository uses them."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from zupertry.testing.images import jpeg
from zupertry.testing.service import ROOT, free_port


def demo(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "demo", *arguments]
    environment = os.environ | {"VAR_DIR": str(var)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_bundled_pair_becomes_two_pictures_of_the_persons_size(tmp_path: Path):
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("try-on.jpg", "try-on-test-mode.jpg"):
        assert str(tmp_path / "demo" / name) in done.stdout
        with Image.open(tmp_path / "demo" / name) as picture:
            assert (picture.format, picture.size) == ("JPEG", (512, 600))
    assert "both signatures of each are right" in done.stdout
    assert "9 credits are left" in done.stdout


def test_a_photo_of_nobody_is_refused_in_words(tmp_path: Path):
    plain = tmp_path / "plain.jpg"
    plain.write_bytes(jpeg(640, 800))
    done = demo(tmp_path / "var", "--person", str(plain))
    assert done.returncode == 1
    assert "person_not_found: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    done = demo(tmp_path, "--garment", "nowhere.jpg")
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "CommandError: nowhere.jpg can't be read: No such file or directory.",
    )


def test_a_wrong_setting_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WEBHOOK_RETRY_SCHEDULE", "soon")
    done = demo(tmp_path)
    assert done.returncode == 1
    assert "WEBHOOK_RETRY_SCHEDULE is “soon”, but has to be seconds" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def running(var: Path) -> Iterator[str]:
    """Start what `make run` starts, and give what it greets with."""
    log = var.with_suffix(".log")
    own = {"VAR_DIR": str(var), "PORT": str(free_port()), "DATABASE_URL": "", "REDIS_URL": ""}
    with log.open("wb") as output:
        command = [sys.executable, "manage.py", "up", "--demo"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | own, stdout=output, stderr=output, start_new_session=True
        )
    try:
        end = time.monotonic() + 30
        while "Stop: Ctrl-C" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


def test_the_greetings_curl_line_works_when_pasted_and_the_keys_stay(tmp_path: Path):
    var = tmp_path / "var"
    with running(var) as greeting:
        line = re.search(r"^    curl -s .*?}'$", greeting, re.MULTILINE | re.DOTALL)
        assert line, greeting
        answered = subprocess.run(["bash", "-c", line[0]], capture_output=True, text=True, check=True)
        assert json.loads(answered.stdout)["status"] == "pending"
    keys = var / "demo.json"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    first = json.loads(keys.read_text())
    with running(var) as greeting:
        assert first["live_key"] in greeting
        assert first["test_key"] in greeting
