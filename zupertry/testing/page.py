"""An HTML page as tests look at it: a tree that is only built if every element is closed where it should be."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


@dataclass
class Element:
    """An element, with the texts and elements in it in their order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    content: list["str | Element"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All the text within, as it stands."""
        return "".join(item if isinstance(item, str) else item.text for item in self.content)

    def descendants(self) -> Iterator["Element"]:
        """Every element within, in the order of the page."""
        for item in self.content:
            if isinstance(item, Element):
                yield item
                yield from item.descendants()

    def all(self, *tags: str, class_: str = "") -> list["Element"]:
        """Return the elements within that have one of these tags (any, if none is given) and this class."""
        return [
            element
            for element in self.descendants()
            if (not tags or element.tag in tags) and (not class_ or class_ in element.classes)
        ]

    def by_id(self, id_: str) -> "Element":
        """Return the element within that has this id. Raises `AssertionError` unless it is one."""
        found = [element for element in self.descendants() if element.attributes.get("id") == id_]
        assert len(found) == 1, f"{len(found)} elements have the id {id_}"
        return found[0]

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> ends a <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def parse(html: str) -> Element:
    """Return the page, whose only child is `<html>`. Raises `AssertionError` if elements overlap or stay open."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert len(builder.open) == 1, f"<{builder.open[-1].tag}> is never closed"
    return builder.open[0]
