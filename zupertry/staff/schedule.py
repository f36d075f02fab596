"""Periodic tasks: django-celery-beat's own pages, which ask why, and without what nothing here uses."""

from typing import Any

from celery import current_app
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django_celery_beat.admin import CrontabScheduleAdmin, IntervalScheduleAdmin, PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)
from kombu.exceptions import OperationalError
from kombu.utils.json import loads

from accounts import audit
from accounts.staff.actions import Order, StaffAction, WithReason
from accounts.staff.admin import ReasonedSaves, StaffAdmin
from zupertry.core.errors import Refusal

MAY_CHANGE = "django_celery_beat.change_periodictask"
OF_SETTINGS = "The settings: at its next start beat takes the schedule from there. What is switched off stays off."
OF_STAFF = "This page."


@transaction.atomic
def switch(task: PeriodicTask, order: Order, *, on: bool) -> str:
    """Switch a task on or off, as staff wish. Raises `Refusal` when it is so already."""
    words = "on" if on else "off"
    changes = {"enabled": True} if on else {"enabled": False, "last_run_at": None}
    if not PeriodicTask.objects.filter(pk=task.pk, enabled=not on).update(**changes):
        raise Refusal("validation_error", f"It is switched {words} already.")
    PeriodicTasks.update_changed()
    audit.record(None, order.actor, f"periodictask.switched_{words}", str(task.pk), order.reason, name=task.name)
    return f"Switched {words}."


def run_now(task: PeriodicTask, order: Order) -> str:
    """Have a worker run a task now, beside its schedule. Raises `Refusal` when the broker does not take it."""
    options = {"queue": task.queue} if task.queue else {}
    try:
        current_app.send_task(task.task, loads(task.args), loads(task.kwargs), retry=False, **options)
    except OperationalError as error:
        raise Refusal("service_unavailable", "The broker did not take it, so it does not run. Try again.") from error
    # Only now, so that the log has nothing that the broker refused.
    audit.record(None, order.actor, "periodictask.run", str(task.pk), order.reason, name=task.name)
    return "Handed to a worker."


class TaskForm(WithReason, PeriodicTaskForm):  # type: ignore[misc]  # the package is not annotated
    """Beat's own form, which asks why."""


class TaskAdmin(ReasonedSaves, StaffAdmin, PeriodicTaskAdmin):  # type: ignore[misc]
    """What runs by the clock. Two beats at once do no harm, nor does a task that runs twice."""

    form = TaskForm
    # Beat's own page has a script in it, which our policy refuses.
    change_form_template = None
    date_hierarchy = None
    actions = ()
    list_display = ["name", "task", "enabled", "scheduler", "last_run_at", "total_run_count"]
    list_filter = ["enabled"]
    ordering = ["name"]
    search_fields = ["name", "task"]
    search_help_text = "The name of a periodic task, or of what it runs, in full."
    readonly_fields = ["last_run_at", "total_run_count", "kept_by"]
    fieldsets = [
        (None, {"fields": ["name", "regtask", "task", "enabled", "description"]}),
        ("Schedule", {"fields": ["interval", "crontab", "start_time", "one_off", "last_run_at", "kept_by"]}),
        ("Arguments", {"fields": ["args", "kwargs"]}),
        ("Execution", {"fields": ["expires", "expire_seconds", "queue", "priority"]}),
    ]
    staff_actions = [
        StaffAction(
            name="on",
            label="Switch on",
            permission=MAY_CHANGE,
            explanation="Beat runs it by its schedule from now on.",
            perform=lambda task, order: switch(task, order, on=True),
            many=True,
            offered=lambda task: not task.enabled,
        ),
        StaffAction(
            name="off",
            label="Switch off",
            permission=MAY_CHANGE,
            explanation=(
                "Beat does not run it any more, until somebody switches it on. Without the sweeps, what a lost broker "
                "or a killed worker left behind stays undone."
            ),
            perform=lambda task, order: switch(task, order, on=False),
            many=True,
            offered=lambda task: task.enabled,
        ),
        StaffAction(
            name="run",
            label="Run now",
            permission=MAY_CHANGE,
            explanation="Hands it to a worker once, now. Its schedule stays as it is.",
            perform=run_now,
            many=True,
        ),
    ]

    @admin.display(description="schedule is kept by")
    def kept_by(self, task: PeriodicTask) -> str:
        """Whether a change of the schedule lasts."""
        return OF_SETTINGS if task.name in settings.CELERY_BEAT_SCHEDULE else OF_STAFF


class IntervalAdmin(ReasonedSaves, StaffAdmin, IntervalScheduleAdmin):  # type: ignore[misc]
    """Every so many seconds, minutes, hours or days."""

    ordering = ["pk"]


class CrontabAdmin(ReasonedSaves, StaffAdmin, CrontabScheduleAdmin):  # type: ignore[misc]
    """At certain minutes of certain days."""

    ordering = ["pk"]


def register(site: Any) -> None:
    """Put these pages in the place of beat's own."""
    for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
        site.unregister(model)
    site.register(PeriodicTask, TaskAdmin)
    site.register(IntervalSchedule, IntervalAdmin)
    site.register(CrontabSchedule, CrontabAdmin)
