"""The fixture world: Alice the owner, Bob her teammate, Charlie of another organisation."""

from collections.abc import Iterator

import pytest
from django.db import connection

from billing.append_only import let_ledger_change, make_ledger_append_only
from zupertry.core import ratelimit
from zupertry.testing.world import World, make_world


@pytest.fixture(autouse=True)
def _fresh_rate_limits() -> Iterator[None]:
    """Let no test inherit another's rate-limit window."""
    yield
    ratelimit.forget()


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
    with connection.schema_editor() as editor:
        make_ledger_append_only(editor)
    yield
    with connection.schema_editor() as editor:
        let_ledger_change(editor)
