"""The database of a service that tests have started, from within: what needs no process of its own to be asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import environ
from django.conf import settings
from django.db import connections
from django.db.utils import load_backend
from pytest_django import DjangoDbBlocker

from accounts.models import Organisation
from billing.replay import Difference, check
from zupertry.bootstrap import Bootstrapped, bootstrap, random_password
from zupertry.testing import wide_rows
from zupertry.testing.service import RATE_LIMIT, Service

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inside:
    """Does what management commands do, each of which takes more than a second to start."""

    blocker: DjangoDbBlocker

    def bootstrap(self, service: Service, *, credits_: int = 100, name: str = "Alice & Co") -> Bootstrapped:
        """Make an organisation, as `Service.bootstrap` does."""
        email = f"{name.split()[0].lower()}@example.com"
        wanted = (name, email, random_password(), "EU", "starter", credits_, RATE_LIMIT)
        return self._on_database_of(service, lambda: bootstrap(*wanted))

    def wide_rows(self, service: Service, organisation_id: str) -> None:
        """Give an organisation a row in every table, with long values."""
        self._on_database_of(service, lambda: wide_rows.make(Organisation.objects.get(pk=organisation_id)))

    def differences(self, service: Service) -> list[Difference]:
        """Return what `check_ledger` would: the accounts that are not the sum of their entries."""
        return self._on_database_of(service, check)

    def _on_database_of(self, service: Service, work: Callable[[], T]) -> T:
        file = Path(service.environment["VAR_DIR"]) / "zupertry.sqlite3"
        found = environ.Env.db_url_config(service.environment.get("DATABASE_URL") or f"sqlite:///{file}")
        # Without the pool, which is one for each alias and would outlive the service.
        options = {**settings.DATABASES["default"]["OPTIONS"], **found.get("OPTIONS", {})}
        options.pop("pool", None)
        configured = {**connections.settings["default"], **found, "OPTIONS": options}

        def connected() -> T:
            connections["default"] = load_backend(configured["ENGINE"]).DatabaseWrapper(configured, "default")
            with closing(connections["default"]):
                return work()

        # Each thread has connections of its own.
        with self.blocker.unblock(), ThreadPoolExecutor(1) as thread:
            return thread.submit(connected).result()
