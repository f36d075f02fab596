"""What a process does that has run out of memory: it ends in order, so that another takes its place.

Whatever starts the processes starts it anew. One that went on would take jobs, and fail each of them.
"""

import os
import signal

import structlog

log = structlog.get_logger(__name__)


def is_starvation(error: BaseException) -> bool:
    """Say whether an error comes of too little memory: a thread that can't be started has none for its stack."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    )


def end_process() -> None:
    """Have this process stop as if it had been told to: it hands back what it has in hand."""
    log.critical("out_of_memory", advice="Give the worker more memory, or a smaller WORKER_CONCURRENCY.")
    os.kill(os.getpid(), signal.SIGTERM)
