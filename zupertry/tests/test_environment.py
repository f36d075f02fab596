"""Settings are read from the environment; what is wrong with them is collected, in words, and never raised."""

import ipaddress
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import ConnectionHandler

from zupertry.environment import Environment, env_file, make_encryption_key, make_secret_key

NAME = "A_SETTING_OF_THE_TESTS"


@pytest.fixture(autouse=True)
def set_to(monkeypatch: pytest.MonkeyPatch):
    """Set the one setting that these tests read; files can't leave anything behind."""
    monkeypatch.setenv(NAME, "")
    monkeypatch.delenv(NAME)
    return lambda value: monkeypatch.setenv(NAME, value)


@pytest.fixture
def env() -> Environment:
    return Environment(None)


READERS: dict[str, Any] = {
    "whole": lambda env: env.whole(NAME, 7, least=2, most=100),
    "flag": lambda env: env.flag(NAME, default=False),
    "choice": lambda env: env.choice(NAME, "red", ["red", "blue"]),
    "seconds": lambda env: env.seconds(NAME, "5,30"),
    "networks": lambda env: env.networks(NAME),
    "base_url": lambda env: env.base_url(NAME, "http://localhost:8000"),
    "server": lambda env: env.server(NAME, ["redis", "rediss"], "redis://host:6379/0"),
    "database": lambda env: env.database(NAME, "sqlite:////tmp/default.sqlite3")["NAME"],
}
DEFAULTS = {
    "whole": 7,
    "flag": False,
    "choice": "red",
    "seconds": [5, 30],
    "networks": [],
    "base_url": "http://localhost:8000",
    "server": "",
    "database": "/tmp/default.sqlite3",
}
INSTEAD_OF_WRONG = {**DEFAULTS, "database": ""}
GOOD: list[tuple[str, str, Any]] = [
    ("whole", "2", 2),
    ("whole", " 100 ", 100),
    ("flag", "true", True),
    ("flag", "Yes", True),
    ("flag", "1", True),
    ("flag", "on", True),
    ("flag", "OFF", False),
    ("flag", "0", False),
    ("choice", "blue", "blue"),
    ("seconds", "1", [1]),
    ("seconds", "1, 2,3", [1, 2, 3]),
    ("networks", "10.0.0.0/8, ::1", [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")]),
    ("networks", "127.0.0.1/32,", [ipaddress.ip_network("127.0.0.1/32")]),
    ("base_url", "https://app.example.com/", "https://app.example.com"),
    ("base_url", "http://[::1]:80", "http://[::1]:80"),
    ("server", "redis://host", "redis://host"),
    ("server", "rediss://:secret@host:6380/3?a=b", "rediss://:secret@host:6380/3?a=b"),
    ("database", "sqlite:////srv/a.sqlite3", "/srv/a.sqlite3"),
    ("database", "postgres://user:p%40ss@host:5432/zupertry?sslmode=require", "zupertry"),
    ("database", "postgresql:///zupertry", "zupertry"),
]
BAD = [
    *[("whole", text) for text in ("1", "101", "-5", "abc", "2.5", "1e1", "0x10", "9" * 5000)],
    *[("flag", text) for text in ("maybe", "2", "tru", "-")],
    *[("choice", text) for text in ("green", "Red", "red,blue")],
    *[("seconds", text) for text in ("0", "-1", "5,,6", ",", "5;6", "1.5", "soon")],
    *[("networks", text) for text in ("10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0-10.0.0.9", "10.0.0.0/8 ::1")],
    *[
        ("base_url", text)
        for text in ("app.example.com", "ftp://host", "https://", "https://host/path", "https://h?a=b")
    ],
    *[("base_url", text) for text in ("http://[::1", "http://host:port", "http://a:b:c", "https://user:pw@host", "/")],
    *[("server", text) for text in ("nonsense", "http://host", "redis://", "redis:6379", "redis://host:port", "redis")],
    *[
        ("database", text)
        for text in ("nonsense", "mysql://u@h/db", "postgres://", "postgres://h", "sqlite:", "sqlite://")
    ],
    *[("database", text) for text in ("sqlite:///:memory:", "postgres://u:p@h:port/db", "postgres:zupertry")],
]


@pytest.mark.parametrize(("reader", "text", "value"), GOOD)
def test_what_makes_sense_is_read(env: Environment, set_to, reader, text, value) -> None:
    set_to(text)
    assert READERS[reader](env) == value
    assert env.problems == []


@pytest.mark.parametrize(("reader", "text"), BAD)
def test_what_makes_none_is_one_problem_and_the_default(env: Environment, set_to, reader, text) -> None:
    set_to(text)
    assert READERS[reader](env) == INSTEAD_OF_WRONG[reader]
    (problem,) = env.problems
    assert problem.startswith(f"{NAME} is “")
    assert "but has to be " in problem
    assert "\n" not in problem


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", [None, "", "  "])
def test_what_is_missing_or_empty_is_the_default(env: Environment, set_to, reader, text) -> None:
    if text is not None:
        set_to(text)
    assert READERS[reader](env) == DEFAULTS[reader]
    assert env.problems == []


def test_texts_and_lists_are_stripped(env: Environment, set_to) -> None:
    assert env.text(NAME, "default") == "default"
    assert env.items(NAME) == []
    set_to(" a, b,, c ")
    assert env.text(NAME) == "a, b,, c"
    assert env.items(NAME) == ["a", "b", "c"]


def test_every_problem_is_kept(env: Environment, set_to) -> None:
    set_to("nonsense")
    for read in READERS.values():
        read(env)
    assert len(env.problems) == len(READERS)


def test_a_database_keeps_user_host_and_options(env: Environment, set_to) -> None:
    set_to("postgres://user:p%40ss@host:5433/zupertry?sslmode=require")
    config = env.database(NAME, "sqlite:////tmp/a")
    assert (config["USER"], config["PASSWORD"], config["HOST"], config["PORT"]) == ("user", "p@ss", "host", 5433)
    assert config["OPTIONS"] == {"sslmode": "require"}


MAIL_SERVERS = [
    ("smtp://host", ("host", 25, "", "", False, False)),
    ("smtp://host:2525", ("host", 2525, "", "", False, False)),
    ("smtp+tls://user:p%40ss@host", ("host", 587, "user", "p@ss", True, False)),
    ("smtp+ssl://user:pass@host", ("host", 465, "user", "pass", False, True)),  # pragma: allowlist secret
    (
        "smtps://u%40example.com:pass@host:4465",  # pragma: allowlist secret
        ("host", 4465, "u@example.com", "pass", False, True),
    ),  # pragma: allowlist secret
]
MAIL_SETTINGS = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")


@pytest.mark.parametrize(("text", "expected"), MAIL_SERVERS)
def test_a_mail_server_with_the_port_and_the_tls_of_its_scheme(env: Environment, set_to, text, expected) -> None:
    set_to(text)
    config = env.mail(NAME, Path("/srv/mail"))
    assert config["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert tuple(config[f"EMAIL_{name}"] for name in MAIL_SETTINGS) == expected


@pytest.mark.parametrize("text", ["", "filemail:///srv/mail", "filemail:////srv/mail", "filemail:///srv%2Fmail"])
def test_a_folder_for_mails_is_where_its_address_says(env: Environment, set_to, text: str) -> None:
    """And not below the folder that the process happens to have been started in."""
    set_to(text)
    config = env.mail(NAME, Path("/srv/mail"))
    assert config["EMAIL_BACKEND"] == "zupertry.core.mail_folder.EmailBackend"
    assert config["EMAIL_FILE_PATH"] == "/srv/mail"


def test_every_name_that_is_read_is_known(env: Environment, set_to) -> None:
    env.flag(NAME, default=False)
    env.items("ANOTHER")
    assert env.asked == {NAME, "ANOTHER"}


def test_instead_of_a_wrong_database_there_is_none(env: Environment, set_to) -> None:
    set_to("nonsense")
    with pytest.raises(ImproperlyConfigured):
        ConnectionHandler({"default": env.database(NAME, "sqlite:////tmp/a")})["default"].cursor()


@pytest.mark.parametrize("reader", ["database", "server"])
@pytest.mark.parametrize("password", ["hunter2", "hun/ter2", "hun#ter2", "hun@ter2"])
def test_no_problem_tells_a_password(env: Environment, set_to, reader, password) -> None:
    set_to(f"mysql://user:{password}@host:port/db")
    READERS[reader](env)
    assert "ter2" not in env.problems[0]
    assert "host:port" in env.problems[0]


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / ".env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_adds_to_the_environment(tmp_path: Path) -> None:
    file = written(tmp_path, f"# a comment\n\nexport {NAME}='a value with = and #'\n")
    env = Environment(file)
    assert env.text(NAME) == "a value with = and #"
    assert env.problems == []


def test_the_environment_wins_over_the_file_even_when_empty(tmp_path: Path, set_to) -> None:
    file = written(tmp_path, f"{NAME}=from the file\n")
    set_to("from the environment")
    assert Environment(file).text(NAME) == "from the environment"
    set_to("")
    assert Environment(file).text(NAME, "default") == "default"


@pytest.mark.parametrize("line", [f"{NAME} = 1", f"  {NAME}=1", NAME, "1=2", "[section]"])
def test_a_line_that_would_be_ignored_is_a_problem(tmp_path: Path, line: str) -> None:
    env = Environment(written(tmp_path, f"# first\n{line}\n"))
    assert env.problems == [f"{tmp_path}/.env: line 2 is not NAME=value, without spaces around the =."]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    assert Environment(tmp_path).problems == [f"{tmp_path} can't be read: Is a directory."]
    missing = tmp_path / "missing"
    assert Environment(missing).problems == [f"{missing} can't be read: No such file or directory."]
    binary = written(tmp_path, b"\xff\xfe")
    assert Environment(binary).problems == [f"{binary} can't be read: it is not in UTF-8."]


def test_the_file_is_the_one_named_or_the_default_if_there_is_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("ZUPERTRY_ENV_FILE")
    assert env_file(tmp_path / "missing") is None
    assert env_file(tmp_path) == tmp_path
    monkeypatch.setenv("ZUPERTRY_ENV_FILE", "/somewhere/else")
    assert env_file(tmp_path) == Path("/somewhere/else")
    monkeypatch.setenv("ZUPERTRY_ENV_FILE", "")
    assert env_file(tmp_path) is None


def test_a_secret_is_made_once_and_kept_for_its_owner_alone(env: Environment, tmp_path: Path) -> None:
    folder = tmp_path / "var"
    secret = env.kept_secret(NAME, folder, make_secret_key)
    assert len(secret) >= 50
    assert Environment(None).kept_secret(NAME, folder, make_secret_key) == secret
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert env.problems == []


def test_a_secret_that_is_set_is_kept_nowhere(env: Environment, tmp_path: Path, set_to) -> None:
    set_to("mine")
    assert env.kept_secret(NAME, tmp_path, make_secret_key) == "mine"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS"])
def test_where_nothing_is_kept_a_secret_has_to_be_set(env: Environment, monkeypatch, name: str) -> None:
    monkeypatch.delenv(name)
    assert env.kept_secret(name, None, make_encryption_key)
    assert env.problems[0].startswith(f"{name} is not set. Make one with: python -c ")


@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS"])
def test_the_advice_makes_a_secret_that_will_do(env: Environment, monkeypatch, name: str) -> None:
    monkeypatch.delenv(name)
    env.kept_secret(name, None, make_encryption_key)
    command = env.problems[0].partition("Make one with: python ")[2]
    made = subprocess.run(f"{sys.executable} {command}", shell=True, capture_output=True, text=True, check=True).stdout
    assert len(made) > 40
    if name == "ENCRYPTION_KEYS":
        Fernet(made.strip())


def test_a_secret_that_cannot_be_kept_is_a_problem(env: Environment, tmp_path: Path) -> None:
    file = written(tmp_path, "")
    assert env.kept_secret(NAME, file / "below", make_secret_key)
    (problem,) = env.problems
    assert problem.startswith(f"{NAME} can't be kept in {file}/below/{NAME.lower()}: Not a directory.")


def test_processes_that_start_at_once_end_with_the_same_secret(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from zupertry.environment import Environment, make_secret_key;"
        "env = Environment(None); sys.stdin.readline();"
        f"print(env.kept_secret('{NAME}', Path(sys.argv[1]), make_secret_key))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "var")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.flush()
    secrets = {process.communicate(timeout=30)[0] for process in started}
    assert len(secrets) == 1
    assert len(list((tmp_path / "var").iterdir())) == 1
