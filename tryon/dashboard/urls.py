"""Routes of the playground, of the pages about jobs, and of usage."""

from django.urls import path

from tryon.dashboard import actions, jobs, playground, usage

app_name = "tryon"
urlpatterns = [
    path("playground", playground.page, name="playground"),
    path("playground/<str:job_id>/result", playground.result, name="result"),
    path("jobs", jobs.listing, name="jobs"),
    path("jobs/<str:job_id>", jobs.page, name="job"),
    path("jobs/<str:job_id>/state", jobs.state, name="state"),
    path("jobs/<str:job_id>/cancel", actions.cancel, name="cancel"),
    path("jobs/<str:job_id>/run-again", actions.run_again, name="run-again"),
    path("jobs/<str:job_id>/delete-pictures", actions.delete_pictures, name="delete-pictures"),
    path("usage", usage.page, name="usage"),
    path("usage.csv", usage.as_csv, name="usage-csv"),
]
