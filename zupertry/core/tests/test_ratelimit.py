"""Requests a minute: what is counted, and when a window is over."""

import os
import time

import pytest
import redis
from limits.storage import MemoryStorage

from accounts.models import Organisation
from zupertry.core import ratelimit
from zupertry.testing.api import ApiClient, refusal

REDIS_URL = os.environ.get("REDIS_URL", "")


@pytest.fixture
def limited(world):
    """Alice and Charlie, at 3 requests a minute each."""
    Organisation.objects.update(rate_limit_per_minute=3)
    return world


def end_windows_in(seconds: float) -> None:
    """Make every window that is open end after so many seconds, in the storage itself."""
    if REDIS_URL:
        with redis.Redis.from_url(REDIS_URL) as storage:
            for key in storage.scan_iter("LIMITS:*"):
                storage.pexpire(key, round(seconds * 1000))
        return
    memory = ratelimit._in_process().storage
    assert isinstance(memory, MemoryStorage)
    for key in memory.expirations:
        memory.expirations[key] = time.time() + seconds


def test_each_answer_counts_down_until_it_is_429(limited):
    alice = ApiClient(limited.alice.live_key)
    for remaining in ("2", "1", "0"):
        answer = alice.get("/v1/account")
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Limit"] == "3"
        assert answer.headers["RateLimit-Remaining"] == remaining
        assert 58 <= int(answer.headers["RateLimit-Reset"]) <= 60
    refused = alice.get("/v1/account")
    refusal(refused, 429, "rate_limit_exceeded")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert 58 <= int(refused.headers["Retry-After"]) <= 60


def test_a_window_is_shared_by_all_keys_and_routes_of_an_organisation_and_by_nobody_else(limited):
    live, test = ApiClient(limited.alice.live_key), ApiClient(limited.alice.test_key)
    live.get("/v1/workspaces")
    test.submit()
    live.delete("/v1/jobs/job_unknown")
    refusal(test.get("/v1/jobs"), 429, "rate_limit_exceeded")
    assert ApiClient(limited.charlie.live_key).get("/v1/jobs").headers["RateLimit-Remaining"] == "2"


def test_refused_requests_count_once_the_key_is_good(limited):
    alice = ApiClient(limited.alice.live_key)
    refusal(alice.tryon({}), 422, "validation_error")
    refusal(alice.put("/v1/jobs"), 405, "method_not_allowed")
    refusal(alice.get("/v1/jobs/job_unknown"), 404, "job_not_found")
    refusal(alice.get("/v1/account"), 429, "rate_limit_exceeded")


def test_refused_keys_unknown_routes_suspensions_and_the_schema_are_not_counted(limited):
    alice = ApiClient(limited.alice.live_key)
    for _ in range(4):
        refusal(ApiClient("zt_live_sk_nonsense").get("/v1/account"), 401, "invalid_api_key")
        refusal(alice.get("/v1/nothing"), 404, "not_found")
        assert alice.get("/v1/openapi.json").status_code == 200
    assert alice.get("/v1/account").headers["RateLimit-Remaining"] == "2"


@pytest.mark.parametrize("seconds", [0.4, 1.4])
def test_waiting_for_retry_after_succeeds_even_in_the_middle_of_a_second(limited, seconds):
    alice = ApiClient(limited.alice.live_key)
    for _ in range(3):
        alice.get("/v1/account")
    end_windows_in(seconds)
    refused = alice.get("/v1/account")
    refusal(refused, 429, "rate_limit_exceeded")
    retry_after = int(refused.headers["Retry-After"])
    assert retry_after == (1 if seconds < 1 else 2)
    time.sleep(retry_after)
    passed = alice.get("/v1/account")
    assert passed.status_code == 200
    assert passed.headers["RateLimit-Remaining"] == "2"
    assert int(passed.headers["RateLimit-Reset"]) >= 59, "the new window opens with this request"


def test_requests_over_the_limit_do_not_make_the_window_longer(limited):
    alice = ApiClient(limited.alice.live_key)
    for _ in range(3):
        alice.get("/v1/account")
    end_windows_in(0.5)
    for _ in range(5):
        refusal(alice.get("/v1/account"), 429, "rate_limit_exceeded")
    time.sleep(0.6)
    assert alice.get("/v1/account").status_code == 200


def test_another_figure_for_an_organisation_holds_at_once(limited):
    alice = ApiClient(limited.alice.live_key)
    for _ in range(3):
        alice.get("/v1/account")
    refusal(alice.get("/v1/account"), 429, "rate_limit_exceeded")
    Organisation.objects.filter(id=limited.alice.org_id).update(rate_limit_per_minute=50)
    assert alice.get("/v1/account").headers["RateLimit-Limit"] == "50"


def test_sixty_requests_a_minute_is_the_default(world):
    assert Organisation._meta.get_field("rate_limit_per_minute").default == 60


def test_peeking_counts_nothing():
    assert ratelimit.peek("somebody", 5).remaining == 5
    ratelimit.count("somebody", 5)
    assert [ratelimit.peek("somebody", 5).remaining for _ in range(3)] == [4, 4, 4]


def test_a_lost_redis_is_counted_in_process(settings):
    """Nothing listens on port 1."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    ratelimit._shared.cache_clear()
    started = time.monotonic()
    windows = [ratelimit.count("somebody", 2) for _ in range(3)]
    assert [window.exceeded for window in windows] == [False, False, True]
    assert ratelimit.peek("somebody", 2).remaining == 0
    assert time.monotonic() - started < 5
    ratelimit._shared.cache_clear()
