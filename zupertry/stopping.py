"""How a worker stops: it finishes what it can within a few seconds, and hands the rest to another worker."""

import os
import threading
import time
from typing import Any

import structlog
from celery.signals import worker_shutting_down

from accounts.webhooks import in_flight as webhooks
from tryon.engines import registry
from tryon.leases import keeper
from tryon.runner import slots
from zupertry.core.wake import wake

GRACE_SECONDS = 5.0
LAST_SECONDS = 3.0

log = structlog.get_logger(__name__)


def finish_or_hand_back(seconds: float) -> bool:
    """Wait for the jobs and webhooks in flight, hand back what lasts longer than `seconds`. True: all had ended."""
    waited = slots.close()
    end = time.monotonic() + seconds
    while (len(slots) or len(webhooks.in_flight)) and time.monotonic() < end:
        time.sleep(0.05)
    unsent = webhooks.slots.close()  # Open until now: most that come in these seconds are sent in time.
    jobs, deliveries = keeper.hand_back(), webhooks.in_flight.hand_back()
    for job_id in waited + jobs:
        wake("tryon.run", job_id)
    for delivery_id in unsent + deliveries:
        wake("accounts.deliver", delivery_id)
    registry.close_all()
    log.info("worker_stopped", jobs_handed_back=len(jobs), webhooks_handed_back=len(deliveries))
    return not jobs and not deliveries


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """Bound the stop of a worker process, which would otherwise wait for its slowest task, or for the database."""
    last_resort = threading.Timer(GRACE_SECONDS + LAST_SECONDS, os._exit, [os.EX_OK])
    last_resort.daemon = True
    try:
        last_resort.start()
        threading.Thread(target=_hand_back_and_go, name="stop", daemon=True).start()
    except RuntimeError:  # no memory for a thread, and so nothing that would bound the stop
        log.exception("worker_stopped_at_once")
        os._exit(os.EX_UNAVAILABLE)


def _hand_back_and_go() -> None:
    if not finish_or_hand_back(GRACE_SECONDS):
        os._exit(os.EX_OK)
