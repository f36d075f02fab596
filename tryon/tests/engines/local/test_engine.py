"""The engine and its child process: one call at a time, a deadline, a memory limit, crashes, and no leftovers."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tryon.engines.base import Engine, EngineError, Picture, TryOn
from tryon.engines.local import LocalEngine, frames

from .conftest import as_picture, cut_out_pixels, decoded, portrait_pixels, shirt_pixels

_ENOUGH = 60.0
_PERSON, _GARMENT = as_picture(portrait_pixels(), "JPEG"), as_picture(shirt_pixels(), "JPEG")

_NOBODY = as_picture(np.full((90, 90, 3), 9, np.uint8))


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    engine = LocalEngine()
    yield engine
    engine.close()


def _ends(pid: int, seconds: float = 5.0) -> bool:
    """Wait until there is no such process, not even a zombie."""
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not psutil.pid_exists(pid)


def _child_at_work(engine: LocalEngine) -> int:
    """Let the engine refuse a picture, which takes it little time, and return the id of the child that did."""
    with pytest.raises(EngineError, match="No face"):
        engine.try_on(_NOBODY, _GARMENT, timeout=_ENOUGH)
    assert engine.child_pid is not None
    return engine.child_pid


def _rgba(rgb: np.ndarray, alpha: np.ndarray) -> Picture:
    return as_picture(np.dstack([rgb, np.rint(255 * alpha).astype(np.uint8)]))


def test_it_is_an_engine_for_one_call_at_a_time() -> None:
    assert isinstance(LocalEngine(), Engine)
    assert LocalEngine.max_parallel == 1


@pytest.fixture(scope="module")
def made(engine: LocalEngine) -> TryOn:
    return engine.try_on(_PERSON, _GARMENT, timeout=_ENOUGH)


def test_the_answer_has_the_photos_size_and_kind_without_chroma_subsampling_and_says_what_it_is(made: TryOn) -> None:
    assert (made.picture.content_type, made.picture.width, made.picture.height) == ("image/jpeg", 512, 512)
    with Image.open(io.BytesIO(made.picture.data)) as image:
        assert image.size == (512, 512)
        assert image.info["comment"] == b"Zupertry preview"
        assert image.getexif()[0x0131] == "Zupertry preview"
        assert [layer[1:3] for layer in getattr(image, "layer")] == [(1, 1)] * 3  # noqa: B009  (Pillow does not type it)


def test_the_same_pictures_give_the_same_bytes_even_in_another_child(engine: LocalEngine, made: TryOn) -> None:
    engine.close()
    assert engine.try_on(_PERSON, _GARMENT, timeout=_ENOUGH) == made


def test_the_preview_mark_is_in_a_lower_corner_and_nothing_else_changes_far_from_the_body(engine: LocalEngine) -> None:
    photo = np.full((700, 1000, 3), 180, np.uint8)
    photo[188:, 200:712] = portrait_pixels()
    made = engine.try_on(as_picture(photo), _GARMENT, timeout=_ENOUGH).picture
    assert made.content_type == "image/png"
    with Image.open(io.BytesIO(made.data)) as image:
        assert image.info["Software"] == "Zupertry preview"
    changed = (decoded(made.data) != photo).any(axis=2)
    assert changed[660:, 900:].any(), "the mark"
    assert not changed[:640, 760:].any()
    assert not changed[:, :180].any()


def test_a_transparent_garment_is_cut_out_by_its_alpha(engine: LocalEngine) -> None:
    made = engine.try_on(as_picture(portrait_pixels()), _rgba(*cut_out_pixels()), timeout=_ENOUGH)
    assert (decoded(made.picture.data) != portrait_pixels()).any(axis=2).mean() > 0.1


@pytest.mark.parametrize(
    ("person", "garment", "code"),
    [(_GARMENT, _GARMENT, "person_not_found"), (_PERSON, _NOBODY, "garment_not_found")],
    ids=["person", "garment"],
)
def test_refusals_come_back_as_engine_errors(engine: LocalEngine, person: Picture, garment: Picture, code: str) -> None:
    with pytest.raises(EngineError) as refusal:
        engine.try_on(person, garment, timeout=_ENOUGH)
    assert refusal.value.code == code
    assert refusal.value.permanent
    assert refusal.value.message.count(".") >= 2, "what is wrong, and what would work"


def test_an_unreadable_picture_is_an_error_and_not_the_end_of_the_child(engine: LocalEngine) -> None:
    with pytest.raises(EngineError) as error:
        engine.try_on(Picture(b"no picture", "image/jpeg", 1, 1), _GARMENT, timeout=_ENOUGH)
    assert (error.value.code, error.value.permanent) == ("engine_error", False)
    assert "UnidentifiedImageError" in error.value.detail
    pid = engine.child_pid
    assert _child_at_work(engine) == pid


def test_a_killed_child_is_replaced(engine: LocalEngine) -> None:
    pid = _child_at_work(engine)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert _child_at_work(engine) != pid
    assert _ends(pid)


def test_a_child_that_dies_at_work_is_an_error_that_may_pass(engine: LocalEngine) -> None:
    pid = _child_at_work(engine)
    killer = threading.Timer(0.4, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(EngineError) as error:
        engine.try_on(_PERSON, _GARMENT, timeout=_ENOUGH)
    killer.join()
    assert (error.value.code, error.value.permanent) == ("engine_error", False)
    assert str(-signal.SIGKILL) in error.value.detail
    assert _child_at_work(engine) != pid


def test_the_deadline_kills_the_child(engine: LocalEngine) -> None:
    pid = _child_at_work(engine)
    started = time.monotonic()
    with pytest.raises(EngineError) as error:
        engine.try_on(_PERSON, _GARMENT, timeout=0.3)
    assert time.monotonic() - started < 3
    assert (error.value.code, error.value.permanent) == ("engine_timeout", False)
    assert _ends(pid)
    assert _child_at_work(engine) != pid


def test_waiting_for_another_call_counts_against_the_timeout(engine: LocalEngine) -> None:
    _child_at_work(engine)
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(engine.try_on, _PERSON, _NOBODY, timeout=_ENOUGH)
        time.sleep(0.1)
        with pytest.raises(EngineError) as error:
            engine.try_on(_PERSON, _GARMENT, timeout=0.1)
        assert error.value.code == "engine_timeout"
        with pytest.raises(EngineError) as first:
            busy.result()
    assert first.value.code == "garment_not_found", "the call that was first has gone on"


def test_a_child_above_its_memory_limit_is_replaced() -> None:
    engine = LocalEngine(memory_limit=1)
    try:
        for _ in range(2):
            with pytest.raises(EngineError, match="No face"):
                engine.try_on(_NOBODY, _GARMENT, timeout=_ENOUGH)
            assert engine.child_pid is None
    finally:
        engine.close()


def test_closing_leaves_no_process_and_the_engine_works_again(engine: LocalEngine) -> None:
    pid = _child_at_work(engine)
    engine.close()
    engine.close()
    assert not psutil.pid_exists(pid)
    assert _child_at_work(engine) != pid


def test_a_large_photo_stays_within_a_gigabyte() -> None:
    large = Image.fromarray(portrait_pixels()).resize((6320, 6320), Image.Resampling.BILINEAR)
    photo = as_picture(np.asarray(large), "JPEG")
    engine = LocalEngine()
    try:
        made = engine.try_on(photo, _GARMENT, timeout=_ENOUGH)
        assert (made.picture.width, made.picture.height) == (6320, 6320)
        status = Path(f"/proc/{engine.child_pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0])
        assert peak < 1_000_000
    finally:
        engine.close()


def test_the_parent_loads_no_numpy_and_the_child_no_django() -> None:
    for module, forbidden in (
        ("tryon.engines.local", ["numpy", "cv2", "PIL", "django"]),
        ("tryon.engines.local.child", ["django"]),
    ):
        code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in {forbidden}))"
        root = Path(__file__).parents[4]
        assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_child_inherits_no_secrets(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    engine.close()
    assert "SECRET_KEY" not in psutil.Process(_child_at_work(engine)).environ()


def test_the_child_ends_when_its_stdin_does() -> None:
    root = Path(__file__).parents[4]
    command = [sys.executable, "-m", "tryon.engines.local.child"]
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_prints_do_not_disturb_the_answers() -> None:
    code = "import os; from tryon.engines.local import child as c; s = c._own_streams(); print('x'); os.write(1, b'y')"
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert (done.stdout, sorted(done.stderr.split())) in ((b"", [b"x", b"y"]), (b"", [b"yx"]))


def test_messages_survive_the_pipe() -> None:
    stream = io.BytesIO()
    message = frames.Message((_PERSON, _GARMENT), {"code": "x", "peak_memory": 7})
    frames.write(stream, message)
    stream.seek(0)
    assert frames.read(stream) == message
    assert frames.read(stream) is None


def test_a_broken_message_is_no_message() -> None:
    stream = io.BytesIO()
    frames.write(stream, frames.Message((_PERSON,)))
    with pytest.raises(EOFError):
        frames.read(io.BytesIO(stream.getvalue()[:-1]))
