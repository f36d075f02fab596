"""Documents for operators: links lead somewhere, every alert has its section, and commands that they name exist."""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from zupertry.testing.service import ROOT
from zupertry.tests.test_alerts import NAMES

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "operations").glob("*.md")]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
RUNBOOK = ROOT / "docs" / "operations" / "runbook.md"


def prose(path: Path) -> str:
    """Return a document without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Return the names of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(prose(path)):
        address, _, anchor = link.partition("#")
        if re.match(r"https?:|mailto:", address):
            continue
        target = (path.parent / address).resolve() if address else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "operations" / "README.md"
    linked = {link.partition("#")[0] for link in LINK.findall(prose(index))}
    assert {path.name for path in index.parent.glob("*.md")} - {"README.md"} <= linked


def test_every_alert_has_a_section_that_says_what_it_means_how_to_look_and_what_to_do() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK.read_text(), re.DOTALL | re.MULTILINE))
    assert list(sections) == [alert.lower() for alert in NAMES]
    for name, text in sections.items():
        assert re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE) == ["What it means", "How to look", "What to do"], (
            name
        )


def test_every_rule_of_an_alert_is_in_the_runbook() -> None:
    rules = [path for path in (ROOT / "deploy").rglob("*") if path.suffix in {".yml", ".yaml"}]
    found = {name for path in rules for name in re.findall(r"^\s*-?\s*alert:\s*(\w+)", path.read_text(), re.MULTILINE)}
    assert found <= set(NAMES)


def test_commands_that_are_named_exist() -> None:
    named = {name for path in DOCUMENTS for name in re.findall(r"manage\.py ([a-z_]+)", path.read_text())}
    assert named <= get_commands().keys()


def test_services_and_volumes_that_are_named_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    text = (ROOT / "docs" / "operations" / "README.md").read_text()
    volumes = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert volumes == set(compose["volumes"])


def test_files_that_the_threat_model_names_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    files = re.findall(r"`([\w./*-]+(?:\.py|\.md|\.txt|\.yml|\.baseline|/))`", text)
    assert len(files) > 20
    assert [name for name in files if not list(ROOT.glob(name.rstrip("/")))] == []


def test_events_that_the_runbook_looks_for_are_logged() -> None:
    code = "\n".join(path.read_text() for app in ("zupertry", "accounts", "billing", "tryon") for path in _code(app))
    for event in set(re.findall(r"event=(\w+)", RUNBOOK.read_text())):
        assert f'"{event}"' in code, event


def _code(app: str) -> list[Path]:
    return [path for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[0].split())
    # The halves of `make test`, which says what they do.
    assert targets - {"help", "test-sqlite", "test-postgres"} == set(re.findall(r'@echo "make ([a-z-]+)', makefile))
