"""One stage for a file's tests: the service is started once, and each test comes as somebody of its own."""

from collections.abc import Iterator

import pytest

from zupertry.testing.stage import Stage, chromium, set_stage


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    executable = chromium()
    if executable is None:
        pytest.skip("needs Chromium")
    with set_stage(tmp_path_factory.mktemp("stage"), executable) as stage:
        yield stage


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    """Fail a test whose pages put an error on the console, or asked another server for anything."""
    whole_stage.complaints.clear()
    yield whole_stage
    for context in whole_stage.browser.contexts:
        context.close()
    assert whole_stage.complaints == []
