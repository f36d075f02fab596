"""`/healthz` and `/readyz`."""

import threading
import time
from pathlib import Path

import pytest

from zupertry import health
from zupertry.testing.api import ApiClient
from zupertry.testing.gcs import GcsServer
from zupertry.testing.live import until


def test_the_process_is_up_without_asking_the_database(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert "no-cache" in response.headers["Cache-Control"]


def test_ready_when_database_storage_and_broker_answer(client, db):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "down": [], "degraded": []}


def test_a_readiness_probe_leaves_no_file_behind(settings, client, db, tmp_path):
    store_in(settings, tmp_path)
    client.get("/readyz")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def store_in(settings, folder: Path) -> None:
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": folder}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}


def test_without_storage_it_is_not_ready_and_says_so(settings, client, db, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "STORAGE_SEEN_SECONDS", 0.0)
    (tmp_path / "file").write_text("where a folder should be")
    store_in(settings, tmp_path / "file")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["down"] == ["storage"]
    assert client.get("/healthz").status_code == 200


def test_a_part_that_hangs_is_down_after_seconds_and_is_asked_once(settings, client, db, tmp_path, monkeypatch):
    """Google's library goes on trying for two minutes."""
    assert health.PROBE_SECONDS <= 5
    monkeypatch.setattr(health, "PROBE_SECONDS", 0.5)
    monkeypatch.setattr(health, "STORAGE_SEEN_SECONDS", 0.0)
    with GcsServer() as gcs:
        for name, value in gcs.environment(tmp_path / "key.json").items():
            monkeypatch.setenv(name, value)
        google = {"BACKEND": "storages.backends.gcloud.GoogleCloudStorage", "OPTIONS": {"bucket_name": "pictures"}}
        settings.STORAGES = {**settings.STORAGES, "default": google}
        gcs.answering.clear()
        started = time.monotonic()
        for _ in range(3):
            response = client.get("/readyz")
            assert response.status_code == 503
            assert "storage" in response.json()["down"]
            assert [thread.name for thread in threading.enumerate()].count("probe storage") == 1
        assert time.monotonic() - started < 20
        gcs.answering.set()
        until(lambda: client.get("/readyz").status_code == 200)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_no_key_and_are_not_counted(world, path):
    for _ in range(70):
        assert ApiClient().head(path).status_code in {200, 503}
        if path == "/readyz":
            break
    assert ApiClient().post(path).status_code == 405
    assert ApiClient(world.alice.live_key).get("/v1/account").headers["RateLimit-Remaining"] == "99999"
