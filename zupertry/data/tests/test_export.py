"""The export: complete, without secrets, of one organisation, in pieces."""

import json
from collections import Counter

import pytest
from django.apps import apps
from django.urls import reverse

from accounts.models import AuditEntry, Workspace
from zupertry.data import export
from zupertry.data.tables import NOT_EXPORTED, TABLES, Table
from zupertry.data.tests.conftest import furnish
from zupertry.testing.memory_gateway import memory_gateway

MODELS = [model for app in ("accounts", "billing", "tryon") for model in apps.get_app_config(app).get_models()]
SECRET = ("digest", "secret", "sealed", "password", "idempotency")


@pytest.fixture
def furnished(alice):
    with memory_gateway():
        yield furnish(alice, "alice")


def test_every_table_is_in_it_or_said_not_to_be():
    assert {table.model for table in TABLES}.isdisjoint(NOT_EXPORTED)
    assert {table.model for table in TABLES} | set(NOT_EXPORTED) == set(MODELS)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_is_in_it_or_left_out_and_no_secret_is_in_it(table: Table):
    fields = {field.attname for field in table.model._meta.concrete_fields}
    assert Counter([*table.fields, *table.left_out]) == Counter(fields)
    assert not [name for name in table.fields if any(word in name for word in SECRET)]


def test_the_document_has_a_row_of_each_table_and_nothing_of_another_organisation(alice, charlies, furnished):
    with memory_gateway():
        theirs = furnish(charlies, "charlie")
    text = "".join(export.document(alice))
    document = json.loads(text)

    assert document["format"] == "zupertry.organisation"
    assert [table.name for table in TABLES if not document[table.name]] == []
    assert [member["email"] for member in document["members"]] == ["alice@example.com", "bob@example.com"]
    job = next(job for job in document["jobs"] if job["id"] == furnished.id)
    assert (job["metadata"], job["webhook_url"]) == ({"sku": "1"}, "https://hooks.example.com/")
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]
    assert document["invoices"][0]["buyer"]["name"] == "Alice & Co GmbH"
    assert sum(entry["available_delta"] for entry in document["ledger"]) == document["credits"][0]["available"]
    assert not [id_ for id_ in (charlies.id, theirs.id, "charlie") if id_ in text]


def test_it_goes_through_any_number_of_rows_and_holds_few_at_a_time(alice, monkeypatch, django_assert_max_num_queries):
    Workspace.objects.bulk_create(Workspace(organisation=alice, name=f"{number}") for number in range(7))
    monkeypatch.setattr(export, "BATCH", 3)
    workspaces = next(table for table in TABLES if table.name == "workspaces")

    with django_assert_max_num_queries(2 * 3 + 1):
        found = [row["id"] for row in export.rows(workspaces, alice.id)]
    assert found == list(alice.workspaces.order_by("pk").values_list("pk", flat=True))

    with django_assert_max_num_queries(2):
        next(export.rows(workspaces, alice.id))


def test_an_owner_downloads_it_and_the_audit_log_says_so(alice, owner):
    assert owner.get(reverse("settings:export")).status_code == 200

    answer = owner.post(reverse("settings:export"))

    assert answer.streaming
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"].startswith(f'attachment; filename="zupertry-{alice.id}-')
    assert "no-store" in answer["Cache-Control"]
    assert json.loads(b"".join(answer.streaming_content))["organisation_id"] == alice.id
    assert AuditEntry.objects.filter(organisation=alice, action="organisation.exported").count() == 1
