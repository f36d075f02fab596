"""What is left of an organisation and its people: every text of theirs carries a word, which is then looked for."""

import json
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection, models

from accounts.models import Membership, User
from billing import ledger
from zupertry.data import deletion, people, sweeping
from zupertry.data.tests.conftest import browser, furnish, let_grace_end, let_it_settle, person
from zupertry.testing.memory_gateway import memory_gateway

WORD = "zqxword"
OURS = ("accounts", "billing", "tryon")
KEPT_ELSEWHERE = {"billing_plan", "billing_creditpack", "billing_invoicesequence", "billing_discrepancy"}
"""Tables that are no organisation's, or say what a check of ours found."""
MACHINE = {
    *("id", "plan", "actor", "action", "subject", "reference", "kind", "type", "roles", "error_code"),
    *("engine_request_id", "person_name", "garment_name", "output_name", "sac"),
    *("checkout_reference", "gateway_reference", "billing_payment.idempotency_key", "tryon_upload.name"),
}
"""Columns that code fills with ids, codes and names of files."""
STAYS = {
    ("billing_payment", "buyer"),
    ("billing_invoice", "buyer"),
    ("billing_invoice", "seller"),
    ("billing_invoice", "number"),
    ("billing_invoice", "url"),
    ("billing_invoice", "pdf_url"),
    ("billing_ledgerentry", "note"),
}
"""Where the word may be found after: docs/data.md says why."""


@pytest.fixture
def gateway():
    with memory_gateway() as running:
        yield running


def plant() -> None:
    """Write the word into every text of every row of our tables, and beside each login."""
    for model in [model for app in OURS for model in apps.get_app_config(app).get_models()]:
        if model._meta.db_table not in {*KEPT_ELSEWHERE, "billing_ledgerentry"}:
            for row in model._default_manager.all():
                changes = {field.attname: word_for(field, row) for field in texts(model)}
                model._default_manager.filter(pk=row.pk).update(**changes)
    LogEntry.objects.update(object_repr=WORD, change_message=WORD)
    for user in User.objects.all():
        EmailAddress.objects.filter(user=user).update(email=user.email)
        Authenticator.objects.create(user=user, type="totp", data={"secret": WORD})
        UserSession.objects.filter(user=user).update(user_agent=WORD, data={"agent": WORD})


def texts(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    kinds = (models.CharField, models.TextField, models.JSONField)
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, kinds) and not field.choices
        if MACHINE.isdisjoint({field.name, f"{model._meta.db_table}.{field.name}"})
        if not field.max_length or field.max_length >= len(WORD)
    ]


def word_for(field: "models.Field[Any, Any]", row: models.Model) -> Any:
    if isinstance(field, models.JSONField):
        return {"name": WORD}
    if isinstance(field, models.EmailField):
        return f"{WORD}-{row.pk}@example.com"
    return WORD if (field.max_length or 50) < 50 else f"{WORD}-{row.pk}"


def places() -> set[tuple[str, str]]:
    """Return the columns of the whole database in which the word stands."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                found |= {(table, column) for column, value in zip(columns, row, strict=True) if WORD in text_of(value)}
    return found


def text_of(value: object) -> str:
    return (
        bytes(value).decode(errors="replace")
        if isinstance(value, bytes | memoryview)
        else json.dumps(value, default=str)
    )


def test_nothing_is_left_but_what_the_books_need(alice, charlies, gateway, media):
    """Both organisations go: Alice's first by itself, Charlie's with his account."""
    owners = {name: person(name).pk for name in ("alice", "bob", "charlie")}
    for organisation, owner in ((alice, "alice"), (charlies, "charlie")):
        furnish(organisation, owner)
        ledger.grant(organisation.id, 1, f"word-{organisation.id}", actor="staff:1", note=WORD)
    for name in owners:
        browser(name)
    assert Session.objects.count() == UserSession.objects.count() == 3
    plant()
    planted = places()
    assert planted > STAYS
    assert len(planted) > 50

    deletion.ask(alice, by=Membership.objects.get(user=owners["alice"]))
    for pk in owners.values():
        assert people.ask(User.objects.get(pk=pk))
    let_grace_end()
    assert sweeping.sweep()["people_deleted"] == 3
    let_it_settle()
    assert sweeping.sweep()["organisations_deleted"] == 2

    assert places() == STAYS
    assert media.files == set()
    assert not Session.objects.exists()
