"""Staff's pages as tests look at them, and what is done there."""

from typing import Any

from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from zupertry.testing.page import Element, parse


def address(row: Model | type[Model], page: str, *args: Any) -> str:
    """Return the address of a table's page: `changelist`, `change`, `do`, …"""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=args)


def page_of(client: Client, row: Model) -> Element:
    """Return a row's page."""
    answer = client.get(address(row, "change", row.pk))
    assert answer.status_code == 200, answer
    return parsed(answer.content.decode())


def parsed(html: str) -> Element:
    """Return a page, without what stands before it."""
    return parse(html[html.index("<html") :])


def links(page: Element) -> list[str]:
    """Return where a page's links lead, ids as they are."""
    return [link.attributes.get("href", "").replace("_5F", "_") for link in page.all("a")]


def section(page: Element, title: str) -> str:
    """Return the text of a section, in one line."""
    (found,) = [each for each in page.all("section") if each.all("h2")[0].text == title]
    return " ".join(found.text.split())


def listed(client: Client, model: type[Model], **query: str) -> list[list[str]]:
    """Return the texts of a listing's rows, without their boxes."""
    answer = client.get(address(model, "changelist"), query)
    assert answer.status_code == 200, answer
    bodies = parsed(answer.content.decode()).all("tbody")
    cells = [row.all("th", "td") for body in bodies for row in body.all("tr")]
    return [[cell.text.strip() for cell in row if "action-checkbox" not in cell.classes] for row in cells]


def do(client: Client, action: str, *rows: Model, **fields: str) -> list[str]:
    """Do something to rows by its page, and return what is said then."""
    url = f"{address(rows[0], 'do', action)}?{'&'.join(f'id={row.pk}' for row in rows)}"
    form = parsed(client.get(url).content.decode())
    hidden = [each.attributes for each in form.all("input") if each.attributes.get("type") == "hidden"]
    sent = {each["name"]: each.get("value", "") for each in hidden}
    answer = client.post(url, {**sent, "reason": "A reason", **fields}, follow=True)
    assert answer.redirect_chain, answer.content.decode()
    return [strip_tags(str(message)) for message in answer.context["messages"]]
