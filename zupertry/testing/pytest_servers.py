"""Pytest plugin that gives a test run an environment of its own, before Django reads its settings.

Load it with `python -m pytest -p zupertry.testing.pytest_servers`; a conftest would come too late.
`ZUPERTRY_TEST_STACK` says what the tests run on:

- `sqlite` (the default): what a laptop runs on. Nothing is started.
- `postgres`: what production runs on. PostgreSQL and Valkey are started for the run, except where `TEST_DATABASE_URL`
  or `TEST_REDIS_URL` names a server to use instead. Tests flush that Redis database.

The developer's own `.env`, database, broker and `VAR_DIR` are out of reach in both.

Under pytest-xdist the servers are started once, and worker *n* (`gw0`, `gw1`, …) has Redis database *n* + 1 and a
folder of its own in `VAR_DIR`; pytest-django gives it a PostgreSQL database of its own. So a test may flush its Redis
database (FLUSHDB), but not the server (FLUSHALL): one that stops a server, or empties all of it, starts its own.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from zupertry.testing.databases import SHARED
from zupertry.testing.servers import OwnedDirectory, PostgresServer, Server, ValkeyServer, sweep

# For the processes that tests start, which have to share them.
_SECRETS = {
    "SECRET_KEY": "a secret key of the tests, which protects nothing",
    "ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
}
_ADDRESSES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the environment up ahead of pytest-django, which reads the settings in this same hook."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _take_share(worker)
        return
    stack = os.environ.get("ZUPERTRY_TEST_STACK") or "sqlite"
    if stack not in {"sqlite", "postgres"}:
        raise pytest.UsageError(f"ZUPERTRY_TEST_STACK is “{stack}”, but has to be sqlite or postgres.")
    teardown = ExitStack()
    early_config.add_cleanup(teardown.close)
    _isolate(teardown)
    if stack == "postgres":
        os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or _started(PostgresServer, teardown)
        os.environ["REDIS_URL"] = os.environ.get("TEST_REDIS_URL") or _started(ValkeyServer, teardown)


def _isolate(teardown: ExitStack) -> None:
    """Put everything of the developer's out of reach."""
    sweep()
    var = OwnedDirectory("var")
    teardown.callback(var.remove)
    templates = var.path / "templates"
    templates.mkdir()
    os.environ |= {"VAR_DIR": str(var.path), SHARED: str(templates), "ZUPERTRY_ENV_FILE": "", **_SECRETS}
    for name in _ADDRESSES:
        os.environ.pop(name, None)


def _started(server: type[Server], teardown: ExitStack) -> str:
    return teardown.enter_context(server()).url


def _take_share(worker: str) -> None:
    """Narrow the inherited environment down to what belongs to one xdist worker, by its id (`gw0`)."""
    var = Path(os.environ["VAR_DIR"]) / worker
    var.mkdir()
    os.environ["VAR_DIR"] = str(var)
    if url := os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = _redis_database_of(worker, url)


def _redis_database_of(worker: str, url: str) -> str:
    """Return `url` with the worker's number + 1 added to its database, so that the controller's own stays untouched."""
    parts = urlsplit(url)
    database = int(parts.path.strip("/") or 0) + int(worker.removeprefix("gw")) + 1
    return parts._replace(path=f"/{database}").geturl()
