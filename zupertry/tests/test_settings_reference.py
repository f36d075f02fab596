"""The page of all settings is complete and of today."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from zupertry.settings_reference import PAGE, page
from zupertry.testing.service import ROOT
from zupertry.tests.test_settings import explained

# What says where settings are can't stand among them.
OF_THE_START = {"ZUPERTRY_ENV_FILE", "DJANGO_SETTINGS_MODULE"}


def sources() -> Iterator[Path]:
    """Yield what is part of the service, and not of its tests."""
    for app in ("zupertry", "accounts", "billing", "tryon"):
        yield from (path for path in (ROOT / app).rglob("*.py") if not {"tests", "testing"} & set(path.parts))


def read_from_the_environment(tree: ast.AST) -> Iterator[str]:
    """Yield the names in `env.…("NAME")`, `ENVIRONMENT.…("NAME")`, `os.environ[…]` and the like."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=read), args=[ast.Constant(value=str(name)), *_]):
                if re.search(r"(^|\.)(env|ENVIRONMENT|environ)$", ast.unparse(read)):
                    yield name
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))):
                yield name
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getenv"):
            yield ast.unparse(node.args[0]).strip("'")


def test_the_page_is_what_the_command_would_write() -> None:
    assert PAGE.read_text() == page(), "Run: manage.py settings_reference"


def test_every_variable_that_the_code_reads_is_on_the_page() -> None:
    read = {name for path in sources() for name in read_from_the_environment(ast.parse(path.read_text()))}
    assert len(read) > 40
    assert read - OF_THE_START <= explained().keys()
    text = PAGE.read_text()
    assert [name for name in read | explained().keys() if f"`{name}`" not in text and name not in OF_THE_START] == []


def test_readers_of_every_kind_are_seen() -> None:
    code = 'env.text("A", "x"); settings.ENVIRONMENT.items("B"); os.environ["C"]; os.environ.get("D"); os.getenv("E")'
    assert set(read_from_the_environment(ast.parse(code))) == set("ABCDE")


def test_settings_that_stand_together_share_their_words() -> None:
    rows = {row.split(" | ")[0]: row for row in page().splitlines() if row.startswith("| `")}
    assert "`127.0.0.1`<br>`8000`" in rows["| `HOST`<br>`PORT`"]
    assert 'python -c "import secrets' in rows["| `SECRET_KEY`"]
    assert all(re.search(r"\| \w.+ \|$", row) for row in rows.values())
