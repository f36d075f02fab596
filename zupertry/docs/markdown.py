"""Markdown to the pages of the documentation: anchors, coloured code, tabs for one thing in many languages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby, pairwise

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token

from zupertry.core.code_samples import Sample

# https://spec.commonmark.org, with the tables of https://github.github.com/gfm. HTML in the text is shown, not obeyed.
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the second level, and its anchor."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Document:
    """A page: its first heading and first paragraph in plain text, its sections, and all of it as HTML."""

    title: str
    summary: str
    sections: tuple[Section, ...]
    html: SafeString


def document(text: str) -> Document:
    """Return a Markdown text as a page. It begins with a heading of the first level and a paragraph.

    Fences that follow each other become the tabs of one sample. A fence's info is its language, then its label.
    """
    tokens = _PARSER.parse(text)
    title, summary = [_plain(token) for token in tokens if token.type == "inline"][:2]
    sections = tuple(_anchored(tokens))
    # Every piece is either markdown-it's, which escapes the text, or a template's.
    return Document(title, summary, sections, mark_safe("".join(_pieces(tokens))))  # noqa: S308


def fences(samples: Iterable[Sample]) -> str:
    """Return samples as Markdown: tabs of one sample, where there are several."""
    return "\n\n".join(f"```{sample.language} {sample.label}\n{sample.code}\n```" for sample in samples)


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())


def _anchored(tokens: Sequence[Token]) -> Iterator[Section]:
    """Give every heading an id and a link to itself, and yield those of the second level."""
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open" or opening.tag == "h1":
            continue
        id_ = slugify(_plain(inline).replace(".", "-"))
        opening.attrSet("id", id_)
        link = Token("link_open", "a", 1, attrs={"class": "anchor", "href": f"#{id_}"})
        inline.children = [link, *(inline.children or ()), Token("link_close", "a", -1)]
        if opening.tag == "h2":
            yield Section(id_, _plain(inline))


def _pieces(tokens: Sequence[Token]) -> Iterator[str]:
    numbers = count(1)
    for is_code, run in groupby(tokens, key=lambda token: token.type == "fence"):
        if is_code:
            yield _samples([_sample(fence) for fence in run], f"sample-{next(numbers)}")
        else:
            html: str = _PARSER.renderer.render(list(run), _PARSER.options, {})
            # Wide tables scroll by themselves on a narrow screen.
            yield html.replace("<table>", '<div class="table" tabindex="0"><table>').replace(
                "</table>", "</table></div>"
            )


def _sample(fence: Token) -> Sample:
    language, _, label = fence.info.partition(" ")
    return Sample(label or escape(language), language, fence.content.rstrip())


def _samples(samples: list[Sample], group: str) -> str:
    if len(samples) == 1:
        return render_to_string("docs/_sample.html", {"sample": samples[0]})
    return render_to_string("docs/_tabs.html", {"samples": samples, "group": group, "title": "Language"})
