"""Work that is woken by name: ids in, one domain call."""

import structlog
from celery import shared_task

from billing import replay

log = structlog.get_logger(__name__)


@shared_task(name="billing.check_ledger")
def check_ledger() -> None:
    """Replay every account, and log each difference as an error."""
    for difference in replay.differences():
        log.error("ledger_difference", **difference.as_dict())
