"""What beat sends, and how often."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

Schedule = dict[str, dict[str, Any]]


def schedule(sweep_interval_seconds: int, queues: Sequence[str]) -> Schedule:
    """Return Celery's `beat_schedule`: sweeps, checks, and a canary through each queue."""
    sweep = timedelta(seconds=sweep_interval_seconds)
    return {
        "sweep-jobs": {"task": "tryon.sweep", "schedule": sweep},
        "delete-pictures": {"task": "tryon.delete_pictures", "schedule": sweep},
        "sweep-deliveries": {"task": "accounts.sweep", "schedule": sweep},
        "sweep-billing": {"task": "billing.sweep", "schedule": sweep},
        "sweep-deletions": {"task": "data.sweep", "schedule": timedelta(minutes=5)},
        "delete-expired-sessions": {"task": "accounts.delete_expired_sessions", "schedule": timedelta(minutes=5)},
        "reconcile-recent-payments": {"task": "billing.reconcile_recent", "schedule": timedelta(minutes=5)},
        "reconcile-payments": {"task": "billing.reconcile", "schedule": timedelta(days=1)},
        "check-ledger": {"task": "billing.check_ledger", "schedule": timedelta(days=1)},
    } | {
        f"canary-{queue}": {
            "task": "zupertry.canary",
            "schedule": timedelta(minutes=1),
            "args": (queue,),
            "options": {"queue": queue},
        }
        for queue in queues
    }
