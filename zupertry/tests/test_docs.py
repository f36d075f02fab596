"""The API reference: it says all that the schema says, and its examples fit the schema."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.test import Client, override_settings

from tryon.failures import MESSAGES
from tryon.simulation import OUTCOMES
from zupertry.core.code_samples import highlighted
from zupertry.core.errors import DASHBOARD_ONLY, STATUS
from zupertry.core.schema import api_schema
from zupertry.docs.conventions import SNIPPETS, WHEN, duration, retries
from zupertry.docs.fields import fields_of
from zupertry.docs.prose import prose
from zupertry.testing.page import Element, parse

OPERATIONS = [
    (path, method, operation) for path, item in api_schema()["paths"].items() for method, operation in item.items()
]


@pytest.fixture(scope="module")
def page() -> Element:
    return parse(Client().get("/docs/api").content.decode())


def resolve(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target: Any = api_schema()
        for part in node["$ref"].split("/")[1:]:
            target = target[part]
        node = target
    return node


def names_in(schema: Any, prefix: str = "") -> Iterator[str]:
    """Every field of a schema, found another way than the page does."""
    node = resolve(schema)
    if "items" in node:
        yield from names_in(node["items"], f"{prefix}[]")
    for name, child in node.get("properties", {}).items():
        path = f"{prefix}.{name}" if prefix else name
        yield path
        yield from names_in(child, path)


def schema_in(content: Any) -> Any:
    return resolve(content)["content"]["application/json"]["schema"]


def row_names(element: Element) -> set[str]:
    return {row.all("code")[0].text for row in element.all("th") if row.attributes.get("scope") == "row"}


def samples(element: Element) -> dict[str, str]:
    return {figure.all("figcaption")[0].text: figure.all("code")[0].text for figure in element.all("figure")}


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_is_there_with_its_fields(page, path, method, operation):
    article = page.by_id(operation["operationId"])
    route = article.all("p", class_="route")[0]

    assert [part.text for part in route.all("span", "code")] == [method.upper(), path]
    assert operation["summary"] in article.all("h3")[0].text
    expected = {parameter["name"] for parameter in operation.get("parameters", [])}
    if body := operation.get("requestBody"):
        expected.update(names_in(schema_in(body)))
    for status, response in operation["responses"].items():
        if int(status) < 400:
            expected.update(names_in(schema_in(response)))
    assert row_names(article) == expected


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_answer_is_there_with_its_codes(page, path, method, operation):
    article = page.by_id(operation["operationId"])

    assert {element.text for element in article.all(class_="status")} == set(operation["responses"])
    codes = {link.attributes["href"] for link in article.all("details")[0].all("a")}
    expected = {int(status) for status in operation["responses"]}
    answered = {code for code, status in STATUS.items() if status in expected}
    assert codes == {f"#error-{code}" for code in answered - DASHBOARD_ONLY}


def test_limits_values_and_requirements_are_told(page):
    rows = {row.all("code")[0].text: row.text for row in page.by_id("createTryOn").all("tr") if row.all("code")}

    assert "required" in rows["model_image_url"]
    assert "at most 2,048 characters" in rows["model_image_url"]
    assert "optional" in rows["metadata"]
    assert "at most 20 entries" in rows["metadata"]
    [limit] = [row.text for row in page.by_id("listJobs").all("tr") if "1 to 100" in row.text]
    assert "default 20" in limit
    values = {
        code.text for paragraph in page.by_id("getJob").all("p", class_="values") for code in paragraph.all("code")
    }
    assert {"pending", "refunded", "live", "retrying", "person_not_found"} <= values


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_example_answers_fit_the_schema(page, path, method, operation):
    [(status, response)] = [item for item in operation["responses"].items() if int(item[0]) < 400]

    shown = json.loads(samples(page.by_id(operation["operationId"]))[f"Answer {status}"])

    validate(shown, schema_in(response))


@pytest.mark.parametrize("name", api_schema()["webhooks"])
def test_every_event_is_there_with_its_fields_and_an_example_that_fits(page, name):
    section = page.by_id(name.replace(".", "-"))
    schema = schema_in(api_schema()["webhooks"][name]["post"]["requestBody"])

    assert row_names(section) == set(names_in(schema))
    validate(json.loads(samples(section)[name]), schema)


def validate(value: Any, schema: Any) -> None:
    whole = {**schema, "components": api_schema()["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def test_every_error_code_is_there_with_its_status_and_when_it_is_given(page):
    for code, status in STATUS.items():
        cells = [cell.text for cell in page.by_id(f"error-{code}").all("td", "th")]
        assert cells[:2] == [str(status), code]
        assert cells[2] == WHEN[code].replace("`", "")


def test_every_reason_why_a_job_fails_and_every_simulated_name_is_there(page):
    assert row_names(page.by_id("job-failures")) == set(MESSAGES)
    assert row_names(page.by_id("test-mode")) == {f"{name}.jpg" for name in OUTCOMES}


def test_the_table_of_retries_follows_the_setting():
    with override_settings(WEBHOOK_RETRY_SCHEDULE=[7, 90]):
        page = parse(Client().get("/docs/api").content.decode())

    rows = [[cell.text for cell in row.all("th", "td")] for row in page.by_id("retries").all("tr")]
    assert rows[1:] == [["2", "7 s", "7 s"], ["3", "1 min 30 s", "1 min 37 s"]]


def test_the_contents_name_every_section(page):
    [sidebar] = page.all("nav", class_="sidebar")
    sections = page.all("main")[0].all("section", "article")
    tags = {section.attributes["id"] for section in sections if "tag" in section.classes}

    linked = {link.attributes["href"][1:] for link in sidebar.all("a")}

    assert linked == {section.attributes["id"] for section in sections} - tags


def test_programs_on_the_page_are_the_files(page):
    shown = samples(page.by_id("verification"))

    assert shown["Node"] == (SNIPPETS / "verify_webhook.mjs").read_text().rstrip()
    assert shown["Python"] == (SNIPPETS / "verify_webhook.py").read_text().rstrip()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (120, "2 min"), (36_635, "10 h 10 min"), (90_000, "1 d 1 h")]
)
def test_durations_have_two_units_at_most(seconds, words):
    assert duration(seconds) == words


def test_no_retries_make_an_empty_table():
    assert retries([]) == []


def test_prose_escapes_and_marks_code():
    assert prose("`a<b` & c") == "<code>a&lt;b</code> &amp; c"
    assert prose("Which.\n\n* `live` - Live\n* `test` - Test") == "Which."


def test_colours_change_nothing_but_the_colour():
    code = "const a = \"<b>\"; // it's `one`\n/* two */ 'x' + `y`"

    html = highlighted(code, "javascript")

    assert parse(html).text == code
    assert [(span.classes[0], span.text) for span in parse(html).all("span")][:3] == [
        ("w", "const"),
        ("s", '"<b>"'),
        ("c", "// it's `one`"),
    ]


def test_fields_of_arrays_are_named_by_their_path():
    inner = {"type": "object", "required": ["a"], "properties": {"a": {"type": ["integer", "null"], "maximum": 9}}}
    schema = {"type": "object", "properties": {"rows": {"type": "array", "items": inner}}}

    rows, first = fields_of(schema, {})

    assert (rows.name, rows.type, rows.required) == ("rows", "array of objects", False)
    assert (first.name, first.type, first.required) == ("rows[].a", "integer or null", True)
    assert first.limits == ("0 to 9",)
