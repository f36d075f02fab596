"""Nothing starts while a setting is missing or wrong, and each that is has its line, in words."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from zupertry.checks import check_settings, refuse_to_start
from zupertry.testing.service import ROOT, free_port

PYTHON = sys.executable
PROGRAMS = {
    "up": [PYTHON, "manage.py", "up"],
    "migrate": [PYTHON, "manage.py", "migrate"],
    "demo": [PYTHON, "manage.py", "demo"],
    "bootstrap_org": [PYTHON, "manage.py", "bootstrap_org", "--name", "Shop", "--email", "a@example.com"],
    "web": [PYTHON, "-m", "gunicorn", "-c", "python:zupertry.gunicorn", "zupertry.wsgi"],
    "worker": [PYTHON, "-m", "celery", "-A", "zupertry", "worker"],
    "beat": [PYTHON, "-m", "celery", "-A", "zupertry", "beat"],
}
WRONG_ON_A_LAPTOP = {
    "DATABASE_URL": "nonsense",
    "PORT": "abc",
    "WORKER_CONCURRENCY": "0",
    "PUBLIC_URL": "app.example.com",
    "STORAGE": "floppy",
    "TRYON_ENGINE": "steam",
    "OUTBOUND_ALLOWED_NETWORKS": "10.0.0.1/8",
    "ENCRYPTION_KEYS": "wrong",
    "WEBHOOK_RETRY_SCHEDULE": "soon",
    "LOG_FORMAT": "xml",
    "METRICS_PORT": "abc",
    "EMAIL_URL": "mail",
}
WRONG_IN_PRODUCTION = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_URL": "nonsense",
    "STORAGE": "s3",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "TRYON_ENGINE": "vertex",
    "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json",
    "STRIPE_SECRET_KEY": "sk_live_abc",
    "RAZORPAY_KEY_SECRET": "hunter2",
    "VERTEX_PROJCT": "a-project",
}
NAMED_IN_PRODUCTION = [
    "SECRET_KEY is not set",
    "ENCRYPTION_KEYS is not set",
    "DATABASE_URL is SQLite",
    "CELERY_BROKER_URL is “nonsense”",
    "STORAGE_BUCKET is not set",
    "AWS_S3_REGION_NAME is not set",
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one",
    "VERTEX_PROJECT is not set",
    "GOOGLE_APPLICATION_CREDENTIALS names “/nowhere/key.json”",
    "STRIPE_SECRET_KEY is set, but STRIPE_WEBHOOK_SECRET is not",
    "RAZORPAY_KEY_SECRET is set, but RAZORPAY_KEY_ID is not",
    "VERTEX_PROJCT is not a setting. Did you mean VERTEX_PROJECT?",
]
STRIPE = {
    "STRIPE_SECRET_KEY": "sk_live_abc",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_abc",
    "STRIPE_WEBHOOK_SECRET": "whsec_a, whsec_b",
}
RAZORPAY = {
    "RAZORPAY_KEY_ID": "rzp_live_abc",
    "RAZORPAY_KEY_SECRET": "hunter2-key",
    "RAZORPAY_WEBHOOK_SECRET": "hunter2-events",
}
MONEY = [*STRIPE, *RAZORPAY]
SELLER = {"name": "Zupertry Ltd", "address": "12 MG Road, Bengaluru", "gstin": "29AAPFU0939F1ZR", "sac": "998319"}
KEY_OF_A_USER = {"type": "authorized_user"}


def environment(var_dir: Path, **settings: str) -> dict[str, str]:
    """Return a process's whole environment: `settings`, and nothing of this one's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(var_dir), "PORT": str(free_port()), **settings}


def start(program: str, settings: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAMS[program], *options],
        cwd=ROOT,
        env=settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_starts_while_settings_are_wrong_and_each_has_a_line(program: str, tmp_path: Path) -> None:
    """Without a broker no process starts alone, either: a job would be accepted, and never run."""
    ended = start(program, environment(tmp_path / "var", **WRONG_ON_A_LAPTOP))
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stdout
    for name in WRONG_ON_A_LAPTOP:
        assert ended.stdout.count(f" {name} is “") + ended.stdout.count(f" {name}: key 1") == 1, ended.stdout
    alone = program in {"web", "worker", "beat"}
    assert ended.stdout.count("REDIS_URL is not set") == alone, ended.stdout
    assert ended.stdout.count("all in one process: manage.py up") == alone
    assert not (tmp_path / "var" / "zupertry.sqlite3").exists()


@pytest.mark.parametrize("program", ["migrate", "web", "up"])
def test_nothing_starts_on_half_a_production(program: str, tmp_path: Path) -> None:
    ended = start(program, environment(tmp_path / "var", **WRONG_IN_PRODUCTION))
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stdout
    for words in NAMED_IN_PRODUCTION:
        assert ended.stdout.count(words) == 1, f"{words}: {ended.stdout}"
    assert not (tmp_path / "var" / "zupertry.sqlite3").exists()


def test_a_wrong_database_address_is_one_problem_and_not_sqlite_besides(tmp_path: Path) -> None:
    ended = start("migrate", environment(tmp_path / "var", **WRONG_IN_PRODUCTION, DATABASE_URL="nonsense"))
    assert ended.returncode == 1, ended.stdout
    assert ended.stdout.count("DATABASE_URL") == 1, ended.stdout


def test_migrating_comes_first_and_makes_the_folder_for_its_owner_alone(tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": "k" * 50, "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    ended = start("migrate", environment(tmp_path / "new" / "var", **secrets), "--plan")
    assert ended.returncode == 0, ended.stdout
    assert stat.S_IMODE((tmp_path / "new" / "var").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = start("up", environment(tmp_path / "file" / "var"))
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stdout
    assert f"VAR_DIR is {tmp_path}/file/var, which can't be made: Not a directory." in ended.stdout
    assert "SECRET_KEY can't be kept" in ended.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_named(settings, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    settings.VAR_DIR = tmp_path
    assert found() == [f"VAR_DIR is {tmp_path}, which can't be written. Choose another folder or change its owner."]


def found() -> list[str]:
    """Return what is wrong with the settings of this process."""
    return [str(message.msg) for message in check_settings(None) if message.is_serious()]


def warnings() -> list[str]:
    return [str(message.msg) for message in check_settings(None) if not message.is_serious()]


@pytest.fixture
def production(settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings as in production, with nothing wrong."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_REGION_NAME", "AWS_S3_ENDPOINT_URL", *MONEY):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://user:password@mail.example.com:587")
    settings.ON_ONE_MACHINE = False
    settings.SUPPORT_EMAIL = "help@example.com"
    settings.PUBLIC_URL = "https://app.example.com"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert found() == warnings() == []
    return settings


def test_the_tests_own_settings_are_right() -> None:
    assert found() == []
    refuse_to_start(alone=True)


def test_production_needs_a_long_key_and_a_database_to_share(production, monkeypatch) -> None:
    production.SECRET_KEY = "short"
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert [problem.partition(" is ")[0] for problem in found()] == ["SECRET_KEY", "REDIS_URL"]


def test_each_key_is_looked_at(production) -> None:
    production.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), "", "é", Fernet.generate_key().decode()]
    assert [problem.partition(" is ")[0] for problem in found()] == [
        "ENCRYPTION_KEYS: key 2",
        "ENCRYPTION_KEYS: key 3",
    ]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"AWS_S3_REGION_NAME": "eu-central-1"}, None),
        ({"AWS_S3_ENDPOINT_URL": "https://minio.example.com"}, None),
        ({}, "AWS_S3_REGION_NAME is not set"),
        ({"AWS_S3_REGION_NAME": "eu-central-1", "AWS_ACCESS_KEY_ID": "a"}, "only one is set"),
        ({"AWS_S3_REGION_NAME": "eu-central-1", "AWS_SECRET_ACCESS_KEY": "a"}, "only one is set"),
        ({"AWS_S3_REGION_NAME": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, None),
    ],
)
def test_s3_needs_its_region_and_both_halves_of_a_key_or_none(production, monkeypatch, given, missing) -> None:
    production.STORAGE, production.STORAGE_BUCKET = "s3", "pictures"
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    problems = found()
    assert len(problems) == (missing is not None)
    assert all(missing in problem for problem in problems)


@pytest.mark.parametrize("content", [None, "no JSON", "[]", json.dumps(KEY_OF_A_USER)])
def test_google_storage_needs_the_key_of_a_service_account(production, tmp_path: Path, content) -> None:
    key = tmp_path / "key.json"
    if content is not None:
        key.write_text(content)
    production.STORAGE, production.STORAGE_BUCKET = "gcs", "pictures"
    production.GOOGLE_APPLICATION_CREDENTIALS = str(key)
    (problem,) = found()
    assert "GOOGLE_APPLICATION_CREDENTIALS" in problem
    production.GS_IAM_SIGN_BLOB = True
    assert found() == []
    production.GS_IAM_SIGN_BLOB = False
    key.write_text(json.dumps({"type": "service_account"}))
    assert found() == []


@pytest.mark.parametrize("storage", ["s3", "gcs"])
def test_a_store_needs_a_bucket(production, monkeypatch, storage: str) -> None:
    monkeypatch.setenv("AWS_S3_REGION_NAME", "eu-central-1")
    production.STORAGE, production.STORAGE_BUCKET, production.GS_IAM_SIGN_BLOB = storage, "", True
    assert found() == [f"STORAGE is {storage}, but STORAGE_BUCKET is not set. Name the bucket that keeps the pictures."]


def test_vertex_needs_a_project_and_a_key_file_that_is_one(production, tmp_path: Path) -> None:
    production.TRYON_ENGINE, production.VERTEX_PROJECT = "vertex", ""
    (problem,) = found()
    assert "VERTEX_PROJECT" in problem
    production.VERTEX_PROJECT = "a-project"
    assert found() == []  # on Google's own machines no key is needed
    production.GOOGLE_APPLICATION_CREDENTIALS = str(tmp_path)
    (problem,) = found()
    assert problem.startswith(f"GOOGLE_APPLICATION_CREDENTIALS names “{tmp_path}”")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, ""),
        ({"STRIPE_SECRET_KEY": "rk_live_abc", "STRIPE_PUBLISHABLE_KEY": ""}, ""),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_SECRET_KEY is set, but STRIPE_WEBHOOK_SECRET is not"),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_a,hunter2"}, "STRIPE_WEBHOOK_SECRET is no signing secret"),
        ({"STRIPE_SECRET_KEY": "pk_live_hunter2", "STRIPE_PUBLISHABLE_KEY": ""}, "STRIPE_SECRET_KEY is no secret key"),
        ({"STRIPE_SECRET_KEY": "sk_test_abc"}, "STRIPE_PUBLISHABLE_KEY does not go with"),
        ({"STRIPE_PUBLISHABLE_KEY": "sk_live_hunter2"}, "STRIPE_PUBLISHABLE_KEY does not go with"),
        (
            {"STRIPE_SECRET_KEY": "", "STRIPE_PUBLISHABLE_KEY": ""},
            "STRIPE_WEBHOOK_SECRET is set, but STRIPE_SECRET_KEY",
        ),
        ({"STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_PUBLISHABLE_KEY does not go with"),
        ({"RAZORPAY_KEY_SECRET": ""}, "RAZORPAY_KEY_ID is set, but RAZORPAY_KEY_SECRET is not"),
        ({"RAZORPAY_WEBHOOK_SECRET": ""}, "RAZORPAY_KEY_ID is set, but RAZORPAY_WEBHOOK_SECRET is not"),
        ({"RAZORPAY_KEY_ID": "hunter2"}, "RAZORPAY_KEY_ID is no key id"),
        (
            {"RAZORPAY_KEY_ID": "", "RAZORPAY_WEBHOOK_SECRET": ""},
            "RAZORPAY_KEY_SECRET is set, but RAZORPAY_KEY_ID is not",
        ),
    ],
)
def test_a_gateway_is_set_up_wholly_or_not_at_all(production, monkeypatch, changes, named) -> None:
    """A problem is one line that names the setting, and never tells what it is."""
    production.SELLER = SELLER
    for name, value in {**STRIPE, **RAZORPAY, **changes}.items():
        monkeypatch.setenv(name, value)
    problems = found()
    assert len(problems) == bool(named)
    assert all(problem.startswith(named) and "hunter2" not in problem for problem in problems)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": ""}, "SELLER_NAME is not"),
        ({"address": ""}, "SELLER_ADDRESS is not"),
        ({"gstin": ""}, "SELLER_GSTIN is not"),
        ({"gstin": "29AAPFU0939F1ZS"}, "SELLER_GSTIN is “29AAPFU0939F1ZS”, which is no GSTIN"),
        ({"gstin": "29 aapfu0939f1zr"}, "which is no GSTIN"),
        ({"sac": "9983"}, "SELLER_SAC is “9983”"),
    ],
)
def test_who_sells_in_india_is_named_on_the_invoices(production, monkeypatch, changes, named) -> None:
    production.SELLER = {**SELLER, **changes}
    assert found() == []
    for name, value in RAZORPAY.items():
        monkeypatch.setenv(name, value)
    (problem,) = found()
    assert named in problem


@pytest.mark.parametrize(("port", "named"), [(8000, ["METRICS_PORT and PORT are both 8000"]), (9100, []), (0, [])])
def test_metrics_have_a_port_of_their_own(production, port, named) -> None:
    production.PORT, production.METRICS_PORT = 8000, port
    assert [problem.partition(".")[0] for problem in found()] == named


def test_mails_that_nobody_reads_are_a_warning(production, monkeypatch) -> None:
    monkeypatch.delenv("EMAIL_URL")
    assert found() == []
    (warning,) = warnings()
    assert warning.startswith("EMAIL_URL is not set")


def test_customers_who_can_write_to_nobody_are_a_warning(production) -> None:
    production.SUPPORT_EMAIL = ""
    assert found() == []
    (warning,) = warnings()
    assert warning.startswith("SUPPORT_EMAIL is not set")


def test_what_is_risky_is_a_warning_and_stops_nothing(production, caplog: pytest.LogCaptureFixture) -> None:
    production.DEBUG = True
    production.PUBLIC_URL = "http://app.example.com"
    production.JOB_LEASE_SECONDS = 2
    assert found() == []
    assert [message.partition(" is ")[0] for message in warnings()] == ["DEBUG", "PUBLIC_URL", "JOB_LEASE_SECONDS"]
    production.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    refuse_to_start()
    logged = " ".join(str(record.msg) for record in caplog.records)
    assert all(warning in logged for warning in warnings())
