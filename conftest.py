"""The fixture world: Alice the owner, Bob her teammate, Charlie of another organisation."""

import gc
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models.signals import post_migrate

from billing.append_only import let_ledger_change, make_ledger_append_only
from zupertry.testing.ratelimits import forget_cached, forget_windows
from zupertry.testing.staff import keep_groups
from zupertry.testing.world import World, make_world


def pytest_configure() -> None:
    """Hash passwords fast, for every test makes people; look for static files when they are asked for.

    Each test client begins with middleware of its own, and WhiteNoise would list every static file for each.
    """
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end: a tenth of the time went into looking at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def _migrations_outlive_a_flush() -> None:
    """Make plans, packs and trigger anew, as their migrations do, when a test has emptied the tables."""
    make_plans = import_module("billing.migrations.0003_plans").make_plans
    make_packs = import_module("billing.migrations.0005_packs").make_packs

    def remake(**_: object) -> None:
        make_plans(apps, None)
        make_packs(apps, None)
        with connection.schema_editor() as editor:
            make_ledger_append_only(editor)

    post_migrate.connect(remake, sender=apps.get_app_config("billing"), weak=False)


@pytest.fixture(autouse=True)
def _fresh_rate_limits() -> None:
    """Let no test inherit another's rate-limit window, or failed logins."""
    forget_windows()
    forget_cached()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep SQLite's test database in a file, as the service does: in memory its threads would meet other locks."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(settings.VAR_DIR / "test.sqlite3")


@pytest.fixture
def groups(db: None) -> None:
    """The groups of staff, also after a test that has emptied the tables."""
    keep_groups()


@pytest.fixture
def world(db: None) -> World:
    """Two organisations with people, keys, credits and workspaces."""
    return make_world()


@pytest.fixture(autouse=True)
def _ledger_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lift the append-only trigger while a transactional test's teardown flushes the tables."""
    transactional = "transactional_db" in request.fixturenames or (
        (mark := request.node.get_closest_marker("django_db")) and mark.kwargs.get("transaction")
    )
    if not transactional:
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    with connection.schema_editor() as editor:
        let_ledger_change(editor)
