"""Many callers at once, over HTTP, against real processes."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from zupertry.bootstrap import Bootstrapped
from zupertry.testing.inside import Inside
from zupertry.testing.live import Live, live_service
from zupertry.testing.receiver import WebhookReceiver

SUCCESS = "https://test.zupertry.com/success.jpg"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("races")) as running:
        yield running


@pytest.fixture(scope="module")
def alice(live: Live, inside: Inside) -> Bootstrapped:
    return inside.bootstrap(live.service, name="Alice")


def test_of_200_submits_at_once_on_100_credits_100_are_accepted(live: Live, inside: Inside) -> None:
    alice = inside.bootstrap(live.service, credits_=100, name="Races")
    answers = live.submit_all(alice.live_key, [{}] * 200, callers=200)
    assert Counter(answer.status for answer in answers) == {202: 100, 402: 100}
    assert {answer.body["error"]["code"] for answer in answers if answer.status == 402} == {"insufficient_credits"}

    ended = live.ended(alice.live_key, [answer.body["job_id"] for answer in answers if answer.status == 202])
    assert {(job["status"], job["credits_consumed"]) for job in ended} == {("completed", 1)}
    assert live.credits_of(alice) == (0, 0)
    assert inside.differences(live.service) == []


def test_20_parallel_submits_with_one_idempotency_key_make_one_job(live: Live, alice: Bootstrapped) -> None:
    answers = live.submit_all(alice.live_key, [{}] * 20, callers=20, **{"Idempotency-Key": "order-1"})
    assert Counter(answer.status for answer in answers) == {202: 20}
    assert len({json.dumps(answer.body) for answer in answers}) == 1
    assert Counter(answer.headers.get("Idempotent-Replayed") for answer in answers) == {None: 1, "true": 19}
    assert len(live.service.call("GET", "/v1/jobs", alice.live_key).body["jobs"]) == 1
    live.ended(alice.live_key, [answers[0].body["job_id"]])
    assert live.credits_of(alice) == (99, 0)


def test_from_submit_to_webhook_takes_moments(live: Live, alice: Bootstrapped) -> None:
    pictures: dict[str, Any] = {"model_image_url": SUCCESS, "garment_image_url": SUCCESS}
    taken = []
    with WebhookReceiver() as receiver:
        for number in range(1, 11):
            started = time.monotonic()
            live.submit(alice.test_key, 1, webhook_url=receiver.url(), **pictures)
            taken.append(receiver.wait_for(number)[-1].at - started)
    assert sorted(taken)[5] < 2
