"""The files that containers are made from: they name what exists, check health and run as nobody special."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from zupertry.testing.service import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ["migrate", "web", "worker", "beat"]
GIVEN_BY_THE_IMAGE = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PATH"}


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order, continued lines joined and comments left out."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def the(name: str) -> str:
    (found,) = [rest for instruction, rest in instructions() if instruction == name]
    return found


def settings_known() -> set[str]:
    """Return the settings that `.env.example` explains."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def settings_read() -> set[str]:
    """Return the settings that `settings.py` and `checks.py` read."""
    sources = "".join((ROOT / "zupertry" / name).read_text() for name in ("settings.py", "checks.py"))
    return set(re.findall(r"""env\.\w+\(\s*"([A-Z][A-Z0-9_]+)""", sources))


def test_every_setting_is_explained_and_every_explained_one_is_read():
    not_ours = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "POSTGRES_PASSWORD"}
    assert settings_read() - settings_known() <= {"AWS_REGION"}
    assert settings_known() - settings_read() <= not_ours


def test_the_five_services_and_the_migration_are_there():
    assert set(SERVICES) == {"web", "worker", "beat", "postgres", "redis", "migrate"}


@pytest.mark.parametrize("name", ["worker", "beat", "postgres", "redis"])
def test_every_long_running_service_checks_its_health(name):
    assert SERVICES[name]["healthcheck"]["test"]


def test_the_web_is_checked_by_the_image_itself():
    assert "healthcheck" not in SERVICES["web"]
    assert "/healthz" in the("HEALTHCHECK")


@pytest.mark.parametrize("name", ["worker", "beat", "web"])
def test_a_process_starts_once_the_tables_are_there_and_has_time_to_stop(name):
    needs = SERVICES[name]["depends_on"]
    assert needs["migrate"]["condition"] == "service_completed_successfully"
    assert needs["postgres"]["condition"] == needs["redis"]["condition"] == "service_healthy"
    assert SERVICES[name]["stop_grace_period"] == "20s"


def test_the_worker_takes_all_queues():
    command = SERVICES["worker"]["command"]
    assert command[command.index("-Q") + 1].split(",") == ["tryon", "webhooks", "default"]


def test_volumes_are_declared_and_images_have_versions():
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert all(re.fullmatch(r"[\w/]+:\d+", image) for image in images), images


def test_only_known_settings_are_passed():
    for name in OURS:
        assert set(SERVICES[name].get("environment", {})) <= settings_known(), name
    arguments = re.findall(r"(\w+)=", the("ENV"))
    assert set(arguments) - GIVEN_BY_THE_IMAGE <= settings_known()


def test_the_image_runs_as_nobody_special_and_installs_by_hash():
    names = [instruction for instruction, _ in instructions()]
    assert the("USER") not in {"root", "0"}
    assert names.index("USER") < names.index("CMD")
    assert any(
        "--require-hashes -r requirements.txt" in rest for instruction, rest in instructions() if instruction == "RUN"
    )
    assert the("CMD").startswith("[")
    assert "python:zupertry.gunicorn" in the("CMD")


def test_what_is_copied_exists():
    for instruction, rest in instructions():
        if instruction == "COPY":
            source = shlex.split(rest)[0]
            assert (ROOT / source).exists()


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_is_pinned_and_hashed(lock):
    packages = re.split(r"\n(?=[a-z0-9])", Path(ROOT / lock).read_text())
    assert len(packages) > 50
    for package in packages:
        assert re.match(r"[\w.\[\],-]+==\S+", package), package[:80]
        assert "--hash=sha256:" in package, package[:80]
