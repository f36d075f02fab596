"""Periodic tasks: who changes them, and that it is written down."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from accounts.models import AuditEntry
from zupertry.testing.broker import Woken, broker_at, drain, listener
from zupertry.testing.page import parse
from zupertry.testing.staff import make_staff, staff_client

pytestmark = pytest.mark.django_db
TASKS = "/admin/django_celery_beat/periodictask/"


@pytest.fixture
def interval() -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=30, period="seconds")


@pytest.fixture
def task(interval: IntervalSchedule) -> PeriodicTask:
    return PeriodicTask.objects.create(name="sweep-jobs", task="tryon.sweep", interval=interval)


@pytest.fixture
def staff() -> Client:
    return staff_client(make_staff("Engineering"))


def fields(task: PeriodicTask, **changes: object) -> dict[str, object]:
    kept = {"name": task.name, "task": task.task, "interval": task.interval_id, "enabled": "on"}
    return {**kept, "args": "[]", "kwargs": "{}", "reason": "Too often", **changes}


def do(client: Client, task: PeriodicTask, action: str) -> int:
    return client.post(f"{TASKS}do/{action}/?id={task.pk}", {"reason": "An outage", "token": "a" * 32}).status_code


def test_engineers_change_a_task_and_say_why(staff, task, interval):
    rarer = IntervalSchedule.objects.create(every=60, period="seconds")
    page = f"{TASKS}{task.pk}/change/"
    assert staff.post(page, fields(task, interval=rarer.pk, reason="")).status_code == 200
    assert staff.post(page, fields(task, interval=rarer.pk)).status_code == 302
    task.refresh_from_db()
    assert task.interval == rarer
    entry = AuditEntry.objects.get(action="periodictask.changed")
    assert (entry.organisation, entry.reason, entry.subject) == (None, "Too often", str(task.pk))
    assert entry.details["before"] == {"interval": str(interval.pk)}
    assert entry.details["after"] == {"interval": str(rarer.pk)}


def test_engineers_add_a_task_and_a_schedule(staff, task):
    added = {"every": 5, "period": "minutes", "reason": "A new sweep"}
    inline = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0}
    page = "/admin/django_celery_beat/intervalschedule/add/"
    assert staff.post(page, {**added, **inline}).status_code == 302
    made = IntervalSchedule.objects.get(every=5)
    assert staff.post(f"{TASKS}add/", fields(task, name="another", interval=made.pk)).status_code == 302
    actions = ["intervalschedule.added", "periodictask.added"]
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == actions


def test_a_task_is_switched_off_and_on_once(staff, task):
    for action, enabled in (("off", False), ("off", False), ("on", True)):
        assert do(staff, task, action) == 302
        task.refresh_from_db()
        assert task.enabled is enabled
    entries = AuditEntry.objects.order_by("pk").values_list("action", "reason")
    assert list(entries) == [("periodictask.switched_off", "An outage"), ("periodictask.switched_on", "An outage")]


def test_a_task_is_handed_to_a_worker_now(staff, task):
    drain()
    assert do(staff, task, "run") == 302
    assert drain() == [Woken("tryon.sweep", "")]
    assert AuditEntry.objects.get(action="periodictask.run").details == {"name": "sweep-jobs"}


def test_a_task_that_the_broker_did_not_take_is_not_said_to_have_run(staff, task):
    with listener(answers=False) as port, broker_at(port):
        said = staff.post(f"{TASKS}do/run/?id={task.pk}", {"reason": "An outage", "token": "a" * 32}, follow=True)
    assert "The broker did not take it, so it does not run." in said.content.decode()
    assert not AuditEntry.objects.exists()


def test_the_page_says_whether_a_changed_schedule_lasts(staff, task, interval):
    own = PeriodicTask.objects.create(name="ours", task="tryon.sweep", interval=interval)
    assert "beat takes the schedule from there" in staff.get(f"{TASKS}{task.pk}/change/").content.decode()
    assert "This page." in staff.get(f"{TASKS}{own.pk}/change/").content.decode()


def test_the_page_has_no_script_of_its_own(staff, task):
    """Beat's own page has one, which our policy refuses."""
    html = staff.get(f"{TASKS}{task.pk}/change/").content.decode()
    scripts = parse(html[html.index("<html") :]).all("script")
    assert scripts
    assert not [script for script in scripts if script.text.strip()]


@pytest.mark.parametrize("model", ["periodictask", "intervalschedule", "crontabschedule"])
@pytest.mark.parametrize(("group", "sees"), [("Support", False), ("Billing", False), ("Engineering", True)])
def test_engineers_alone_see_the_schedule_and_nobody_deletes(task, model, group, sees):
    CrontabSchedule.objects.create()
    client = staff_client(make_staff(group))
    page = f"/admin/django_celery_beat/{model}/"
    assert (client.get(page).status_code == 200) is sees
    assert (client.get(f"{page}add/").status_code == 200) is sees
    row = {"periodictask": PeriodicTask, "intervalschedule": IntervalSchedule, "crontabschedule": CrontabSchedule}
    pk = row[model].objects.first().pk
    assert (client.get(f"{page}{pk}/change/").status_code == 200) is sees
    assert client.post(f"{page}{pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    client.post(page, chosen)
    assert row[model].objects.filter(pk=pk).exists()


@pytest.mark.parametrize("action", ["on", "off", "run"])
@pytest.mark.parametrize("group", ["Support", "Billing"])
def test_nobody_else_does_anything_to_a_task(task, group, action):
    assert do(staff_client(make_staff(group)), task, action) == 403
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("model", ["solarschedule", "clockedschedule"])
def test_what_nothing_uses_is_not_there(model):
    client = staff_client(make_staff(superuser=True))
    assert client.get(f"/admin/django_celery_beat/{model}/").status_code == 404


def test_the_listing_takes_the_same_queries_for_any_number_of_tasks(staff, task, interval):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff.get(TASKS).status_code == 200
        return len(captured)

    few = queries()
    for number in range(50):
        PeriodicTask.objects.create(name=f"task-{number}", task="tryon.sweep", interval=interval)
    assert queries() == few < 20


def test_a_page_leads_to_what_was_done_to_its_row_and_to_no_other_of_the_same_number(staff, task, interval):
    PeriodicTask.objects.filter(pk=task.pk).update(id=interval.pk)
    task.pk = interval.pk
    do(staff, task, "off")
    of_task = staff.get(f"{TASKS}{task.pk}/history/", follow=True).context["cl"].result_list
    of_interval = staff.get(f"/admin/django_celery_beat/intervalschedule/{interval.pk}/history/", follow=True)
    assert [entry.action for entry in of_task] == ["periodictask.switched_off"]
    assert list(of_interval.context["cl"].result_list) == []
