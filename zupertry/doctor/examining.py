"""Goes through the examinations: those that need nothing at once, then those that need these, and so on."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from zupertry.doctor.finding import Examination, Finding, Status, broken, explained
from zupertry.doctor.probe import Probe

SETTINGS = "settings"
"""The part whose findings decide which others can be looked at."""
_NAME = re.compile(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*\b")


@dataclass(frozen=True, slots=True)
class Line:
    """A finding, and the part it is about."""

    part: str
    finding: Finding


def examine(examinations: Sequence[Examination]) -> list[Line]:
    """Return what is found, in the order of `examinations`; each has its own time limit, and nothing is raised."""
    found: dict[str, list[Finding]] = {}
    waiting = list(examinations)
    while waiting:
        still = {one.part for one in waiting}
        now = [one for one in waiting if one.part == SETTINGS or still.isdisjoint((SETTINGS, *one.needs))]
        found |= _ask(now, found)
        waiting = [one for one in waiting if one.part not in found]
    return [Line(one.part, finding) for one in examinations for finding in found[one.part]]


def _ask(examinations: Iterable[Examination], found: Mapping[str, list[Finding]]) -> dict[str, list[Finding]]:
    """Ask these all at once. Those that can't be looked at are skipped."""
    answers: dict[str, list[Finding]] = {}
    running: list[tuple[Examination, Future[list[Finding]]]] = []
    started = time.monotonic()
    for one in examinations:
        if reason := _in_the_way(one, found):
            answers[one.part] = [Finding(Status.SKIPPED, f"not looked at: {reason}")]
        else:
            running.append((one, Probe(one.part, lambda ask=one.ask: list(ask())).run()))  # type: ignore[misc]
    for one, answer in running:
        answers[one.part] = _answer(one, answer, started + one.seconds)
    return answers


def _answer(examination: Examination, answer: Future[list[Finding]], deadline: float) -> list[Finding]:
    try:
        return answer.result(timeout=max(0.0, deadline - time.monotonic()))
    except TimeoutError as error:
        if answer.done():
            return [broken(explained(error) + ".", examination.advice)]
        return [broken(f"has not answered within {examination.seconds:g} seconds.", examination.advice)]
    except Exception as error:
        return [broken(explained(error) + ".", examination.advice)]


def _in_the_way(examination: Examination, found: Mapping[str, list[Finding]]) -> str:
    """Say what has to be mended first; nothing if there is no such thing."""
    for need in examination.needs:
        if any(finding.status in (Status.BROKEN, Status.SKIPPED) for finding in found.get(need, ())):
            return f"it needs {need}"
    for finding in found.get(SETTINGS, ()):
        if finding.status == Status.BROKEN:
            for name in _NAME.findall(finding.found):
                if name.startswith(examination.settings):
                    return f"{name} is to be put right first"
    return ""
