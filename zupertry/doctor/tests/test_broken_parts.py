"""Each thing broken in turn: the doctor names that thing, and nothing else."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import redis

from tryon.engines.local import models
from zupertry.doctor import database, machine
from zupertry.doctor.finding import Status
from zupertry.testing.clinic import Clinic, open_clinic, s3_bucket
from zupertry.testing.gcs import GcsServer
from zupertry.testing.google_keys import write_key_file
from zupertry.testing.imposters import postgres_that_claims, silent_server
from zupertry.testing.live import on_several_processes, until
from zupertry.testing.smtp import MailServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not on_several_processes(), reason="a laptop has few of these parts"),
]

NOBODY = "127.0.0.1:1"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Iterator[Clinic]:
    with django_db_blocker.unblock(), open_clinic(tmp_path_factory.mktemp("clinic")) as running:
        yield running


@pytest.fixture(autouse=True)
def _a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call nothing slow on a machine that is busy with other tests."""
    monkeypatch.setattr(database, "SLOW_MS", 10_000.0)


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_bucket() as environment:
        yield environment


def test_a_service_in_good_health(clinic: Clinic) -> None:
    lines = clinic.examine()
    assert [(line.part, line.finding) for line in lines if line.finding.status != Status.OK] == []
    assert list(dict.fromkeys(line.part for line in lines)) == [
        *("settings", "database", "migrations", "clock", "broker", "cache", "workers", "beat", "queues"),
        *("storage", "engine", "stripe", "razorpay", "mail", "disk", "static files"),
    ]


def assert_only(trouble: dict[str, str], part: str, *words: str) -> None:
    assert list(trouble) == [part], trouble
    for word in words:
        assert word in trouble[part]


def test_a_wrong_setting_and_what_depends_on_it_is_not_looked_at(clinic: Clinic) -> None:
    lines = clinic.examine(STRIPE_WEBHOOK_SECRET="")
    found = {line.part: line.finding for line in lines if line.finding.status != Status.OK}
    assert list(found) == ["settings", "stripe"]
    assert found["settings"].status == Status.BROKEN
    assert "STRIPE_SECRET_KEY is set, but STRIPE_WEBHOOK_SECRET is not." in found["settings"].found
    assert found["stripe"].status == Status.SKIPPED


def test_half_a_key_to_the_store(clinic: Clinic, s3: dict[str, str]) -> None:
    lines = clinic.examine(**{**s3, "AWS_SECRET_ACCESS_KEY": ""})
    assert {line.part: line.finding.status for line in lines if line.finding.status != Status.OK} == {
        "settings": Status.BROKEN,
        "storage": Status.SKIPPED,
    }


def test_every_wrong_setting_has_its_line(clinic: Clinic) -> None:
    lines = clinic.examine(PORT="abc", DATABASE_URL="nonsense", REDIS_URL="nonsense", EMAIL_URL="mail")
    named = [line.finding.found.split()[0] for line in lines if line.finding.status == Status.BROKEN]
    assert named == ["PORT", "REDIS_URL", "DATABASE_URL", "EMAIL_URL"]


# Database


def test_a_database_that_is_not_there(clinic: Clinic) -> None:
    trouble = clinic.trouble(DATABASE_URL=f"postgres://user:hunter2@{NOBODY}/zupertry")
    assert_only(trouble, "database", "refused", "correct host, port, user, password or name in DATABASE_URL")
    assert "hunter2" not in trouble["database"]
    url = clinic.service.environment["DATABASE_URL"]
    name = url.partition("?")[0].rpartition("/")[2]
    assert_only(clinic.trouble(DATABASE_URL=url.replace(name, "elsewhere")), "database", '"elsewhere" does not exist')


def test_a_database_that_says_nothing(clinic: Clinic) -> None:
    with silent_server() as port:
        trouble = clinic.trouble(2, DATABASE_URL=f"postgres://user@127.0.0.1:{port}/zupertry")
    assert list(trouble) == ["database"]


def test_a_database_that_takes_no_writes(clinic: Clinic) -> None:
    read_only = with_option(clinic, "default_transaction_read_only=on")
    assert_only(clinic.trouble(DATABASE_URL=read_only), "database", "takes no writes", "primary")


def with_option(clinic: Clinic, option: str) -> str:
    return f"{clinic.service.environment['DATABASE_URL']}&options=-c%20{option.replace('=', '%3D')}"


def test_a_database_that_is_too_old(clinic: Clinic) -> None:
    with postgres_that_claims(clinic.service.environment["DATABASE_URL"], b"14") as url:
        assert_only(clinic.trouble(DATABASE_URL=url), "database", "PostgreSQL 14, which is too old", "15 or newer")


def test_a_database_that_is_slow_or_full(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "SLOW_MS", 0.0)
    assert_only(clinic.trouble(), "database", "warning: PostgreSQL", "answers in")
    monkeypatch.setattr(database, "SLOW_MS", 10_000.0)
    monkeypatch.setattr(database, "FULL", 0.0)
    assert_only(clinic.trouble(), "database", "warning:", "connections are taken")


def test_a_migration_that_was_not_run(clinic: Clinic) -> None:
    clinic.sql("UPDATE django_migrations SET name = '0001_of_tomorrow' WHERE app = 'tryon' AND name = '0002_uploads'")
    try:
        assert_only(clinic.trouble(), "migrations", "tryon.0002_uploads has not been run", "manage.py migrate")
    finally:
        clinic.sql("UPDATE django_migrations SET name = '0002_uploads' WHERE name = '0001_of_tomorrow'")


def test_a_migration_of_another_version(clinic: Clinic) -> None:
    clinic.sql("INSERT INTO django_migrations (app, name, applied) VALUES ('tryon', '9999_of_tomorrow', now())")
    try:
        assert_only(clinic.trouble(), "migrations", "warning: tryon.9999_of_tomorrow has been run", "does not know")
    finally:
        clinic.sql("DELETE FROM django_migrations WHERE name = '9999_of_tomorrow'")


# Clocks


@pytest.mark.parametrize(("ahead", "how"), [(60, "broken"), (-5, "warning")])
def test_a_database_whose_clock_is_wrong(clinic: Clinic, ahead: int, how: str) -> None:
    clinic.sql("CREATE SCHEMA skewed")
    clinic.sql(
        "CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
        f"AS $$ SELECT pg_catalog.clock_timestamp() + interval '{ahead} seconds' $$"
    )
    try:
        trouble = clinic.trouble(DATABASE_URL=with_option(clinic, "search_path=skewed,pg_catalog,public"))
    finally:
        clinic.sql("DROP SCHEMA skewed CASCADE")
    words = f"{abs(ahead)}.0 s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    assert_only(trouble, "clock", f"{how}: the database's clock is", words, "chrony")


def test_a_machine_whose_clock_is_wrong(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Database and application agree, as on one host: a provider's clock tells."""
    handler: Any = clinic.stripe._http.RequestHandlerClass
    honest = handler.date_time_string
    monkeypatch.setattr(handler, "date_time_string", lambda self, _=None: honest(self, time.time() + 3600))
    assert_only(clinic.trouble(), "clock", "broken: Stripe's clock is 3", "ahead of this machine's")


# Broker, cache, workers, beat


def test_a_broker_that_is_not_there(clinic: Clinic) -> None:
    clinic.broker.stop()
    try:
        assert_only(clinic.trouble(), "broker", "refused", "correct REDIS_URL")
    finally:
        clinic.broker.start()
        clinic.send_canaries()


def test_a_broker_that_hangs(clinic: Clinic) -> None:
    process = int((clinic.broker.directory / "server.pid").read_text())
    os.kill(process, signal.SIGSTOP)
    try:
        assert list(clinic.trouble()) == ["broker"]
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_broker_that_is_full_or_forgets(clinic: Clinic) -> None:
    with redis.Redis.from_url(clinic.broker.url) as client:
        try:
            client.config_set("maxmemory", "1")
            assert_only(clinic.trouble(), "broker", "its memory is full")
            client.config_set("maxmemory", "1gb")
            client.config_set("maxmemory-policy", "allkeys-lru")
            assert_only(clinic.trouble(), "broker", "warning: it drops messages", "allkeys-lru", "noeviction")
        finally:
            client.config_set("maxmemory", "0")
            client.config_set("maxmemory-policy", "noeviction")


def test_a_cache_apart_from_the_broker_that_is_not_there(clinic: Clinic) -> None:
    trouble = clinic.trouble(REDIS_URL=f"redis://{NOBODY}/0", CELERY_BROKER_URL=clinic.broker.url)
    assert_only(trouble, "cache", "refused", "correct REDIS_URL")


def test_a_broker_apart_from_the_cache_that_is_not_there(clinic: Clinic) -> None:
    trouble = clinic.trouble(CELERY_BROKER_URL=f"amqp://user:hunter2@{NOBODY}//")
    assert_only(trouble, "broker", "correct CELERY_BROKER_URL")
    assert "hunter2" not in trouble["broker"]


def test_a_worker_that_is_alive_and_does_nothing(clinic: Clinic) -> None:
    clinic.sql("UPDATE zupertry_canary SET unanswered_since = now() - interval '9 minutes' WHERE queue = 'webhooks'")
    try:
        assert_only(clinic.trouble(), "queues", "the queue webhooks was answered since 9 min ago", "restart them")
        ready = clinic.service.call("GET", "/readyz")
        assert (ready.status, ready.body["degraded"]) == (200, ["queue:webhooks"])
    finally:
        clinic.send_canaries()


def test_no_worker_and_none_for_a_queue(clinic: Clinic) -> None:
    clinic.service.kill("worker")
    try:
        assert_only(clinic.trouble(), "workers", "none answers", "celery -A zupertry worker -Q tryon,webhooks,default")
        clinic.service.start("worker for webhooks", queues="webhooks,default")
        until(lambda: "none answers" not in clinic.trouble()["workers"])
        assert_only(clinic.trouble(), "workers", "none takes from the queue tryon.")
    finally:
        clinic.service.stop("worker for webhooks")
        clinic.service.start("worker")
        until(lambda: not clinic.trouble())


def test_no_beat(clinic: Clinic) -> None:
    clinic.service.kill("beat")
    clinic.sql("UPDATE zupertry_canary SET sent_at = now() - interval '3 hours'")
    assert_only(clinic.trouble(), "beat", "sent nothing since 3 h ago", "celery -A zupertry beat")
    clinic.sql("UPDATE zupertry_canary SET sent_at = NULL, succeeded_at = NULL")
    assert_only(clinic.trouble(), "beat", "has never sent anything")
    clinic.service.start("beat")
    clinic.send_canaries()


# Storage


def test_storage_in_a_bucket(clinic: Clinic, s3: dict[str, str]) -> None:
    assert clinic.trouble(**s3) == {}


def test_a_bucket_that_is_not_there(clinic: Clinic, s3: dict[str, str]) -> None:
    assert_only(clinic.trouble(**{**s3, "STORAGE_BUCKET": "elsewhere"}), "storage", "NoSuchBucket", "STORAGE_BUCKET")


def test_a_store_that_is_not_there(clinic: Clinic, s3: dict[str, str]) -> None:
    trouble = clinic.trouble(**{**s3, "AWS_S3_ENDPOINT_URL": f"http://{NOBODY}"})
    assert_only(trouble, "storage", "Could not connect", "AWS_S3_ENDPOINT_URL")


def test_a_store_that_hangs(clinic: Clinic, tmp_path: Path) -> None:
    """Google's library goes on trying for two minutes."""
    with GcsServer() as gcs:
        gcs.answering.clear()
        google = {**gcs.environment(tmp_path / "key.json"), "STORAGE": "gcs", "STORAGE_BUCKET": "pictures"}
        lines = clinic.examine(2, **google)
    (line,) = [line for line in lines if line.part == "storage"]
    assert "has not answered within 2 seconds" in line.finding.found


def test_links_that_customers_can_not_follow(clinic: Clinic) -> None:
    """The web has another key than whoever made the link."""
    assert_only(clinic.trouble(SECRET_KEY="k" * 50), "storage", "is answered with HTTP 404", "the same SECRET_KEY")


def test_a_folder_that_can_not_be_written(clinic: Clinic) -> None:
    media = clinic.service.var_dir / "media"
    media.rename(aside := media.with_name("aside"))
    media.write_text("where a folder should be")
    try:
        assert_only(clinic.trouble(), "storage", "VAR_DIR/media writable")
    finally:
        media.unlink()
        aside.rename(media)


# Engine


def test_a_key_that_google_does_not_know(clinic: Clinic, tmp_path: Path) -> None:
    write_key_file(tmp_path / "key.json", f"{clinic.vertex.url}/token")
    trouble = clinic.trouble(GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"))
    assert_only(trouble, "engine", "gives no token for", "invalid_grant", "make a new key")


def test_an_endpoint_that_is_not_there(clinic: Clinic) -> None:
    assert_only(clinic.trouble(VERTEX_API_ENDPOINT=f"http://{NOBODY}"), "engine", NOBODY, "VERTEX_LOCATION")


def test_no_token_server(clinic: Clinic, tmp_path: Path) -> None:
    write_key_file(tmp_path / "key.json", f"http://{NOBODY}/token")
    key = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}
    assert_only(clinic.trouble(20, **key), "engine", "warning: vertex: Google's token server can't be reached")
    assert_only(clinic.trouble(20, VERTEX_API_ENDPOINT="", **key), "engine", "broken:", "oauth2.googleapis.com")


def test_a_damaged_model_of_the_local_engine(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    local = {"TRYON_ENGINE": "local", "VERTEX_PROJECT": ""}
    models._network.cache_clear()
    assert clinic.trouble(**local) == {}
    models._network.cache_clear()
    monkeypatch.setitem(models._SHA256, "selfie_segmentation", "another")
    assert_only(clinic.trouble(**local), "engine", "selfie_segmentation.tflite is damaged", "make install")


# Gateways


def test_a_key_that_a_gateway_does_not_know(clinic: Clinic) -> None:
    assert_only(clinic.trouble(STRIPE_SECRET_KEY="sk_test_other"), "stripe", "Copy STRIPE_SECRET_KEY anew")
    assert_only(clinic.trouble(RAZORPAY_KEY_SECRET="other"), "razorpay", "Copy RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET")


@pytest.mark.parametrize("gateway", ["stripe", "razorpay"])
def test_a_gateway_that_is_not_there(clinic: Clinic, gateway: str) -> None:
    trouble = clinic.trouble(**{f"{gateway.upper()}_API_BASE": f"http://{NOBODY}"})
    assert_only(trouble, gateway, f"reaches http://{NOBODY}", "status page")


def test_a_gateway_that_hangs(clinic: Clinic) -> None:
    with silent_server() as port:
        lines = clinic.examine(2, RAZORPAY_API_BASE=f"http://127.0.0.1:{port}")
    broken = {line.part: line.finding.found for line in lines if line.finding.status == Status.BROKEN}
    assert broken == {"razorpay": "has not answered within 2 seconds."}


# Mail


def test_a_mail_server_that_is_not_there(clinic: Clinic) -> None:
    assert_only(clinic.trouble(EMAIL_URL=f"smtp://{NOBODY}"), "mail", "refused", "EMAIL_URL")


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"connect": "421 go away"}, "421"),
        ({"EHLO": "502 no", "HELO": "502 no"}, "does not take mails"),
        ({"NOOP": "500 what?"}, "says 500 what?"),
        ({"EHLO": "250-mail.test\r\n250 AUTH PLAIN", "AUTH": "535 no"}, "refuses user and password (535)"),
    ],
)
def test_a_mail_server_that_refuses(clinic: Clinic, replies: dict[str, str | None], words: str) -> None:
    user = "user:hunter2@" if "AUTH" in replies else ""
    with MailServer(replies) as server:
        trouble = clinic.trouble(EMAIL_URL=f"smtp://{user}127.0.0.1:{server.port}")
    assert_only(trouble, "mail", words)
    assert "hunter2" not in trouble["mail"]


def test_a_folder_for_mails_that_can_not_be_made(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    trouble = clinic.trouble(EMAIL_URL=f"filemail://{tmp_path}/file/mails")
    assert_only(trouble, "mail", "Not a directory", "EMAIL_URL writable")


# The machine


def test_a_disk_that_is_full_or_nearly(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LITTLE_BYTES", 2**60)
    assert_only(clinic.trouble(), "disk", "warning:", "GB left", "Make room")
    monkeypatch.setattr(machine, "TOO_LITTLE_BYTES", 2**60)
    assert_only(clinic.trouble(), "disk", "broken:", "GB left")


def test_static_files_that_are_missing_or_old(clinic: Clinic, tmp_path: Path) -> None:
    style = clinic.static_root / "css" / "zupertry.css"
    content = style.read_bytes()
    style.write_bytes(content + b"/* of yesterday */")
    try:
        assert_only(clinic.trouble(), "static files", "css/zupertry.css", "collectstatic")
        style.unlink()
        assert_only(clinic.trouble(), "static files", "css/zupertry.css")
    finally:
        style.write_bytes(content)
    with patch.object(clinic, "static_root", tmp_path):
        assert_only(clinic.trouble(), "static files", f"none are collected in {tmp_path}")


def test_nothing_is_left_behind(clinic: Clinic) -> None:
    """Neither files nor queues, of all that the doctor has looked at."""
    assert [path for path in (clinic.service.var_dir / "media").rglob("*") if path.is_file()] == []
    with redis.Redis.from_url(clinic.broker.url) as client:
        assert [key for key in client.scan_iter() if b"doctor" in key] == []
