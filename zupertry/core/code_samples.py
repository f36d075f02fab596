"""Code that pages show: requests in three languages, and anything coloured."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

_COMMENTS = {
    "shell": r"(?<!\S)#[^\n]*",
    "python": r"#[^\n]*",
    "javascript": r"//[^\n]*|/\*.*?\*/",
    "json": r"(?!)",
    "http": r"(?!)",
    "php": r"//[^\n]*|/\*.*?\*/",
    "ruby": r"(?<!\S)#[^\n]*",
}
_STRINGS = r'"""(?s:.*?)"""|"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\])*'|`[^`]*`"
_WORDS = (
    "and as async await const else export for from function if import in let new not null or raise return some "
    "throw true false False True None try except with def end do unless elsif require foreach string array "
    "int bool"
)
_KEYWORDS = r"\b(?:" + "|".join(_WORDS.split()) + r")\b"
_NAMED = re.compile(r"\$([A-Z_]+)")
_NUMBERS = r"(?<![\w.-])-?\d[\d_.]*\b"


def highlighted(code: str, language: str) -> SafeString:
    """Return `code` as HTML with its comments, strings, keys, words and numbers in spans of classes `c s k w n`."""
    pattern = re.compile(
        rf"(?P<c>{_COMMENTS[language]})|(?P<k>\"[\w.-]+\"(?=\s*:))|(?P<s>{_STRINGS})|(?P<w>{_KEYWORDS})|(?P<n>{_NUMBERS})",
        re.DOTALL,
    )
    pieces, end = [], 0
    for match in pattern.finditer(code):
        pieces.append(escape(code[end : match.start()]))
        pieces.append(format_html('<span class="{}">{}</span>', match.lastgroup, match.group()))
        end = match.end()
    pieces.append(escape(code[end:]))
    return mark_safe("".join(pieces))  # noqa: S308  (every piece is escaped)


@dataclass(frozen=True, slots=True)
class Sample:
    """A piece of code under a heading. `language` says how it is coloured."""

    label: str
    language: str
    code: str

    @property
    def html(self) -> SafeString:
        """The code, coloured."""
        return highlighted(self.code, self.language)


@dataclass(frozen=True, slots=True)
class Call:
    """An example request; `url` has its query, `body` is None where there is none.

    A `$NAME` in the URL is taken from the environment. An `idempotent` one is sent with a key that the program makes,
    as it is to be a new request each time it is run; curl, which cannot make one everywhere, is sent without.
    """

    method: str
    url: str
    authenticated: bool = True
    idempotent: bool = False
    body: Mapping[str, Any] | None = None


def request_samples(request: Call) -> tuple[Sample, ...]:
    """Return the request in curl, Python and JavaScript. Each takes the key from `ZUPERTRY_KEY`."""
    return (
        Sample("curl", "shell", _curl(request)),
        Sample("Python", "python", _python(request)),
        Sample("JavaScript", "javascript", _javascript(request)),
    )


def json_sample(label: str, value: Any) -> Sample:
    """Return `value` as indented JSON."""
    return Sample(label, "json", _json(value))


def _json(value: Any, indent: int = 2) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _curl(request: Call) -> str:
    method = {"DELETE": "-X DELETE "}.get(request.method, "")
    lines = [f'curl {method}"{request.url}"']
    if request.authenticated:
        lines.append('-H "Authorization: Bearer $ZUPERTRY_KEY"')
    if request.body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{_json(request.body)}'"]
    return " \\\n  ".join(lines)


def _python(request: Call) -> str:
    headers, modules = [], []
    if request.authenticated:
        headers.append('"Authorization": f"Bearer {os.environ[\'ZUPERTRY_KEY\']}"')
        modules.append("import os\n")
    if request.idempotent:
        headers.append('"Idempotency-Key": str(uuid.uuid4())')
        modules.append("import uuid\n")
    url = _NAMED.sub(r"{os.environ['\1']}", request.url)
    lines = [f'f"{url}"' if url != request.url else f'"{url}"']
    if headers:
        lines.append("headers={\n" + "".join(f"        {header},\n" for header in headers) + "    }")
    if request.body is not None:
        lines.append(f"json={_indented(_json(request.body, 4), 4)}")
    arguments = "".join(f"    {line},\n" for line in [*lines, "timeout=40"])
    return (
        "".join([*modules, "\n"] if modules else []) + "import requests\n\n"
        f"answer = requests.{request.method.lower()}(\n{arguments})\n"
        "answer.raise_for_status()\nprint(answer.json())"
    )


def _javascript(request: Call) -> str:
    headers = []
    if request.authenticated:
        headers.append("Authorization: `Bearer ${process.env.ZUPERTRY_KEY}`")
    if request.idempotent:
        headers.append('"Idempotency-Key": crypto.randomUUID()')
    if request.body is not None:
        headers.append('"Content-Type": "application/json"')
    lines = [f'method: "{request.method}"'] if request.method != "GET" else []
    if headers:
        lines.append("headers: {\n" + "".join(f"    {header},\n" for header in headers) + "  }")
    if request.body is not None:
        lines.append(f"body: JSON.stringify({_indented(_json(request.body), 2)})")
    url = _NAMED.sub(r"${process.env.\1}", request.url)
    address = f"`{url}`" if url != request.url else f'"{url}"'
    options = ", {\n" + "".join(f"  {line},\n" for line in lines) + "}" if lines else ""
    return (
        f"const answer = await fetch({address}{options});\n"
        "if (!answer.ok) throw new Error(await answer.text());\nconsole.log(await answer.json());"
    )


def _indented(text: str, by: int) -> str:
    return text.replace("\n", "\n" + " " * by)
