"""What each group may do to jobs, and what comes of it on the page."""

from functools import partial

import pytest

from accounts.models import AuditEntry, Mode
from billing import ledger
from tryon import jobs
from tryon.failures import failure
from tryon.models import Job
from zupertry.testing.jobs import claimed, completed, submitted
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.staff_pages import address, do, links, page_of, parsed

pytestmark = pytest.mark.django_db

GROUPS = {
    "Support": {"run-again", "cancel"},
    "Billing": {"refund"},
    "Engineering": {"run-again", "cancel", "fail"},
}
BEGIN = {"run-again": completed, "refund": completed, "cancel": submitted, "fail": claimed}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("action", BEGIN)
def test_each_group_may_do_what_its_work_needs(alice, group, action):
    client = staff_client(make_staff(group))
    job = BEGIN[action](alice)
    url = f"{address(Job, 'do', action)}?id={job.id}"
    allowed = action in GROUPS[group]
    assert (url in links(page_of(client, job))) is allowed
    assert client.get(url).status_code == (200 if allowed else 403)
    answer = client.post(url, {"reason": "A reason", "token": "0" * 32, "pays_again": "on"})
    assert answer.status_code == (302 if allowed else 403)
    after = Job.objects.get(id=job.id)
    changed = after.status != job.status or after.reruns.exists()
    assert changed is allowed
    done = AuditEntry.objects.filter(subject=job.id).exclude(action="job.pictures_viewed")
    assert {entry.reason for entry in done} == ({"A reason"} if allowed else set())
    assert [entry.actor for entry in done] == ([f"staff:{client.session['_auth_user_id']}"] if allowed else [])


def test_nothing_is_done_without_a_reason(staff, alice):
    job = completed(alice)
    url = f"{address(Job, 'do', 'refund')}?id={job.id}"
    answer = staff.post(url, {"reason": " ", "token": "0" * 32})
    assert "Nothing has been done yet" in answer.content.decode()
    assert Job.objects.get(id=job.id).status == "completed"


@pytest.mark.parametrize(
    ("begin", "offered"),
    [
        (submitted, ["cancel", "fail"]),
        (claimed, ["fail"]),
        (completed, ["run-again", "refund"]),
        (partial(completed, mode=Mode.TEST), ["run-again"]),
    ],
    ids=["pending", "processing", "completed", "completed-test"],
)
def test_a_page_leads_to_what_can_be_done_now(staff, alice, begin, offered):
    found = [link.partition("/do/")[2].partition("/")[0] for link in links(page_of(staff, begin(alice)))]
    assert list(filter(None, found)) == offered


def test_a_refund_is_said_and_done_once(staff, alice):
    job = completed(alice)
    assert do(staff, "refund", job) == [f"{job.id}: Refunded."]
    assert do(staff, "refund", job) == [f"{job.id}: It is not completed, or refunded already."]
    assert ledger.balance(alice.id).available == 100


def test_what_cost_nothing_is_not_refunded(staff, alice):
    job = completed(alice, Mode.TEST)
    said = do(staff, "refund", job)
    assert said == [f"{job.id}: It is a test job, which cost nothing: there is nothing to give back."]
    assert Job.objects.get(id=job.id).status == "completed"
    assert ledger.balance(alice.id).available == 100


def test_running_again_what_was_paid_for_has_to_be_meant(staff, alice):
    job = completed(alice)
    url = f"{address(Job, 'do', 'run-again')}?id={job.id}"
    assert "takes another" in parsed(staff.get(url).content.decode()).text
    answer = staff.post(url, {"reason": "A reason", "token": "0" * 32})
    assert answer.status_code == 200
    assert not job.reruns.exists()
    (said,) = do(staff, "run-again", job, pays_again="on")
    assert said == f"{job.id}: Runs again as {job.reruns.get().id}."


def test_what_was_not_paid_for_runs_again_without_asking(staff, alice):
    failed = claimed(alice)
    jobs.fail(failed, failure("engine_error"))
    free = completed(alice, Mode.TEST)
    assert len(do(staff, "run-again", failed, free)) == 2
    assert (failed.reruns.count(), free.reruns.count()) == (1, 1)


def test_sending_the_form_twice_runs_a_job_again_once(staff, alice):
    job = completed(alice, Mode.TEST)
    url = f"{address(Job, 'do', 'run-again')}?id={job.id}"
    for _ in range(2):
        staff.post(url, {"reason": "A reason", "token": "a" * 32})
    assert job.reruns.count() == 1


@pytest.mark.parametrize("action", ["run-again", "refund", "cancel"])
def test_a_listing_leads_to_the_page_that_does_it_to_several(staff, alice, action):
    chosen = [BEGIN[action](alice) for _ in range(2)]
    sent = {"action": action, "_selected_action": [job.id for job in chosen]}
    asked = staff.post(address(Job, "changelist"), sent)
    assert asked.status_code == 302
    page = parsed(staff.get(asked["Location"]).content.decode())
    assert all(job.id in page.text for job in chosen)
    said = do(staff, action, *chosen, pays_again="on")
    assert len(said) == 2
    assert AuditEntry.objects.filter(reason="A reason").count() == 2


def test_of_several_what_can_not_be_done_is_told_and_the_rest_done(staff, alice):
    done, not_done = completed(alice), submitted(alice)
    said = do(staff, "refund", not_done, done)
    assert sorted(said) == sorted(
        [f"{done.id}: Refunded.", f"{not_done.id}: It is not completed, or refunded already."]
    )
    assert Job.objects.get(id=done.id).status == "refunded"


def test_failing_is_for_one_job_at_a_time(staff, alice):
    actions = staff.get(address(Job, "changelist")).content.decode()
    claimed(alice)
    assert '<option value="fail">' not in actions


def test_what_is_said_names_jobs_as_they_are_and_leads_to_them(staff, alice):
    job = completed(alice)
    url = f"{address(Job, 'do', 'run-again')}?id={job.id}"
    answer = staff.post(url, {"reason": "A reason", "token": "0" * 32, "pays_again": "on"}, follow=True)
    said = parsed(answer.content.decode()).all("ul", class_="messagelist")[0]
    assert [link.text for link in said.all("a")] == [job.id, job.reruns.get().id]


def test_a_page_leads_to_what_the_audit_log_has_of_the_job(staff, alice):
    job = submitted(alice)
    do(staff, "cancel", job)
    answer = staff.get(address(Job, "history", job.id), follow=True)
    assert [entry.action for entry in answer.context["cl"].result_list] == ["job.cancelled"]
