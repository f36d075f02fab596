"""What staff may do to jobs."""

from typing import Any

from django import forms
from django.utils.html import format_html

from accounts.models import Mode
from accounts.staff.actions import Order, ReasonForm, StaffAction
from accounts.staff.links import link_to
from tryon import interventions, jobs
from tryon.models import Job

Status = Job.Status


class RunAgainForm(ReasonForm):
    """Asks whether it is meant, where a customer who has paid for a picture pays for another one."""

    pays_again = forms.BooleanField(label="The customer pays for both")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        paid = [row.pk for row in self.rows if isinstance(row, Job) and _was_paid(row)]
        if paid:
            those = "of the job" if len(self.rows) == 1 else f"of {len(paid)} of the {len(self.rows)} jobs"
            self.fields["pays_again"].help_text = (
                f"The credit {those} was spent, and the new job takes another. Refund the one that was bad first, "
                "if the customer is to pay once."
            )
        else:
            del self.fields["pays_again"]


def _was_paid(job: Job) -> bool:
    return job.mode == Mode.LIVE and job.status == Status.COMPLETED


def _run_again(job: Job, order: Order) -> str:
    again = interventions.run_again(job, actor=order.actor, reason=order.reason, key=order.reference)
    return format_html("Runs again as {}.", link_to(again))


def _fail(job: Job, order: Order) -> str:
    interventions.fail(job, actor=order.actor, reason=order.reason)
    return "Failed."


def _refund(job: Job, order: Order) -> str:
    interventions.refund(job, actor=order.actor, reason=order.reason)
    return "Refunded."


def _cancel(job: Job, order: Order) -> str:
    jobs.cancel(job, actor=order.actor, reason=order.reason)
    return "Cancelled."


ACTIONS = [
    StaffAction(
        name="run-again",
        label="Run again",
        permission="tryon.rerun_job",
        explanation="Submits the same pictures as a new job, which refers to this one: the copies in storage while "
        "they are kept, since a customer's links may have expired, else the links. The webhook goes where the first "
        "one went, with the new job's id and the same reference and metadata. A live job takes one credit of the "
        "organisation, as any does: when the first one failed, was cancelled or refunded, its credit came back, so "
        "the customer pays once. A test job is free.",
        perform=_run_again,
        form=RunAgainForm,
        many=True,
        offered=lambda job: job.completed_at is not None,
    ),
    StaffAction(
        name="cancel",
        label="Cancel",
        permission="tryon.cancel_job",
        explanation="Cancels a job that no worker has started, and gives its credit back. No webhook is sent.",
        perform=_cancel,
        many=True,
        offered=lambda job: job.status == Status.PENDING,
    ),
    StaffAction(
        name="fail",
        label="Fail",
        permission="tryon.fail_job",
        explanation="Ends a job that waits or is worked on as failed, with the error code internal_error, gives its "
        "credit back, and sends the webhook job.failed. A worker that is busy with it is not interrupted, but whatever "
        "it comes to counts no more. If it ends the job a moment before, that stands.",
        perform=_fail,
        offered=lambda job: job.status in {Status.PENDING, Status.PROCESSING},
    ),
    StaffAction(
        name="refund",
        label="Refund",
        permission="tryon.refund_job",
        explanation="Gives the credit of a completed live job back and withholds its picture from the customer for "
        "good. No webhook is sent, and one that has not arrived yet is withdrawn. It can't be undone.",
        perform=_refund,
        many=True,
        offered=_was_paid,
    ),
]
