"""The settings, as every process checks them before it starts."""

from collections.abc import Iterator

from zupertry.checks import problems_and_warnings
from zupertry.doctor.finding import Finding, Status, ok


def settings() -> Iterator[Finding]:
    """Find every missing, wrong or risky setting. Each message says itself what to do."""
    problems, warnings = problems_and_warnings()
    yield from (Finding(Status.BROKEN, problem) for problem in problems)
    yield from (Finding(Status.WARNING, message) for message in warnings)
    if not problems and not warnings:
        yield ok("every setting makes sense")
