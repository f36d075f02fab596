"""The child process of the local engine: `python -m tryon.engines.local.child`.

It dresses one person per request, read from stdin and answered on stdout as `frames` says, until stdin ends, which it
does when the parent dies. It imports no Django and needs no settings.
"""

import gc
import os
import resource
import signal
import sys
import traceback
from typing import IO

import cv2

from tryon.engines.base import EngineError, Picture

from . import frames
from .picture import decode, encode
from .pipeline import dress

_THREADS = 2
"""More would not finish sooner on small machines, and would starve the web process."""


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = _own_streams()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to the whole process group; the parent decides
    cv2.setNumThreads(_THREADS)
    while (request := frames.read(requests)) is not None:
        frames.write(answers, answer(request))
        gc.collect()


def answer(request: frames.Message) -> frames.Message:
    """Return the dressed picture, or the error; either way with the process's peak memory in bytes."""
    try:
        return frames.Message((make(*request.pictures),), {"peak_memory": _peak_memory()})
    except EngineError as error:
        refusal = error
    except Exception:  # whatever went wrong is the parent's to report
        refusal = EngineError(
            "engine_error", "The try-on failed.", permanent=False, detail=traceback.format_exc(limit=-5)
        )
    return frames.Message((), _as_facts(refusal) | {"peak_memory": _peak_memory()})


def make(person: Picture, garment: Picture) -> Picture:
    """Return the person wearing the garment, marked as a preview. Raises EngineError."""
    garment_rgb, garment_alpha = decode(garment)
    return encode(dress(decode(person)[0], garment_rgb, garment_alpha), person.content_type)


def _as_facts(error: EngineError) -> dict[str, object]:
    return {
        "code": error.code,
        "message": error.message,
        "permanent": error.permanent,
        "detail": error.detail,
    }


def _own_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Take stdin and stdout for the messages; whatever a library prints goes to stderr instead."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


def _peak_memory() -> int:
    """Return the most memory the process has held, in bytes; macOS counts in bytes and Linux in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
