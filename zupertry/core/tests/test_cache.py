"""The shared cache, and what goes on without it."""

import pytest
from django.core.cache import cache, caches
from redis import Redis

from zupertry.core.cache import SteadyRedisCache
from zupertry.testing.servers import ValkeyServer


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer() as server:
        yield server


def over(url: str) -> SteadyRedisCache:
    options = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
    return SteadyRedisCache(url, {"KEY_PREFIX": "cache", "OPTIONS": options})


def test_it_is_one_for_all_processes_while_redis_is_there(valkey):
    mine, theirs = over(valkey.url), over(valkey.url)

    assert mine.add("login", 1, timeout=60)
    assert not theirs.add("login", 2, timeout=60)
    theirs.set("login", [3, 4])
    assert mine.get("login") == [3, 4]
    assert mine.delete("login")
    assert theirs.get("login", "gone") == "gone"


def test_emptying_it_leaves_what_else_is_in_redis(valkey):
    with Redis.from_url(valkey.url) as redis:
        redis.set("a-queue-of-the-broker", "a task")
        shared = over(valkey.url)
        shared.set("key", "value")

        shared.clear()

        assert shared.get("key") is None
        assert redis.get("a-queue-of-the-broker") == b"a task"


@pytest.fixture
def redis_gone(settings):
    """Nothing listens where Redis should be."""
    settings.CACHES = {
        "default": {
            "BACKEND": "zupertry.core.cache.SteadyRedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"socket_connect_timeout": 0.5},
        }
    }
    yield
    local = caches["default"]
    assert isinstance(local, SteadyRedisCache)
    local._in_process.clear()


@pytest.mark.usefixtures("redis_gone")
def test_without_redis_it_remembers_in_process():
    assert cache.add("key", "value")
    assert not cache.add("key", "another")
    assert cache.get("key") == "value"


@pytest.mark.usefixtures("redis_gone", "world")
def test_logins_go_on_without_redis_and_are_still_counted(client):
    right = {"login": "alice@example.com", "password": "alice-password"}
    for _ in range(5):
        assert client.post("/login", {**right, "login": "charlie@example.com"}).status_code == 200

    assert "Too many attempts" in client.post("/login", {**right, "login": "charlie@example.com"}).content.decode()
    assert client.post("/login", right).status_code == 302
    assert client.get("/dashboard/").status_code == 200
