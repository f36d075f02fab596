"""The clock of deletions: goes on with each that is due. One that stumbles keeps no other waiting."""

from collections.abc import Callable

import structlog
from django.utils import timezone

from accounts.models import Organisation
from zupertry.core import metrics
from zupertry.data import deletion, people

BATCH = 100

log = structlog.get_logger(__name__)


def sweep() -> dict[str, int]:
    """Go on with every deletion that is due, and return how many organisations and people are gone by it."""
    now = timezone.now()
    # Who is suspended waits: what staff look into must not vanish meanwhile.
    organisations = Organisation.objects.filter(deletion_due_at__lte=now, deleted_at=None, suspended_at=None)
    due = organisations.order_by("deletion_due_at").values_list("pk", flat=True)
    people_due = people.due(now).order_by("deletion_due_at").values_list("pk", flat=True)
    gone = {
        "organisations_deleted": sum(_went(deletion.go_on, pk) for pk in list(due[:BATCH])),
        "people_deleted": sum(_went(people.erase, pk) for pk in list(people_due[:BATCH])),
    }
    log.info("deletions_swept", **gone)
    metrics.swept(gone)
    return gone


def _went(go_on: Callable[[str], bool], pk: str) -> bool:
    try:
        return go_on(pk)
    except Exception:  # storage or a gateway is down, say
        log.exception("deletion_not_done", id=pk)
        return False
