import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest
import redis
from kombu import Connection
from limits.storage import storage_from_string

from zupertry.testing import servers
from zupertry.testing.servers import OwnedDirectory, PostgresServer, Server, ValkeyServer

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run servers as another user")


def clean_environment(**extra: str) -> dict[str, str]:
    """Return the environment of a process that is no part of this test run."""
    ours = ("PYTEST_", "DJANGO_", "ZUPERTRY_", "TEST_", "DATABASE_URL", "REDIS_URL", "VAR_DIR")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {"PYTHONPATH": str(PROJECT)} | extra


def processes_in(directory: Path) -> list[psutil.Process]:
    found = [process for process in psutil.process_iter(["cmdline"]) if str(directory) in str(process.info["cmdline"])]
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


def client_of(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=1)


def answers(url: str) -> bool:
    """Return whether a Valkey answers at `url`."""
    try:
        with client_of(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


def test_psycopg_reaches_postgres_at_its_url(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.info.server_version >= 180000
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_postgres_has_no_tcp_port(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_django_reaches_postgres_through_django_environ(postgres: PostgresServer) -> None:
    program = """
        import environ
        from django.conf import settings
        settings.configure(DATABASES={"default": environ.Env().db_url("DATABASE_URL")})
        from django.db import connection
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            print(connection.vendor, cursor.fetchone()[0])
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=clean_environment(DATABASE_URL=postgres.url, PGPORT="1", PGHOST="nowhere.invalid"),
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stdout == "postgresql postgres\n"


def test_what_is_committed_survives_a_restart_on_the_same_address() -> None:
    with PostgresServer() as server:
        url = server.url
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        assert server.start() == url
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_server_that_cannot_start_says_why() -> None:
    with PostgresServer() as server:
        server.stop()
        with (server.directory / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write("max_connections = many\n")
        with pytest.raises(RuntimeError, match='invalid value for parameter "max_connections"'):
            server.start()


def test_redis_celery_and_limits_share_one_valkey_url(valkey: ValkeyServer) -> None:
    url = valkey.url.replace("/0", "/200")
    with Connection(url) as connection:
        queue = connection.SimpleQueue("wake")
        queue.put({"job": "job_1"})
        message = queue.get(timeout=5)
        message.ack()
        queue.close()
    assert message.payload == {"job": "job_1"}
    assert storage_from_string(url).incr("hits", 60) == 1
    with client_of(url) as client:
        assert client.exists("LIMITS:hits")
    with client_of(valkey.url) as client:
        assert client.dbsize() == 0


def test_valkey_restarts_empty_on_the_same_address(valkey: ValkeyServer) -> None:
    url = valkey.url
    with client_of(url) as client:
        client.set("lost", 1)
    valkey.stop()
    assert not answers(url)
    assert valkey.start() == url
    with client_of(url) as client:
        assert client.get("lost") is None


def test_a_stranger_on_the_port_is_not_taken_for_valkey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_START_SECONDS", 0.5)
    with ValkeyServer() as server:
        server.stop()
        with (
            socket.create_server(("127.0.0.1", urlsplit(server.url).port or 0)),
            pytest.raises(RuntimeError, match="Address already in use"),
        ):
            server.start()


@pytest.mark.parametrize("server_class", [PostgresServer, ValkeyServer])
def test_nothing_is_left_after_the_context(server_class: type[Server]) -> None:
    with server_class() as server:
        assert processes_in(server.directory)
    assert not processes_in(server.directory)
    assert not server.directory.exists()


def test_stopping_twice_does_no_harm() -> None:
    with ValkeyServer() as server:
        server.stop()
        server.stop()


def test_socket_paths_fit_the_kernel_limit(postgres: PostgresServer, valkey: ValkeyServer) -> None:
    sockets = [*postgres.directory.glob(".s.PGSQL.*"), *valkey.directory.glob("*.sock")]
    lengths = [len(str(path)) for path in sockets if path.is_socket()]
    assert len(lengths) == 2
    assert max(lengths) < 100


@as_root
def test_root_runs_servers_as_nobody(postgres: PostgresServer, valkey: ValkeyServer) -> None:
    processes = processes_in(postgres.directory) + processes_in(valkey.directory)
    assert {process.uids().effective for process in processes} == {65534}
    assert len(processes) >= 2


@as_root
@pytest.mark.parametrize("server_class", [PostgresServer, ValkeyServer])
def test_servers_run_from_a_wheel_that_only_root_can_read(
    server_class: type[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed,) = map(Path, Path(psycopg.__file__).parents[1].glob(server_class.package))
    for original in installed.parent.glob(f"{installed.name}*"):
        shutil.copytree(original, tmp_path / original.name)
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, server_class.package, raising=False)
    with server_class() as server:
        (process, *_) = processes_in(server.directory)
        assert process.exe().startswith(str(server.directory))


@contextmanager
def started_script() -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the module as a script; yield the process and both addresses."""
    command = [sys.executable, "-m", "zupertry.testing.servers"]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
        yield process, lines["DATABASE_URL"], lines["REDIS_URL"]


def directory_of(url: str) -> Path:
    """Return the directory of the server behind a database URL."""
    return Path(parse_qs(urlsplit(url).query)["host"][0])


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_script_runs_both_servers_until_it_is_told_to_stop(sent: signal.Signals) -> None:
    with started_script() as (process, database_url, redis_url):
        with psycopg.connect(database_url) as connection, client_of(redis_url) as client:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert client.ping()
        process.send_signal(sent)
        assert process.wait(timeout=20) == 0
    assert not directory_of(database_url).exists()
    assert not answers(redis_url)


def test_what_a_killed_owner_left_is_swept_at_the_next_start() -> None:
    with started_script() as (process, database_url, redis_url):
        process.kill()
    directory = directory_of(database_url)
    assert processes_in(directory)
    assert answers(redis_url)
    with ValkeyServer():
        assert not directory.exists()
        assert not processes_in(directory)
        assert not answers(redis_url)


def test_a_sweep_leaves_alone_what_has_a_living_owner(postgres: PostgresServer, valkey: ValkeyServer) -> None:
    owned = OwnedDirectory("living")
    program = "from zupertry.testing.servers import sweep; sweep()"
    subprocess.run([sys.executable, "-c", program], env=clean_environment(), check=True)
    psycopg.connect(postgres.url).close()
    assert answers(valkey.url)
    assert owned.path.exists()
    owned.remove()


def test_a_stranger_with_the_server_id_is_not_stopped(tmp_path: Path) -> None:
    """A server that was killed leaves its pid file, and the kernel may give the id to any program."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / "server.pid").write_text(f"{stranger.pid}\n")
        servers._stop_server(tmp_path)
        assert stranger.poll() is None
        stranger.kill()
