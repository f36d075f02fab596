"""A database of its own for each service that tests start: migrated once in a test run, and copied from then on.

Migrating takes seconds of CPU, and a run starts dozens of services. What holds the migrated one is the folder that
`SHARED` names, which the processes of a run have in common; without it a service migrates for itself.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

SHARED = "ZUPERTRY_TEST_TEMPLATES"
_ROOT = Path(__file__).resolve().parents[2]
_SQLITE = "zupertry.sqlite3"


def new_database(environment: dict[str, str]) -> None:
    """Give the service with this environment a migrated database that nobody else uses, by changing the environment.

    On SQLite that is a file in its `VAR_DIR`, on PostgreSQL a database beside the one that `DATABASE_URL` names.
    """
    folder = environment.get(SHARED)
    url = environment.get("DATABASE_URL")
    if url:
        server = hashlib.sha256(url.encode()).hexdigest()
        template = _shared(Path(folder) / server, lambda: _migrated(url)) if folder else _migrated(url)
        environment["DATABASE_URL"] = _copy(url, template)
    elif folder:
        template = _shared(Path(folder) / "sqlite", lambda: _migrated_file(Path(folder)))
        shutil.copyfile(template, Path(environment["VAR_DIR"]) / _SQLITE)


def _shared(note: Path, make: Callable[[], str]) -> str:
    """Return what is written in `note`, or make it and write it there: one process does, the others wait."""
    with _locked(note.with_name(f"{note.name}.lock")):
        if not note.exists():
            note.write_text(make())
        return note.read_text()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _migrated_file(folder: Path) -> str:
    _migrate({"VAR_DIR": str(folder)})
    return str(folder / _SQLITE)


def _migrated(url: str) -> str:
    """Make a migrated database on this server for others to be copied from, and return its name."""
    template = _copy(url, "template1")
    _migrate({"DATABASE_URL": template})
    return urlsplit(template).path.strip("/")


def _migrate(environment: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=_ROOT, env={**os.environ, **environment}, check=True)


def _copy(url: str, template: str) -> str:
    """Make a database beside the one that `url` names, as a copy of `template`, and return its URL."""
    name = f"service_{secrets.token_hex(8)}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
    return urlsplit(url)._replace(path=f"/{name}").geturl()
