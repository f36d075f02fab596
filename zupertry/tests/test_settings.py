"""Settings and the page that explains them say the same, and what follows from them is right on either stack."""

import ast
import json
import os
import re
import runpy
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from zupertry.testing.service import ROOT

READERS = [ROOT / "zupertry" / f"{name}.py" for name in ("settings", "checks", "reports")]
# What docker-compose.yml reads from the same file.
OF_CONTAINERS = {"POSTGRES_PASSWORD"}
# Defaults that depend on others, and are told in words.
IN_WORDS = {"DATABASE_URL", "TRYON_ENGINE"}
PRODUCTION = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DATABASE_URL": "postgres://user:password@127.0.0.1:1/zupertry?sslmode=require",
    "SECRET_KEY": "k" * 50,
    "ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "PUBLIC_URL": "https://app.example.com",
}


def read_by_the_code() -> dict[str, Any]:
    """Return each name that is read with `env.…("NAME", default)`, and its default where it is written out."""
    found = {}
    for path in READERS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of_environment = isinstance(node.func.value, ast.Name) and node.func.value.id == "env"
                if of_environment and isinstance(node.args[0], ast.Constant):
                    found.setdefault(node.args[0].value, _default(node))
    return found


def _default(call: ast.Call) -> Any:
    """Return the literal default of a call; None when it has none, or works it out."""
    given = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "default")]
    return given[0].value if given and isinstance(given[0], ast.Constant) else None


def explained() -> dict[str, str]:
    """Return what `.env.example` lists, with the defaults there."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(re.findall(r"^#([A-Z][A-Z0-9_]+)=(.*)$", "\n".join(lines), re.MULTILINE))


def settings_of(var_dir: Path, **environment: str) -> dict[str, Any]:
    """Return what a process makes of this environment and no other: every setting, as JSON has it."""
    with mock.patch.dict(os.environ, {"ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(var_dir), **environment}, clear=True):
        made = runpy.run_path(str(ROOT / "zupertry" / "settings.py"))
    shown = {name: value for name, value in made.items() if name.isupper() and name != "ENVIRONMENT"}
    as_json: dict[str, Any] = json.loads(json.dumps(shown, default=str))
    return as_json


def test_every_setting_is_explained_and_every_one_explained_is_read() -> None:
    assert read_by_the_code().keys() == explained().keys() - OF_CONTAINERS


def test_the_defaults_explained_are_those_in_the_code() -> None:
    for name, default in read_by_the_code().items():
        if default is not None and name not in IN_WORDS:
            written = str(default).lower() if isinstance(default, bool) else str(default)
            assert explained()[name] == written, name


def test_everything_in_the_example_is_commented_out_and_each_setting_has_words() -> None:
    above = ""
    for line in (ROOT / ".env.example").read_text().splitlines():
        assert not line or line.startswith("#"), line
        is_setting = re.match(r"#[A-Z][A-Z0-9_]+=", line)
        assert not (is_setting and not above), f"{line} stands alone"
        above = line


def test_the_example_as_it_is_starts_a_laptop(tmp_path: Path) -> None:
    example = settings_of(tmp_path, ZUPERTRY_ENV_FILE=str(ROOT / ".env.example"))
    assert example == settings_of(tmp_path)


def test_the_example_with_every_line_uncommented_says_what_is_the_default_anyway(tmp_path: Path) -> None:
    lines = re.sub(r"^#(?=[A-Z][A-Z0-9_]+=)", "", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    (tmp_path / "env").write_text(lines)
    settings = settings_of(tmp_path, ZUPERTRY_ENV_FILE=str(tmp_path / "env"))
    assert {**settings, "VAR_DIR": ""} == {**settings_of(tmp_path), "VAR_DIR": ""}


def test_on_a_laptop_one_process_needs_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "zupertry.sqlite3")
    assert settings["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert settings["CELERY_BROKER_URL"].startswith("memory:")
    assert (settings["TRYON_ENGINE"], settings["LOG_FORMAT"], settings["DEBUG"]) == ("local", "console", False)
    assert settings["SECRET_KEY"] == settings_of(tmp_path)["SECRET_KEY"] != settings_of(tmp_path / "b")["SECRET_KEY"]


def test_in_production_everything_is_shared(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, **PRODUCTION)
    database = settings["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("127.0.0.1", 1, "zupertry")
    assert database["OPTIONS"]["sslmode"] == "require"
    assert database["OPTIONS"]["pool"]["max_size"] < settings["WORKER_CONCURRENCY"]
    assert database["OPTIONS"]["pool"]["reconnect_timeout"] <= 5, "it is found again within seconds of its return"
    assert database["CONN_HEALTH_CHECKS"] is True, "a restart costs nobody a request that comes later"
    assert settings["CELERY_BROKER_URL"] == PRODUCTION["REDIS_URL"]
    assert settings["CELERY_BROKER_TRANSPORT_OPTIONS"]["visibility_timeout"] > 150
    assert (settings["LOG_FORMAT"], settings["DEBUG"]) == ("json", False)
    assert settings["ALLOWED_HOSTS"] == ["app.example.com", "localhost", "127.0.0.1", "[::1]"]
    assert list(tmp_path.iterdir()) == []


def test_another_broker_than_redis_may_be_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, **PRODUCTION, CELERY_BROKER_URL="amqp://user:password@host:5672//")
    assert settings["CELERY_BROKER_URL"] == "amqp://user:password@host:5672//"
    assert settings["REDIS_URL"] == PRODUCTION["REDIS_URL"]


@pytest.mark.parametrize(("given", "engine"), [({}, "local"), ({"VERTEX_PROJECT": "a-project"}, "vertex")])
def test_live_jobs_run_on_vertex_where_there_is_a_project(tmp_path: Path, given: dict[str, str], engine: str) -> None:
    assert settings_of(tmp_path, **given)["TRYON_ENGINE"] == engine
    assert settings_of(tmp_path, **given, TRYON_ENGINE="local")["TRYON_ENGINE"] == "local"


def test_a_relative_folder_is_beside_the_code(tmp_path: Path) -> None:
    assert settings_of(Path("var/x"), SECRET_KEY="a", ENCRYPTION_KEYS="b")["VAR_DIR"] == str(ROOT / "var" / "x")
