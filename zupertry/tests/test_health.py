"""`/healthz` and `/readyz`."""

from pathlib import Path

import pytest

from zupertry import health
from zupertry.testing.api import ApiClient


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


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_no_key_and_are_not_counted(world, path):
    for _ in range(70):
        assert ApiClient().head(path).status_code in {200, 503}
        if path == "/readyz":
            break
    assert ApiClient().post(path).status_code == 405
    assert ApiClient(world.alice.live_key).get("/v1/account").headers["RateLimit-Remaining"] == "99999"
