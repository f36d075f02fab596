"""The database, its migrations, and the clocks that work is timed by."""

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3
from django.conf import settings
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.utils import ConnectionHandler

from zupertry.doctor.finding import Finding, broken, ok, warning

OLDEST_POSTGRES = 15
SLOW_MS = 50.0
FULL = 0.85
SKEW_WARNING_SECONDS = 2.0
SKEW_BROKEN_SECONDS = 10.0
PEER_SECONDS = 4.0


def reachable() -> None:
    """Raise what is wrong with the database, if it can't be asked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def database() -> Iterator[Finding]:
    """Connect, and look at version, speed, room for connections, and whether it takes writes.

    Not through the pool, which tells of a connection that failed only that none came.
    """
    with closing(_connection_of_its_own()) as database:
        median = _median_ms(database)
        if median > SLOW_MS:
            advice = "Bring database and application nearer together, or look for what keeps the database busy."
            yield warning(f"{_name(database)} answers in {median:.1f} ms.", advice)
        else:
            yield ok(f"{_name(database)} answers in {median:.1f} ms")
        if database.vendor == "postgresql":
            yield from _postgres(database)


def _connection_of_its_own() -> BaseDatabaseWrapper:
    described: dict[str, Any] = dict(connections.settings["default"])
    described["OPTIONS"] = {name: value for name, value in described["OPTIONS"].items() if name != "pool"}
    return ConnectionHandler({"default": described})["default"]


def _median_ms(database: BaseDatabaseWrapper) -> float:
    def once() -> float:
        started = time.perf_counter()
        _ask(database, "SELECT 1")
        return (time.perf_counter() - started) * 1000

    _ask(database, "SELECT 1")  # connects
    return statistics.median(once() for _ in range(5))


def _ask(database: BaseDatabaseWrapper, query: str) -> Any:
    with database.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def _name(database: BaseDatabaseWrapper) -> str:
    version = _ask(database, "SELECT sqlite_version()" if database.vendor == "sqlite" else "SHOW server_version")
    return f"{database.display_name} {version}"


def _postgres(database: Any) -> Iterator[Finding]:
    major = database.pg_version // 10_000
    if major < OLDEST_POSTGRES:
        yield broken(
            f"it is PostgreSQL {major}, which is too old.",
            f"Upgrade it to {OLDEST_POSTGRES} or newer: dump, restore, and point DATABASE_URL at the new one.",
        )
    if _ask(database, "SHOW transaction_read_only") == "on":
        yield broken(
            "it takes no writes.", "Point DATABASE_URL at the primary, not at a replica, with a user who may write."
        )
    used, most = (
        int(_ask(database, "SELECT count(*) FROM pg_stat_activity")),
        int(_ask(database, "SHOW max_connections")),
    )
    if used > FULL * most:
        yield warning(
            f"{used} of its {most} connections are taken.",
            "Raise max_connections: each web and worker process keeps up to 16.",
        )


def migrations() -> Iterator[Finding]:
    """Find migrations that have not been run, and those that this version does not know."""
    loader = MigrationLoader(connection)
    # All of them, not Django's plan, which looks no further back than an app's latest.
    waiting = [
        f"{app}.{name}" for app, name in sorted(loader.graph.nodes) if (app, name) not in loader.applied_migrations
    ]
    ours = {label for label, _ in loader.graph.nodes}
    run = [step for step in loader.applied_migrations if step[0] in ours]
    unknown = [f"{app}.{name}" for app, name in run if (app, name) not in loader.disk_migrations]
    if waiting:
        yield broken(f"{_some(waiting)} not been run.", "Run them: manage.py migrate")
    elif unknown:
        yield warning(
            f"{_some(unknown)} been run, and this version does not know them.",
            "Start the version that made them, or wait until its rollout has ended.",
        )
    else:
        yield ok("all have been run")


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{rest} {'has' if len(names) == 1 else 'have'}"


def clock() -> Iterator[Finding]:
    """Compare this machine's clock with the database's, and with that of a provider in use.

    Leases, links and signatures are good for so long by the clock of whoever looks.
    """
    compared = dict(_other_clocks())
    advice = "Have time synchronised (chrony or systemd-timesyncd) on every machine: timedatectl says whether it is."
    for whose, ahead in compared.items():
        words = f"{whose} is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's."
        if abs(ahead) > SKEW_BROKEN_SECONDS:
            yield broken(words, advice)
        elif abs(ahead) > SKEW_WARNING_SECONDS:
            yield warning(words, advice)
    if not any(abs(ahead) > SKEW_WARNING_SECONDS for ahead in compared.values()):
        yield ok(f"it agrees with {' and '.join(compared)}" if compared else "there is no other to compare it with")


def _other_clocks() -> Iterator[tuple[str, float]]:
    """Give whose clock it is, and by how many seconds it is ahead of ours."""
    if connection.vendor == "postgresql":
        yield "the database's clock", _ahead_by_database()
    for whose, url in _peers():
        ahead = _ahead_by_http(url)
        if ahead is not None:
            yield f"{whose}'s clock", ahead
            return


def _ahead_by_database() -> float:
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        theirs = float(cursor.fetchone()[0])
    return theirs - (before + time.time()) / 2


def _peers() -> Iterator[tuple[str, str]]:
    """Give those that are asked over HTTP anyway, by name and address."""
    for name, gateway in settings.PAYMENT_GATEWAYS.items():
        yield name.capitalize(), gateway["OPTIONS"]["api_base"]
    options = settings.STORAGES["default"].get("OPTIONS", {})
    if settings.STORAGE == "s3":
        yield "S3", options["endpoint_url"] or f"https://s3.{options['region_name']}.amazonaws.com"
    if settings.STORAGE == "gcs":
        yield "Google", "https://storage.googleapis.com"


def _ahead_by_http(url: str) -> float | None:
    """Return None when there is no answer: whether these are reachable is looked at elsewhere."""
    with urllib3.PoolManager(timeout=PEER_SECONDS / 2, retries=False) as http:
        try:
            answer = http.request("HEAD", url, redirect=False)
            theirs = parsedate_to_datetime(answer.headers.get("Date", ""))
        except (urllib3.exceptions.HTTPError, ValueError):
            return None
    # The header is cut to the second, so what is within one agrees.
    ahead = (theirs - datetime.now(UTC)).total_seconds() + 0.5
    return 0.0 if abs(ahead) < 1 else ahead
