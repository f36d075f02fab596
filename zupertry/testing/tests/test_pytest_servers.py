"""The plugin is loaded by whole test runs of their own, in a project of one settings module and one test file."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest
import redis

from zupertry.testing.servers import PostgresServer, ValkeyServer

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[3]

# No others: importing all that is installed takes most of a short run's time.
PLUGINS = ["-p", "pytest_django.plugin", "-p", "xdist.plugin", "-p", "zupertry.testing.pytest_servers"]
SETTINGS = """
    import os
    import environ
    SECRET_KEY = "test"
    DATABASES = {"default": environ.Env().db_url("DATABASE_URL", default="sqlite://:memory:")}
    REDIS_URL = os.environ.get("REDIS_URL", "")
"""
TESTS = """
    import os
    import pytest
    import redis
    from django.conf import settings
    from django.db import connection

    def environment():
        names = ["DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "VAR_DIR", "ZUPERTRY_ENV_FILE"]
        return {name: os.environ.get(name, "not set") for name in names}

    @pytest.mark.parametrize("turn", range(4))
    @pytest.mark.django_db
    def test_run(turn):
        assert os.path.isdir(os.environ["VAR_DIR"])
        if settings.REDIS_URL:
            with redis.Redis.from_url(settings.REDIS_URL) as client:
                assert client.ping()
        connection.ensure_connection()
        with open("seen.txt", "a") as seen:
            seen.write(repr(environment() | {"database": connection.settings_dict["NAME"]}) + "\\n")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "plugin_settings.py").write_text(textwrap.dedent(SETTINGS))
    (tmp_path / "test_run.py").write_text(textwrap.dedent(TESTS))
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --ds=plugin_settings\n")
    return tmp_path


def run_tests(project: Path, *options: str, **extra: str) -> subprocess.CompletedProcess[str]:
    ours = ("PYTEST_", "DJANGO_", "ZUPERTRY_", "TEST_", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "VAR_DIR")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLUGINS, *options],
        cwd=project,
        env=inherited
        | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{project}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        | extra,
        capture_output=True,
        text=True,
        timeout=120,
    )


def environments_seen(project: Path) -> list[dict[str, str]]:
    """Return the distinct environments that the tests of the run saw."""
    lines = (project / "seen.txt").read_text().splitlines()
    return [eval(line) for line in sorted(set(lines))]


DEVELOPERS_OWN = {
    "DATABASE_URL": "postgres://me@127.0.0.1:1/precious",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "VAR_DIR": "/nonexistent",
    "ZUPERTRY_ENV_FILE": "/nonexistent/.env",
}


def test_the_default_stack_hides_everything_of_the_developers(project: Path) -> None:
    run = run_tests(project, **DEVELOPERS_OWN)
    assert run.returncode == 0, run.stdout + run.stderr
    (seen,) = environments_seen(project)
    assert seen["DATABASE_URL"] == "not set"
    assert seen["REDIS_URL"] == "not set"
    assert seen["CELERY_BROKER_URL"] == "not set"
    assert seen["ZUPERTRY_ENV_FILE"] == ""
    assert not Path(seen["VAR_DIR"]).exists()


def test_the_postgres_stack_starts_both_servers_and_removes_them(project: Path) -> None:
    run = run_tests(project, "-p", "no:cacheprovider", ZUPERTRY_TEST_STACK="postgres", **DEVELOPERS_OWN)
    assert run.returncode == 0, run.stdout + run.stderr
    (seen,) = environments_seen(project)
    assert seen["database"] == "test_postgres"
    assert seen["CELERY_BROKER_URL"] == "not set"
    assert not Path(seen["DATABASE_URL"].partition("host=")[2]).exists()
    assert not Path(seen["VAR_DIR"]).exists()


def test_each_xdist_worker_has_databases_and_a_folder_of_its_own(project: Path) -> None:
    run = run_tests(project, "-n", "2", "--dist", "each", ZUPERTRY_TEST_STACK="postgres")
    assert run.returncode == 0, run.stdout + run.stderr
    first, second = environments_seen(project)
    assert {first["database"], second["database"]} == {"test_postgres_gw0", "test_postgres_gw1"}
    assert {url.rpartition("/")[2] for url in (first["REDIS_URL"], second["REDIS_URL"])} == {"1", "2"}
    assert first["DATABASE_URL"] == second["DATABASE_URL"]
    assert {Path(seen["VAR_DIR"]).name for seen in (first, second)} == {"gw0", "gw1"}
    assert not Path(first["VAR_DIR"]).parent.exists()


def test_servers_named_by_the_environment_are_used_and_left_running(project: Path) -> None:
    with PostgresServer() as postgres, ValkeyServer() as valkey:
        named = {"TEST_DATABASE_URL": postgres.url, "TEST_REDIS_URL": valkey.url}
        run = run_tests(project, ZUPERTRY_TEST_STACK="postgres", **named)
        assert run.returncode == 0, run.stdout + run.stderr
        (seen,) = environments_seen(project)
        assert seen["DATABASE_URL"] == postgres.url
        assert seen["REDIS_URL"] == valkey.url
        psycopg.connect(postgres.url).close()
        with redis.Redis.from_url(valkey.url) as client:
            assert client.ping()


def test_servers_are_removed_when_the_settings_are_broken(project: Path) -> None:
    broken = "import os\nprint(os.environ['DATABASE_URL'], file=open('url.txt', 'w'))\nraise ImportError('broken')\n"
    (project / "plugin_settings.py").write_text(broken)
    run = run_tests(project, ZUPERTRY_TEST_STACK="postgres")
    assert run.returncode != 0
    url = (project / "url.txt").read_text().strip()
    assert not Path(url.partition("host=")[2]).exists()


def test_an_unknown_stack_is_refused(project: Path) -> None:
    run = run_tests(project, ZUPERTRY_TEST_STACK="mysql")
    assert run.returncode == 4
    assert "has to be sqlite or postgres" in run.stderr
