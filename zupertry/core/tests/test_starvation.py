"""A process that has run out of memory ends in order."""

import signal
import threading

import pytest

from zupertry.core.starvation import end_process, is_starvation


@pytest.mark.parametrize(
    ("error", "starved"),
    [
        (MemoryError(), True),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("cannot schedule new futures after shutdown"), False),
        (OSError("can't start new thread"), False),
    ],
)
def test_what_comes_of_too_little_memory(error: Exception, starved: bool) -> None:
    assert is_starvation(error) is starved


def test_the_words_are_those_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that no memory suffices for."""
    size = threading.stack_size(2**46)
    try:
        with pytest.raises(RuntimeError) as caught:
            threading.Thread(target=int).start()
    finally:
        threading.stack_size(size)
    assert is_starvation(caught.value)


def test_the_process_is_told_to_stop() -> None:
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        end_process()
        assert told.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)
