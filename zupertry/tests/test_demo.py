"""`make demo` and `make run`, as somebody meets them for the first time."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tryon.samples import sample_bytes
from zupertry.testing.images import jpeg
from zupertry.testing.service import ROOT, free_port

BANNER_SECONDS = 30.0
STOP_SECONDS = 10.0
BANNER_END = "Stop: Ctrl-C"


def environment(var_dir: Path, port: int) -> dict[str, str]:
    """Return a first visitor's environment: a path, a place of its own, and no setting."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "VAR_DIR": str(var_dir), "PORT": str(port), "ZUPERTRY_ENV_FILE": "", "LANG": "C.UTF-8"}


def demo(var_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env=environment(var_dir, free_port()),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_demo_dresses_the_person_and_says_what_happened(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "person.jpg").write_bytes(sample_bytes("model"))
    for name in ("try-on.jpg", "try-on-test-mode.jpg"):
        with Image.open(tmp_path / "demo" / name) as picture, Image.open(tmp_path / "person.jpg") as person:
            picture.load()
            assert picture.size == person.size
        assert str(tmp_path / "demo" / name) in done.stdout
    assert done.stdout.count("POST /v1/tryon → 202 job_") == 2
    assert done.stdout.count("→ completed after") == 2
    assert "2 webhooks came in, and both signatures of each are right" in done.stdout
    assert "9 credits are left: the live job took one, the test job none" in done.stdout
    assert (tmp_path / "demo" / "try-on.jpg").read_bytes() != (tmp_path / "demo" / "try-on-test-mode.jpg").read_bytes()


def test_a_picture_of_ones_own_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = demo(tmp_path, "--person", str(tmp_path / "nobody.jpg"))
    assert done.returncode == 1
    assert done.stderr.strip() == f"CommandError: {tmp_path}/nobody.jpg can't be read: No such file or directory."


@pytest.mark.slow
def test_a_picture_without_a_person_fails_in_a_sentence(tmp_path: Path) -> None:
    wall = tmp_path / "wall.jpg"
    wall.write_bytes(jpeg(400, 500))
    done = demo(tmp_path, "--person", str(wall), "--garment", str(wall))
    assert done.returncode == 1
    assert re.fullmatch(r"CommandError: person_not_found: .+\.", done.stderr.strip()), done.stderr


@contextmanager
def running(var_dir: Path, port: int) -> Iterator[str]:
    """Start what `make run` starts, give its banner, and stop it as a supervisor would."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--demo"],
        cwd=ROOT,
        env=environment(var_dir, port),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    last_resort = threading.Timer(BANNER_SECONDS, os.killpg, [process.pid, signal.SIGKILL])
    last_resort.start()
    try:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if BANNER_END in line:
                break
        last_resort.cancel()
        yield "".join(lines)
    finally:
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
        assert time.monotonic() - started < STOP_SECONDS


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "var"


@pytest.fixture(scope="module")
def starts(var_dir: Path) -> list[tuple[str, str]]:
    """Start twice; return the banner of each start, and what its curl line answered when pasted into a shell."""
    return [_start(var_dir, free_port()) for _ in range(2)]


def _start(var_dir: Path, port: int) -> tuple[str, str]:
    with running(var_dir, port) as banner:
        line = re.search(r"^ +curl .*?\}'$", banner, re.MULTILINE | re.DOTALL)
        assert line, banner
        command = ["bash", "-c", f"{line[0]} -w '\\n%{{http_code}}' --retry 20 --retry-connrefused"]
        pasted = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return banner.replace(str(port), "PORT"), pasted.stdout


def test_the_banner_says_where_it_is_and_gives_the_keys(starts: list[tuple[str, str]], var_dir: Path) -> None:
    banner = starts[0][0]
    kept = json.loads((var_dir / "demo.json").read_text())
    assert "Zupertry is up: http://localhost:PORT\n" in banner
    for name in ("live_key", "test_key", "webhook_secret"):
        assert kept[name] in banner
    assert "http://localhost:PORT/docs/api" in banner
    assert f"such as the code to sign up with, are files in {var_dir}/mail\n" in banner


def test_the_keys_are_kept_for_their_owner_alone(starts: list[tuple[str, str]], var_dir: Path) -> None:
    for name in ("demo.json", "secret_key", "encryption_keys"):
        assert stat.S_IMODE((var_dir / name).stat().st_mode) == 0o600, name


def test_the_line_to_paste_submits_a_job(starts: list[tuple[str, str]]) -> None:
    for _, answered in starts:
        body, _, status = answered.rpartition("\n")
        assert status == "202", answered
        assert json.loads(body)["status"] == "pending"


def test_a_second_start_keeps_the_keys(starts: list[tuple[str, str]]) -> None:
    assert starts[0][0] == starts[1][0]
