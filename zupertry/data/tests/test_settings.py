"""The settings of an organisation: its name, and how long pictures are kept, here and where they are made."""

from datetime import timedelta

from django.urls import reverse

from accounts.models import AuditEntry
from zupertry.testing.page import parse

SETTINGS = reverse("settings:organisation")


def text(answer) -> str:
    return " ".join(parse(answer.content.decode()).text.split())


def test_a_new_name_is_one_line_and_audited_once(alice, owner):
    for _ in range(2):
        owner.post(SETTINGS, {"name": " Alice \n & Sons "})

    alice.refresh_from_db()
    assert alice.name == "Alice & Sons"
    assert AuditEntry.objects.filter(action="organisation.renamed").count() == 1


def test_no_name_is_said_beside_the_field(alice, owner):
    answer = owner.post(SETTINGS, {"name": " "})
    assert answer.status_code == 422
    assert parse(answer.content.decode()).by_id("id_name_error").text


def test_currency_and_retention_are_shown_and_not_changed(alice, owner, settings):
    settings.RETENTION_INPUT, settings.RETENTION_OUTPUT = timedelta(hours=1), timedelta(days=9)
    shown = text(owner.get(SETTINGS))
    assert "European Union, EUR (changed by our staff)" in shown
    assert "1 hour after the job" in shown
    assert "9 days after the job" in shown

    assert "photos 1 hour after it, its result 9 days after it" in text(owner.get(reverse("tryon:playground")))
