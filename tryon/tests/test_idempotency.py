"""The `Idempotency-Key` header: one job, one charge, one answer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Workspace
from billing import ledger
from billing.models import CreditAccount
from tryon.models import Job
from zupertry.testing.api import PICTURE, ApiClient, refusal

KEY = {"Idempotency-Key": "order-7"}


def test_the_same_key_and_body_give_the_first_answer_again(world, live):
    first, second = live.submit(headers=KEY), live.submit(headers=KEY)
    assert second.status_code == 202
    assert second.json() == first.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Job.objects.count() == 1
    assert ledger.balance(world.alice.org_id).reserved == 1


def test_a_replay_says_pending_whatever_became_of_the_job(live):
    first = live.submit(headers=KEY)
    live.delete(f"/v1/jobs/{first.json()['job_id']}")
    assert live.submit(headers=KEY).json() == first.json()


def test_a_replay_needs_no_workspace_and_no_credit_any_more(world, live):
    first = live.submit(headers=KEY)
    Workspace.objects.update(status=Workspace.Status.ARCHIVED)
    CreditAccount.objects.filter(organisation_id=world.alice.org_id).update(available=0)
    assert live.submit(headers=KEY).json() == first.json()


@pytest.mark.parametrize(
    "other",
    [
        {"model_image_url": PICTURE + "?2"},
        {"garment_image_url": PICTURE + "?2"},
        {"webhook_url": "https://shop.example.com/"},
        {"client_reference_id": "7"},
        {"client_reference_id": ""},
        {"metadata": {"a": "b"}},
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(live, other):
    assert live.submit(headers=KEY).status_code == 202
    refusal(live.submit(headers=KEY, **other), 409, "idempotency_conflict")
    assert Job.objects.count() == 1


def test_bodies_that_ask_for_the_same_are_the_same(live):
    pictures = f'"garment_image_url": "{PICTURE}", "model_image_url": "{PICTURE}"'
    first = live.submit(headers=KEY, metadata={"a": "1", "b": "2"})
    reordered = f'{{ {pictures}, "metadata": {{"b": "2", "a": "1"}}, "webhook_url": null, "unknown": 1 }}'
    assert live.tryon(reordered, headers=KEY).json() == first.json()


def test_other_keys_make_other_jobs(live):
    made = {live.submit(headers={"Idempotency-Key": key}).json()["job_id"] for key in ("a", "A", "a b", "é")}
    assert len(made) == 4


def test_a_key_is_of_one_organisation_and_mode(world, live):
    others = [ApiClient(world.alice.test_key), ApiClient(world.charlie.live_key)]
    answers = [client.submit(headers=KEY) for client in (live, *others)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert Job.objects.count() == 3


@pytest.mark.parametrize("refused", [{"workspace_id": "ws_unknown"}, {"metadata": 1}])
def test_a_refusal_is_not_remembered(live, refused):
    assert live.submit(headers=KEY, **refused).status_code in {404, 422}
    assert live.submit(headers=KEY).status_code == 202


def test_a_402_is_not_remembered(world, live):
    account = CreditAccount.objects.filter(organisation_id=world.alice.org_id)
    account.update(available=0)
    refusal(live.submit(headers=KEY), 402, "insufficient_credits")
    account.update(available=1)
    answer = live.submit(headers=KEY)
    assert answer.status_code == 202
    assert "Idempotent-Replayed" not in answer.headers


def test_a_key_is_kept_for_24_hours(live):
    first = live.submit(headers=KEY).json()["job_id"]
    Job.objects.filter(id=first).update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert live.submit(headers=KEY).json()["job_id"] == first
    Job.objects.filter(id=first).update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    second = live.submit(headers=KEY, metadata={"another": "body"})
    assert second.status_code == 202
    assert second.json()["job_id"] != first


def test_a_key_has_1_to_255_printable_characters(live):
    assert live.submit(headers={"Idempotency-Key": "k" * 255}).status_code == 202
    for key in ("", "k" * 256, "tab\tbed", "\x7f"):
        error = refusal(live.submit(headers={"Idempotency-Key": key}), 422, "validation_error")
        assert list(error["fields"]) == ["Idempotency-Key"]
    assert Job.objects.count() == 1
