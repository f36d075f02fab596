"""What production is made of, as far as that shows without a container: image, compose, lock and static files."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from packaging.requirements import Requirement

from zupertry.testing.service import ROOT, free_port
from zupertry.tests.test_settings import PRODUCTION, explained

BIN = Path(sys.executable).parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
OTHERS = {name: service for name, service in COMPOSE["services"].items() if "build" not in service}


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [
        (name, " ".join(rest.split())) for name, _, rest in (line.partition(" ") for line in lines) if name.isupper()
    ]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def ignored_by_docker(path: str) -> bool:
    """Read .dockerignore as Docker does: of the rules that fit a path, or a folder that it is in, the last one counts.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    parts = path.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    ignored = False
    for rule in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = rule.removeprefix("!")
        if pattern.startswith("**/"):
            fits = any(fnmatch(part, pattern.removeprefix("**/")) for part in parts)
        else:
            fits = pattern in above or (pattern == "*" and bool(parts))
        if fits and pattern and not rule.startswith("#"):
            ignored = not rule.startswith("!")
    return ignored


def test_the_image_runs_as_nobody_special_and_says_whether_it_is_healthy() -> None:
    names = [name for name, _ in instructions()]
    assert names[:2] == ["ARG", "FROM"]
    assert len(names) - 1 == names.index("CMD")
    assert names.index("USER") < names.index("HEALTHCHECK") < names.index("CMD")
    assert arguments("USER") == ["10001:10001"]
    (making,) = [rest for rest in arguments("RUN") if "useradd" in rest]
    assert "--uid 10001" in making
    assert "--mode 0700 /var/lib/zupertry" in making


def test_the_image_is_built_on_a_digest_of_a_version_that_the_code_runs_on() -> None:
    """Both stages on the very same bytes, which the labels name too."""
    assert arguments("FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    pinned = re.fullmatch(r"PYTHON_IMAGE=(python:3\.(\d+)\.\d+-slim-[a-z]+)@(sha256:[0-9a-f]{64})", arguments("ARG")[0])
    assert pinned
    assert int(pinned[2]) >= 11
    assert labels()["base.name"] == f"docker.io/library/{pinned[1]}"
    assert labels()["base.digest"] == pinned[3]


def labels() -> dict[str, str]:
    """Return the image's labels of https://specs.opencontainers.org/image-spec/annotations/, without their prefix."""
    (line,) = arguments("LABEL")
    return dict(re.findall(r'org\.opencontainers\.image\.([a-z.]+)="([^"]*)"', line))


def test_the_image_says_what_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    defaults = dict(rest.split("=", 1) for rest in arguments("ARG")[1:])
    assert labels().keys() >= {"title", "description", "licenses", "version", "revision"}
    assert labels()["licenses"] == project["license"]
    assert (labels()["version"], defaults["VERSION"]) == ("${VERSION}", project["version"])
    assert (labels()["revision"], defaults["REVISION"]) == ("${REVISION}", "unknown")


def test_the_image_holds_no_tools_to_build_with_and_no_tests() -> None:
    """What builds stays in the first stage, of which the second copies two folders."""
    stages = [number for number, (name, _) in enumerate(instructions()) if name == "FROM"]
    last = instructions()[stages[-1] :]
    assert [rest for name, rest in last if name == "COPY"] == [
        "--from=build /opt/venv /opt/venv",
        "--from=build /app /app",
    ]
    assert "pip --disable-pip-version-check uninstall --yes" in next(rest for name, rest in last if name == "RUN")
    assert not re.search("apt-get|gcc|build-essential", (ROOT / "Dockerfile").read_text())
    names = (
        "conftest.py",
        "Makefile",
        "requirements-dev.txt",
        "zupertry/testing/stage.py",
        "zupertry/tests/test_wire.py",
    )
    for name in (*names, "README.md", "docs/operations/README.md", "benchmarks/x.py"):
        assert ignored_by_docker(name), name


def test_what_the_image_copies_is_there_and_secrets_are_not_copied() -> None:
    for sources in arguments("COPY"):
        for source in sources.split()[:-1]:
            assert sources.startswith("--from=build ") or (ROOT / source).exists(), source
    secret = (
        ".env",
        ".env.production",
        "var/secret_key",
        ".git/config",
        ".venv/bin/python",
        "key.json",
        "a/b/key.json",
    )
    for name in (*secret, "accounts/tests/test_delivery.py", "zupertry/__pycache__/urls.pyc"):
        assert ignored_by_docker(name), name
    served = ("static/app.css", "templates/a.html", "docs/site/errors.md", "docs/snippets/verify_webhook.py", "LICENSE")
    for name in (
        "manage.py",
        "zupertry/settings.py",
        "zupertry/docs/site.py",
        "requirements.txt",
        ".env.example",
        *served,
    ):
        assert not ignored_by_docker(name), name


def test_the_image_installs_what_is_locked_and_nothing_else() -> None:
    (install,) = [rest for rest in arguments("RUN") if " install --no-cache-dir" in rest]
    assert "--only-binary :all: --require-hashes --no-deps -r requirements.txt" in install


def test_the_image_serves_the_web_with_gunicorn_and_its_configuration() -> None:
    command = json.loads(arguments("CMD")[-1])
    assert command == ["gunicorn", "-c", "python:zupertry.gunicorn", "zupertry.wsgi"]
    _check_command(command)


def test_the_health_check_of_the_image_asks_the_port_in_use(tmp_path: Path) -> None:
    """The check itself is run, against nothing: it fails, at the address that the settings say."""
    command = json.loads(arguments("HEALTHCHECK")[0].partition("CMD ")[2])
    assert command[0] == "python"
    port = str(free_port())
    done = subprocess.run(
        [sys.executable, *command[1:]], env={"PORT": port}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "Connection refused" in done.stderr


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image holds in /app: what it gets, and the static files that the Dockerfile's very command collects."""
    folder = tmp_path_factory.mktemp("image") / "app"
    _copy_as_docker_does(folder)
    (command,) = [rest for rest in arguments("RUN") if "collectstatic" in rest]
    run_in_image(folder, command.replace("/opt/venv/bin/python", sys.executable))
    return folder


def run_in_image(folder: Path, command: str, **environment: str) -> str:
    """Run a shell command without any setting but `environment`, and return what it printed."""
    own = {"PATH": f"{BIN}:/usr/bin:/bin", **environment}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_image_collects_its_static_files_without_any_setting_of_production(app: Path) -> None:
    manifest = json.loads((app / "static_collected" / "staticfiles.json").read_text())
    assert manifest["paths"]


def test_everything_in_the_image_can_be_imported_without_what_was_left_out(app: Path, tmp_path: Path) -> None:
    """Of packages at least what the build imports, to have its bytecode."""
    (packages,) = re.findall(r"(import celery[^\"]+)", " ".join(arguments("RUN")))
    everything = (
        "import django, importlib, pkgutil; django.setup()\n"
        "for app in ('accounts', 'billing', 'tryon', 'zupertry'):\n"
        "    for module in pkgutil.walk_packages(importlib.import_module(app).__path__, app + '.'):\n"
        "        module.name.endswith('__main__') or print(importlib.import_module(module.name).__name__)\n"
        f"{packages}\n"
    )
    settings = {**PRODUCTION, "VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "zupertry.settings"}
    imported = run_in_image(app, f"{sys.executable} -c {shlex.quote(everything)}", **settings).split()
    assert {"zupertry.urls", "tryon.tasks", "zupertry.management.commands.check_ledger"} <= set(imported)
    assert not [name for name in imported if "tests" in name or "testing" in name]


def _copy_as_docker_does(target: Path) -> None:
    def ignored(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if ignored_by_docker(Path(folder, name).relative_to(ROOT).as_posix())]

    shutil.copytree(ROOT, target, ignore=ignored)


def test_pages_use_hashed_names_once_static_files_are_collected(settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.WHITENOISE_USE_FINDERS = False
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "zupertry.core.static_files.CollectedStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    page = Client().get("/docs/api").content.decode()
    used = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert used
    for url in used:
        assert re.search(r"\.[0-9a-f]{12}\.", url), url
        answer = Client().get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_compose_runs_the_three_processes_their_data_and_the_migrations() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "beat"}
    assert set(OTHERS) == {"postgres", "redis"}


def test_every_long_running_service_has_a_health_check_and_starts_again() -> None:
    for name, service in COMPOSE["services"].items():
        if name != "migrate":
            assert service["restart"] == "unless-stopped"
            assert "test" in service.get("healthcheck", {}) or name == "web"  # the image's own
    assert arguments("HEALTHCHECK")


def test_no_service_may_take_all_of_the_host_or_fill_its_disk_with_logs() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_our_containers_can_change_nothing_but_their_data() -> None:
    for service in OURS.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]


def test_data_is_reached_by_ours_alone_and_the_web_through_a_proxy_on_the_host() -> None:
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for service in OTHERS.values():
        assert service["networks"] == ["data"]
        assert "ports" not in service
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["web"]
    assert OURS["web"]["ports"] == ["${HOST:-127.0.0.1}:${PORT:-8000}:8000"]


def test_no_password_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    asked = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}", text)
    assert asked
    assert all(rest.startswith(":?") for _, rest in asked)
    assert not re.findall(r"^ *\w*(?:PASSWORD|SECRET|KEY)\w*: (?!\$)", text, re.MULTILINE)


def test_migrations_run_once_and_make_nobody_wait_long() -> None:
    assert OURS["migrate"]["restart"] == "no"
    assert "lock_timeout" in OURS["migrate"]["environment"]["PGOPTIONS"]


def test_images_of_others_are_pinned_to_a_version() -> None:
    for service in OTHERS.values():
        assert re.fullmatch(r"[a-z/]+:\d+(\.\d+)*", service["image"]), service["image"]
    assert "latest" not in (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("name", ["migrate", "worker", "beat"])
def test_the_commands_of_compose_are_there(name: str) -> None:
    _check_command(OURS[name]["command"])


def _check_command(command: list[str]) -> None:
    """Check that the program is installed, and that the files and modules it is given exist."""
    assert (BIN / command[0]).exists()
    for word in command[1:]:
        if word.endswith(".py"):
            assert (ROOT / word).is_file()
        elif re.fullmatch(r"(python:)?zupertry[.a-z_]*", word):
            assert find_spec(word.removeprefix("python:"))


def test_the_worker_takes_every_queue(settings) -> None:
    command = OURS["worker"]["command"]
    assert set(command[command.index("-Q") + 1].split(",")) == {queue.name for queue in settings.CELERY_TASK_QUEUES}


def test_the_worker_is_pinged_under_its_own_name() -> None:
    (probe,) = OURS["worker"]["healthcheck"]["test"][1:]
    words = shlex.split(probe.replace("$$HOSTNAME", "%h"))
    command = OURS["worker"]["command"]
    assert words[words.index("-d") + 1] == command[command.index("-n") + 1]


def test_compose_sets_only_what_is_a_setting_and_asks_only_for_what_is_explained() -> None:
    for service in OURS.values():
        assert service["environment"].keys() - {"PGOPTIONS"} <= explained().keys()  # which libpq reads
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= explained().keys()


def test_the_address_of_the_database_is_that_of_the_service() -> None:
    url = OURS["web"]["environment"]["DATABASE_URL"]
    postgres = OTHERS["postgres"]["environment"]
    assert url.startswith(f"postgres://{postgres['POSTGRES_USER']}:")
    assert url.endswith(f"@postgres:5432/{postgres['POSTGRES_DB']}")
    assert OURS["web"]["environment"]["REDIS_URL"] == "redis://redis:6379/0"


def test_volumes_are_declared_and_ours_is_where_the_image_keeps_its_data() -> None:
    used = {
        volume.partition(":")[0] for service in COMPOSE["services"].values() for volume in service.get("volumes", [])
    }
    assert used == set(COMPOSE["volumes"])
    for service in OURS.values():
        assert service["volumes"] == [f"var:{service['environment']['VAR_DIR']}"]
        assert f"VAR_DIR={service['environment']['VAR_DIR']}" in arguments("ENV")[0]


def test_data_comes_before_what_needs_it() -> None:
    for name in ("web", "worker", "beat"):
        wanted: dict[str, Any] = OURS[name]["depends_on"]
        assert wanted["migrate"]["condition"] == "service_completed_successfully"
        assert {wanted[data]["condition"] for data in ("postgres", "redis")} == {"service_healthy"}


def test_a_container_is_given_longer_to_stop_than_the_service_takes() -> None:
    assert all(int(service["stop_grace_period"].removesuffix("s")) > 10 for service in OURS.values())


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_everything_installed_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text().replace("\\\n", " ")
    locked = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(locked) > 20
    for line in locked:
        assert re.match(r"[a-z0-9._-]+(\[[a-z, 0-9_-]+\])?==[^ ]+ ", line), line[:80]
        assert "--hash=sha256:" in line, line[:80]


def test_what_is_installed_is_what_is_locked() -> None:
    """So that what was tested, linted and audited is what production gets."""
    for name in ("requirements", "requirements-dev"):
        for line in re.findall(r"^[a-z0-9].*==.*(?= \\$)", (ROOT / f"{name}.txt").read_text(), re.MULTILINE):
            locked = Requirement(line)
            if not locked.marker or locked.marker.evaluate():
                assert locked.specifier.contains(metadata.version(locked.name), prereleases=True), line


def test_extras_that_packages_ask_of_each_other_are_locked_too() -> None:
    """Else pip takes the newest release for `google-auth[pyopenssl]`, finds it unpinned and gives up."""
    text = (ROOT / "requirements-dev.txt").read_text() + (ROOT / "requirements.txt").read_text()
    rows = re.findall(r"^([a-z0-9._-]+)(?:\[([a-z, 0-9_-]+)\])?==", text, re.MULTILINE)
    locked = {package: set(extras.split(", ")) - {""} for package, extras in rows}
    asked = [Requirement(text) for package in locked for text in _requires(package)]
    needed = [one for one in asked if one.extras and one.name in locked and (not one.marker or one.marker.evaluate())]
    assert needed
    for one in needed:
        assert one.extras <= locked[one.name], one


def _requires(package: str) -> list[str]:
    try:
        return metadata.requires(package) or []
    except metadata.PackageNotFoundError:  # another system's
        return []


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_everything_asked_for_is_locked(name: str) -> None:
    asked = re.findall(r"^([A-Za-z][A-Za-z0-9._-]*)", (ROOT / f"{name}.in").read_text(), re.MULTILINE)
    locked = re.findall(r"^([a-z0-9._-]+)", (ROOT / f"{name}.txt").read_text(), re.MULTILINE)
    assert {package.lower().replace("_", "-") for package in asked} <= set(locked)
