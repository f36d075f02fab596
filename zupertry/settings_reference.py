"""The page of all settings, made from `.env.example`, whose names and defaults the tests hold against the code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / ".env.example"
PAGE = ROOT / "docs" / "operations" / "settings.md"

_SECTION = re.compile(r"# --- (.+?) -+")
_SETTING = re.compile(r"#([A-Z][A-Z0-9_]+)=(.*)")
_COMMAND = re.compile(r"#   (.+)")
_INTRODUCTION = """\
# Settings

Made from [.env.example](../../.env.example) by `manage.py settings_reference`; change that file, and run it again.

Settings come from the environment, and from a `.env` beside the code, which the environment wins over.
`ZUPERTRY_ENV_FILE` names another file; empty, it says that there is none. A laptop needs no setting at all; what
production needs is told in [hosts.md](hosts.md). What is missing or wrong is one line each, at the start of every
process and by `manage.py check`.
"""


@dataclass(slots=True)
class Explained:
    """Settings that stand together, by name with their defaults, and what is said of them."""

    words: list[str] = field(default_factory=list)
    defaults: dict[str, str] = field(default_factory=dict)


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_INTRODUCTION, *_lines(SOURCE.read_text())])


def _lines(text: str) -> Iterator[str]:
    for title, group in _groups(text):
        if title:
            yield from (f"## {title}", "", "| setting | default | meaning |", "|---|---|---|")
        elif group is None:
            yield ""
        else:
            names = "<br>".join(f"`{name}`" for name in group.defaults)
            defaults = "<br>".join(f"`{default}`" if default else "" for default in group.defaults.values())
            yield f"| {names} | {defaults} | {' '.join(group.words).replace('|', '&#124;')} |"


def _groups(text: str) -> Iterator[tuple[str, Explained | None]]:
    """Yield the title of each section, then what it explains, then None."""
    begun, group = False, Explained()
    for line in [*text.splitlines(), ""]:
        if found := _SETTING.fullmatch(line):
            group.defaults[found[1]] = found[2]
            continue
        if group.defaults:
            yield "", group
            group = Explained()
        if found := _SECTION.fullmatch(line):
            if begun:
                yield "", None
            begun, group = True, Explained()
            yield found[1], None
        elif found := _COMMAND.fullmatch(line):
            group.words.append(f"`{found[1]}`")
        elif line:
            group.words.append(line.removeprefix("# "))
    yield "", None
