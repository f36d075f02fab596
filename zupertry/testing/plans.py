"""What PostgreSQL does for a query."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import Model, QuerySet
from django.test import RequestFactory

from accounts.models import User

LISTED = 50


def first_page(staff: User, model: type[Model], **query: str) -> QuerySet[Any]:
    """Return the rows that staff's listing of a table shows first for this query."""
    request = RequestFactory().get("/", query)
    request.user = staff
    rows: QuerySet[Any] = admin.site.get_model_admin(model).get_changelist_instance(request).get_queryset(request)
    return rows[:LISTED]


def check_plan(rows: "QuerySet[Any]", most: int) -> None:
    """Fail unless a query finds its rows by indexes of its table, and reads `most` rows or fewer of all tables."""
    (plan,) = json.loads(rows.explain(analyze=True, format="json"))
    assert f"Seq Scan on {rows.model._meta.db_table}" not in _in_words(plan["Plan"]), plan
    assert _rows_read(plan["Plan"]) <= most, plan


def plan_of(sql: str) -> list[dict[str, Any]]:
    """Return every node of the plan that PostgreSQL has for a query, the topmost first. The query is not run."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        [answer] = cursor.fetchone()
    [top] = json.loads(answer) if isinstance(answer, str) else answer
    return list(_nodes(top["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("Plans", []):
        yield from _nodes(part)


def read_through(sql: str) -> set[str]:
    """Return the tables that a query's plan reads from their beginning, by no index."""
    return {node["Relation Name"] for node in plan_of(sql) if node["Node Type"] == "Seq Scan"}


def _in_words(node: dict[str, Any]) -> str:
    own = f"{node['Node Type']} on {node.get('Relation Name', '')}"
    return "; ".join([own, *map(_in_words, node.get("Plans", []))])


def _rows_read(node: dict[str, Any]) -> int:
    """Return how many rows a plan took from tables and indexes, those that it threw away among them."""
    children = node.get("Plans", [])
    if children:
        return sum(map(_rows_read, children))
    return int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
