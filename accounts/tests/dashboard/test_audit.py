"""The audit log: who did what, filters, CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts import audit
from accounts.dashboard.audit_words import action_in_words, details_in_words
from accounts.dashboard.listings import ROWS
from accounts.models import AuditEntry, User
from zupertry.core import ids
from zupertry.testing.page import Element, parse

LOG, CSV = reverse("audit:log"), reverse("audit:csv")


def page(client, address=LOG) -> Element:
    answer = client.get(address)
    assert answer.status_code == 200
    return parse(answer.content.decode())


def rows(html: Element) -> list[str]:
    return [" ".join(row.text.split()) for body in html.all("tbody") for row in body.all("tr")]


def table(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


@pytest.fixture
def quiet(alice):
    """Alice's organisation with an empty log."""
    AuditEntry.objects.all().delete()
    return alice


def test_each_change_has_words_a_name_and_what_it_is_about(owner, quiet):
    key = quiet.api_keys.get(mode="live")
    bob = User.objects.get(email="bob@example.com")
    audit.record(quiet, f"user:{bob.pk}", "api_key.created", key.pk, mode="live")
    audit.record(quiet, "staff:usr_1", "member.removed", bob.pk)
    audit.record(quiet, "system", "organisation.created", quiet.pk)

    listed = rows(page(owner))

    assert listed[0].endswith(f"Organisation created Zupertry {quiet.name}")
    assert listed[1].endswith("Member removed Zupertry staff bob@example.com")
    assert listed[2].endswith("API key created bob@example.com Key “First live key”mode: live")


def test_what_others_changed_is_not_here(owner, quiet, charlies):
    audit.record(charlies, "system", "organisation.created", charlies.pk)
    assert "Nothing was changed yet" in page(owner).text


def test_filters_take_an_action_and_who_did_it(owner, quiet):
    bob = User.objects.get(email="bob@example.com")
    audit.record(quiet, f"user:{bob.pk}", "workspace.created", "ws_1")
    audit.record(quiet, "staff:usr_1", "workspace.created", "ws_2")
    audit.record(quiet, "system", "organisation.created", quiet.pk)

    assert len(rows(page(owner, f"{LOG}?action=workspace.created"))) == 2
    assert "ws_1" in rows(page(owner, f"{LOG}?by=user:{bob.pk}"))[0]
    assert "ws_2" in rows(page(owner, f"{LOG}?by=staff"))[0]
    assert "No entry fits" in page(owner, f"{LOG}?action=organisation.created&by=staff").text
    assert page(owner, f"{LOG}?action=nonsense").by_id("id_action_error").text


def test_filters_take_days_of_utc_at_both_ends(owner, quiet):
    day = datetime(2020, 5, 17, tzinfo=UTC)
    for moment in (-timedelta(milliseconds=1), timedelta(0), timedelta(days=1, milliseconds=-1), timedelta(days=1)):
        id_ = ids.encode("aud", ids.first_at(day + moment))
        AuditEntry(id=id_, organisation=quiet, actor="system", action="test").save(force_insert=True)
    assert len(rows(page(owner, f"{LOG}?since=2020-05-17&until=2020-05-17"))) == 2
    assert page(owner, f"{LOG}?since=yesterday").by_id("id_since_error").text


def test_the_log_is_walked_through_newest_first_each_once(owner, quiet):
    for number in range(2 * ROWS + 1):
        audit.record(quiet, "system", "test", f"ws_{number}.")
    address, seen = LOG, []
    while address:
        html = page(owner, address)
        seen += rows(html)
        address = next((a.attributes["href"] for a in html.all("a") if a.text == "Older"), "")
    assert [row.split("ws_")[1] for row in seen] == [f"{number}." for number in reversed(range(2 * ROWS + 1))]


def test_the_csv_has_every_entry_with_names_and_takes_the_filters(owner, quiet):
    alice = User.objects.get(email="alice@example.com")
    audit.record(quiet, f"user:{alice.pk}", "workspace.created", "=ws", name="Sömmer")
    audit.record(quiet, "system", "organisation.created", quiet.pk)

    answer = owner.get(f"{CSV}?action=workspace.created")

    assert f'filename="audit-{quiet.id}-' in answer["Content-Disposition"]
    head, *found = table(answer)
    assert head == ["id", "created_at", "action", "actor", "subject", "by", "details"]
    (row,) = found
    assert row[2:] == [
        "workspace.created",
        f"user:{alice.pk}",
        "'=ws",
        "alice@example.com",
        '{"name": "Sömmer"}',
    ]
    assert len(table(owner.get(CSV))) == 3


def test_the_csv_takes_one_query_for_its_rows(owner, quiet, django_assert_num_queries):
    for number in range(30):
        audit.record(quiet, "system", "test", f"{number}")
    answer = owner.get(CSV)
    with django_assert_num_queries(1):
        table(answer)


def test_the_page_takes_as_many_queries_for_one_entry_as_for_many(owner, quiet, django_assert_num_queries):
    people, key = list(User.objects.all()), quiet.api_keys.get(mode="live")
    audit.record(quiet, f"user:{people[0].pk}", "test", key.pk)
    with django_assert_num_queries(11):  # session, user, memberships; filter: actions, people, keys, names; rows, names
        owner.get(LOG)
    for user in people:
        for number in range(20):
            audit.record(quiet, f"user:{user.pk}", f"test.{number}", key.pk)
    with django_assert_num_queries(11):
        owner.get(LOG)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("api_key.created", "API key created"),
        ("member.left", "Member left"),
        ("auto_reload.switched_on", "Auto-reload switched on"),
        ("webhook.url_changed", "Webhook URL changed"),
    ],
)
def test_actions_read_as_words(action, words):
    assert action_in_words(action) == words


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"fields": ["legal_name", "tax_id"]}, "changed: legal name, tax id"),
        ({"monthly_cap_minor": 6000}, "monthly cap: €60.00"),
        ({"monthly_cap_minor": 10_000_000, "currency": "INR"}, "monthly cap: ₹1,00,000.00"),
        ({"threshold": 10_000}, "threshold: 10,000"),
        ({"before": "IN", "after": "EU"}, "before: India · after: European Union"),
        ({"before": 60, "after": 1200}, "before: 60 · after: 1,200"),
        ({"before": "viewer", "role": "billing"}, "before: Viewer · role: Billing"),
        ({"before": "starter", "after": "growth"}, "before: starter · after: growth"),
        ({"name": "IN"}, "name: IN"),
        ({"because": "3 charges in a row failed."}, "why: 3 charges in a row failed."),
        ({"pack": "pck_06h1j52o35olpbp93g063dhoq8"}, "pack: pck_…3dhoq8"),
        ({"reference": "a_slip"}, "reference: a_slip"),
        ({"old": None}, "old: None"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_details_read_as_words(details, words):
    found = details_in_words(details, "EUR")
    assert " · ".join(f"{detail.name}: {detail.text}" for detail in found) == words


def test_what_has_a_page_is_linked(owner, quiet):
    job, payment = ids.new("job"), ids.new("pay")
    audit.record(quiet, "staff:usr_1", "job.run_again", job, job=job)
    audit.record(quiet, "user:usr_1", "organisation.plan_changed", quiet.pk, payment=payment)

    links = [link.attributes["href"] for body in page(owner).all("tbody") for link in body.all("a")]

    assert links == [reverse("billing:payment", args=[payment]), *[reverse("tryon:job", args=[job])] * 2]
