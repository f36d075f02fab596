"""The engine that runs on this machine: a child process does the work, so that the web process stays small and safe."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tryon.engines.base import Engine, EngineError, Picture, TryOn

from . import frames

MEMORY_LIMIT = 1_000_000_000
"""Bytes that the child may hold between calls before another one takes its place."""

_ROOT = Path(__file__).resolve().parents[3]
_GOODBYE = 2.0
"""Seconds that a child has to end by itself once its stdin is closed."""


class LocalEngine(Engine):
    """Warps the garment on to the photo, in seconds and on the CPU alone. One call at a time; the next ones wait."""

    max_parallel = 1

    def __init__(self, memory_limit: int = MEMORY_LIMIT) -> None:
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, or None while there is none."""
        child = self._child
        return child.pid if child is not None else None

    def try_on(self, person: Picture, garment: Picture, *, timeout: float) -> TryOn:
        """Return the person wearing the garment, in the photo's own size and kind.

        `timeout` is in seconds and includes the wait for calls before this one. Raises EngineError.
        """
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=max(timeout, 0)):
            raise _too_late()
        try:
            answer = self._ask(frames.Message((person, garment)), deadline)
        finally:
            self._lock.release()
        if not answer.pictures:
            facts = answer.facts
            raise EngineError(facts["code"], facts["message"], permanent=facts["permanent"], detail=facts["detail"])
        return TryOn(answer.pictures[0])

    def close(self) -> None:
        """End the child process at once, and so a call that it is busy with; the next call starts another."""
        if child := self._child:
            child.kill()
        with self._lock:
            self._end()

    def _ask(self, request: frames.Message, deadline: float) -> frames.Message:
        """Send one request and return its answer; a child that is late or dies is done with."""
        child = self._running()
        late = threading.Event()
        timer = threading.Timer(max(deadline - time.monotonic(), 0), _kill, (child, late))
        timer.start()
        try:
            answer = _exchange(child, request)
        except (OSError, EOFError) as error:
            self._end()
            if late.is_set():
                raise _too_late() from error
            raise _crashed(child.returncode) from error
        finally:
            timer.cancel()
        if late.is_set() or _memory(child.pid, answer) > self._memory_limit:
            self._end()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = _start()
        return self._child

    def _end(self) -> None:
        """Close the child's stdin, which ends it, kill it if it does not, and wait for it so that no zombie stays."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(OSError):  # what was left to flush has no reader any more
            child.stdin.close()
        try:
            child.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _start() -> subprocess.Popen[bytes]:
    """Start a child with an environment that holds no secrets."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    environment |= {"PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "tryon.engines.local.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment,
        )
    except OSError as error:
        raise EngineError(
            "engine_error", "The try-on could not be started.", permanent=False, detail=str(error)
        ) from error


def _exchange(child: subprocess.Popen[bytes], request: frames.Message) -> frames.Message:
    assert child.stdin is not None
    assert child.stdout is not None
    frames.write(child.stdin, request)
    answer = frames.read(child.stdout)
    if answer is None:
        raise EOFError("The child process ended without an answer.")
    return answer


def _kill(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    child.kill()


def _memory(pid: int, answer: frames.Message) -> int:
    """Return the bytes the child holds now; where the system does not tell, the most it has ever held."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return int(answer.facts["peak_memory"])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _too_late() -> EngineError:
    return EngineError("engine_timeout", "The try-on took too long. Please try again.", permanent=False)


def _crashed(status: int | None) -> EngineError:
    return EngineError(
        "engine_error", "The try-on failed. Try again.", permanent=False, detail=f"The child process ended: {status}."
    )
