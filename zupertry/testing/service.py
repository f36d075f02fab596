"""The whole service as real processes, for tests that kill, stop and flood it, and for the demo.

On a laptop's settings that is `manage.py up`; with a `REDIS_URL` it is web, worker and beat, as in production.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Self

import redis

from zupertry.bootstrap import Bootstrapped
from zupertry.testing.databases import new_database

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 30.0
STOP_SECONDS = 15.0
RATE_LIMIT = 1_000_000
"""Requests a minute: more than any test makes."""
TOLD_LINES = 25
_ROUTINE = re.compile(r'"level": "info"|\[info *\]')


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer whose body is JSON."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Service:
    """Start it with a `with` block. `environment` is added to this process's own; logs go to `var_dir/NAME.log`."""

    var_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False)
    running: ClassVar[list["Service"]] = []

    def __post_init__(self) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.var_dir.mkdir(parents=True, exist_ok=True)
        own = {"VAR_DIR": str(self.var_dir), "PORT": str(self.port), "PUBLIC_URL": self.url, "ZUPERTRY_ENV_FILE": ""}
        self.environment = {**os.environ, **own, **self.environment}
        _own_data(self.environment)

    def __enter__(self) -> Self:
        self.running.append(self)
        try:
            for name in ("web", "worker", "beat") if self.environment.get("REDIS_URL") else ("up",):
                self.start(name)
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.ExitStack() as every:  # the others also when one does not stop
            every.callback(self.running.remove, self)
            for name in reversed(self.processes):
                every.callback(self.stop, name)

    def start(self, name: str, queues: str = "tryon,webhooks,default") -> subprocess.Popen[bytes]:
        """Start `up`, `web`, a beat (its name begins so), or a worker: any other name, with its queues."""
        python = sys.executable
        worker = [
            python,
            "-m",
            "celery",
            "-A",
            "zupertry",
            "worker",
            "-n",
            f"{name.replace(' ', '-')}@%h",
            "-Q",
            queues,
        ]
        commands = {
            "up": [python, "manage.py", "up"],
            "web": [python, "-m", "gunicorn", "-c", "python:zupertry.gunicorn", "zupertry.wsgi"],
            "beat": [python, "-m", "celery", "-A", "zupertry", "beat"],
        }
        with self._log(name) as log:
            process = subprocess.Popen(
                commands.get(name.split()[0], worker),
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def stop(self, name: str) -> int:
        """Tell a process group to stop, and return the exit status. Kills it after 15 s."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill_group(process)
            raise

    def kill(self, name: str) -> None:
        """End a process group at once, as a power cut would."""
        self._kill_group(self.processes.pop(name))

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed. Raises `CalledProcessError` when it fails."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr + done.stdout)
        return done.stdout

    def bootstrap(self, *, credits_: int = 100, name: str = "Alice & Co") -> Bootstrapped:
        """Make an organisation."""
        arguments = ["--name", name, "--email", f"{name.split()[0].lower()}@example.com", "--region", "EU", "--json"]
        limits = ["--credits", str(credits_), "--rate-limit", str(RATE_LIMIT)]
        return Bootstrapped(**json.loads(self.manage("bootstrap_org", *arguments, *limits)))

    def call(
        self, method: str, path: str, key: str = "", body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request with this key, and return the answer whatever its status."""
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, dict(answer.headers), json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), json.load(error))

    def wait_until_ready(self) -> None:
        """Return once requests are served. Raises `RuntimeError` if a process has ended, `TimeoutError` after 30 s."""
        end, ready = time.monotonic() + READY_SECONDS, False
        while time.monotonic() < end:
            with contextlib.suppress(OSError, ValueError):
                ready = self.call("GET", "/readyz").status == 200
            if dead := [name for name, process in self.processes.items() if process.poll() is not None]:
                raise RuntimeError(
                    f"{dead[0]} ended at once:\n" + (self.var_dir / f"{dead[0]}.log").read_text()[-4000:]
                )
            if ready:
                return
            time.sleep(0.05)
        raise TimeoutError(f"The service is not ready after {READY_SECONDS:g} s; see {self.var_dir}/*.log")

    def told(self) -> Iterator[tuple[str, str]]:
        """Give a title and text for each process: whether it runs, and the last of its log but for routine."""
        for name, process in self.processes.items():
            status = process.poll()
            state = "runs" if status is None else f"ended with status {status}"
            lines = (self.var_dir / f"{name}.log").read_text(errors="replace").splitlines()
            unusual = [line for line in lines if not _ROUTINE.search(line)]
            yield f"{name} {state}: {self.var_dir}/{name}.log", "\n".join(unusual[-TOLD_LINES:])

    def _log(self, name: str) -> IO[bytes]:
        return (self.var_dir / f"{name}.log").open("ab")

    @staticmethod
    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _own_data(environment: dict[str, str]) -> None:
    """Give the service a migrated database of its own, and an empty broker."""
    new_database(environment)
    if url := environment.get("REDIS_URL"):
        with redis.Redis.from_url(url) as broker:
            broker.flushdb()


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
