"""What goes from process to process: broker, cache, workers, beat, and the canaries through each queue."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import redis
import urllib3
from celery import current_app
from django.conf import settings
from kombu import Connection, Queue

from zupertry import canary
from zupertry.doctor.finding import Finding, broken, ok, warning

REDIS_SECONDS = 3.0
PING_SECONDS = 1.0
PINGS = 4
START_WORKER = "celery -A zupertry worker -Q tryon,webhooks,default"


def reachable() -> None:
    """Raise what is wrong with the broker, if it can't be connected to."""
    with current_app.connection_for_write(settings.CELERY_BROKER_URL) as broker:
        broker.ensure_connection(max_retries=1, timeout=1)


def broker() -> Iterator[Finding]:
    """Connect, and send a message through a queue of its own."""
    url = settings.CELERY_BROKER_URL
    if url.startswith("memory:"):
        yield ok("web, worker and beat are one process and need none")
        return
    with current_app.connection_for_write(url) as connection:
        connection.ensure_connection(max_retries=1, timeout=2)
        try:
            returned = _round_trip(connection)
        except redis.exceptions.OutOfMemoryError:
            yield broken("its memory is full.", "Give it more (maxmemory), and see which keys or queues fill it.")
            return
        if returned:
            yield ok(f"{connection.transport.driver_name} takes a message and hands it out")
        else:
            yield broken(
                "it takes a message and does not hand it out.",
                "Look at its log, and whether several share one address.",
            )
    if url.startswith("redis"):
        yield from _eviction(url)


def _round_trip(connection: Connection) -> bool:
    name = f"doctor-{secrets.token_hex(8)}"
    channel: Any = connection.default_channel  # the stubs don't know that every transport can get a message
    queue = Queue(name, routing_key=name, durable=False, auto_delete=True)(channel)
    queue.declare()
    try:
        connection.Producer(channel).publish({"doctor": name}, routing_key=name)
        message = queue.get(no_ack=True)
        return message is not None and message.payload == {"doctor": name}
    finally:
        queue.delete()


def _eviction(url: str) -> Iterator[Finding]:
    with _redis(url) as client:
        memory: Any = client.info("memory")
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory") and policy != "noeviction":
        yield warning(
            f"it drops messages when its memory is full (maxmemory-policy {policy}).",
            "Set maxmemory-policy noeviction there; what it drops, the sweep finds only later.",
        )


def cache() -> Iterator[Finding]:
    """Write and read a value, without the fallback that hides a lost one from requests."""
    if not settings.REDIS_URL:
        yield ok("it is in process")
        return
    key, value = f"doctor:{secrets.token_hex(8)}", secrets.token_bytes(8)
    with _redis(settings.REDIS_URL) as client:
        client.set(key, value, ex=60)
        kept = client.get(key)
        client.delete(key)
    if kept == value:
        yield ok("it keeps what it is given")
    else:
        yield broken("it does not keep what it is given.", "Point REDIS_URL at one server, and not at a replica.")


def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS)


def workers() -> Iterator[Finding]:
    """Ask all workers which queues they take from."""
    if settings.CELERY_BROKER_URL.startswith("memory:"):
        yield ok("they are threads of manage.py up")
        return
    taken = _taken_queues()
    if not taken:
        yield broken("none answers.", f"Start at least one: {START_WORKER}")
    elif missing := _without_worker(taken):
        yield broken(f"none takes from the queue {', '.join(missing)}.", f"Start one that does: {START_WORKER}")
    else:
        yield ok(f"{len(taken)} answer{'s' if len(taken) == 1 else ''}: {', '.join(sorted(taken))}")


def _taken_queues() -> dict[str, list[str]]:
    """Return which queues each worker takes from, as far as they answer; they are asked again while one is missing."""
    taken: dict[str, list[str]] = {}
    with current_app.connection_for_write(settings.CELERY_BROKER_URL) as connection:
        for _ in range(PINGS):
            answers = current_app.control.inspect(timeout=PING_SECONDS, connection=connection).active_queues() or {}
            taken |= {worker: [queue["name"] for queue in queues] for worker, queues in answers.items()}
            if not _without_worker(taken):
                break
    return taken


def _without_worker(taken: dict[str, list[str]]) -> list[str]:
    named = {queue for queues in taken.values() for queue in queues}
    return [queue for queue in canary.queues() if queue not in named]


def beat() -> Iterator[Finding]:
    """Look at when beat last sent a canary, which it does each minute."""
    sent = [trail.sent for trail in canary.trails() if trail.sent is not None]
    if sent and min(sent) <= canary.SILENT:
        yield ok(f"it sent a canary {_ago(min(sent))}")
    elif settings.ON_ONE_MACHINE and not _is_up():
        yield warning("the service is not running.", "Start it: make run")
    else:
        what = f"it has sent nothing since {_ago(min(sent))}." if sent else "it has never sent anything."
        start = "manage.py up" if settings.ON_ONE_MACHINE else "celery -A zupertry beat"
        yield broken(what, f"Start it ({start}); it sends a canary within its first minute.")


def queues() -> Iterator[Finding]:
    """Look at when a worker last ran a canary of each queue."""
    if settings.ON_ONE_MACHINE and not _is_up():
        yield ok("nothing goes through them while the service is not running")
        return
    for trail in canary.trails():
        last = f"the last was {_ago(trail.succeeded)}" if trail.succeeded is not None else "none ever was"
        if trail.is_silent:
            yield broken(
                f"no canary through the queue {trail.queue} was answered since {_ago(trail.unanswered)}; {last}.",
                "Its workers are stuck, or behind by as long: look at their logs, restart them, or start more.",
            )
        elif trail.succeeded is None:
            yield warning(f"no canary through the queue {trail.queue} was answered yet.", "Look again in a minute.")
        else:
            yield ok(f"{trail.queue} works: its last canary was answered {_ago(trail.succeeded)}")


def _ago(age: timedelta | None) -> str:
    seconds = int((age or timedelta()).total_seconds())
    if seconds < 120:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 7200 else f"{seconds // 3600} h ago"


def _is_up() -> bool:
    """Say whether a web process listens on this machine."""
    with urllib3.PoolManager(timeout=2.0, retries=False) as http:
        try:
            return http.request("GET", f"http://127.0.0.1:{settings.PORT}/healthz").status == 200
        except urllib3.exceptions.HTTPError:
            return False
