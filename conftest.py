"""The fixture world: Alice the owner, Bob her teammate, Charlie of another organisation."""

import gc
import os
from collections.abc import Generator, Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from zupertry.testing.databases import SHARED, new_database
from zupertry.testing.emptying import Pristine
from zupertry.testing.inside import Inside
from zupertry.testing.ratelimits import forget_cached, forget_windows
from zupertry.testing.service import Service
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the services that run just then have logged."""
    report = yield
    if report.failed:
        report.sections += [section for service in Service.running for section in service.told()]
    return report


@pytest.fixture(scope="session", autouse=True)
def _tables_are_restored() -> Iterator[None]:
    """Have the tables hold what migrations left in them again after each test that commits."""
    tables = Pristine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_setup", lambda *_: tables.remember())
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda *_: tables.restore())
        yield


@pytest.fixture(autouse=True)
def _fresh_rate_limits() -> None:
    """Let no test inherit another's rate-limit window, or failed logins."""
    forget_windows()
    forget_cached()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> None:
    """Give each process a copy of one migrated database, which takes much less than migrating.

    SQLite's is a file, as the service's is: in memory its threads would meet other locks.
    """
    assert SHARED in os.environ, "without zupertry.testing.pytest_servers these would be the developer's own tables"
    environment = dict(os.environ)
    new_database(environment)
    if connection.vendor == "postgresql":
        connection.settings_dict["NAME"] = urlsplit(environment["DATABASE_URL"]).path.strip("/")


@pytest.fixture(scope="session")
def inside(django_db_blocker: DjangoDbBlocker) -> Inside:
    """What is asked of a service's database without a process of its own."""
    return Inside(django_db_blocker)


@pytest.fixture
def world(db: None) -> World:
    """Two organisations with people, keys, credits and workspaces."""
    return make_world()
