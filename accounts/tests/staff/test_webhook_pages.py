"""Staff's pages of events, deliveries and endpoints, and what each group may do to deliveries."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, DeliveryAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from accounts.tests.conftest import recorded
from accounts.webhooks import endpoint, outbox
from zupertry.testing.jobs import completed
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.staff_pages import address, do, links, listed, page_of, parsed, section
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

HOOK = "https://hooks.example.com/zupertry"
ACTIONS = [("replay", "failed", "pending"), ("stop", "retrying", "failed")]
GROUPS = {"Support": True, "Billing": False, "Engineering": True}


@pytest.fixture
def staff() -> Client:
    return staff_client(make_staff(superuser=True))


def made(world: World, status: str = "retrying", **changes: Any) -> WebhookDelivery:
    """A delivery in this state, after one attempt."""
    id_ = recorded(world.alice.org_id, HOOK)
    ended = {} if status in {"pending", "retrying"} else {"next_attempt_at": None}
    WebhookDelivery.objects.filter(id=id_).update(status=status, attempt=1, **ended, **changes)
    delivery = WebhookDelivery.objects.select_related("event").get(id=id_)
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=timezone.now(),
        duration_ms=1234,
        response_status=503,
        response_body="<script>alert(1)</script>" + "x" * 16_000,
    )
    return delivery


# Pages


def test_a_deliverys_page_has_each_attempt_with_its_answer_as_text(staff, world):
    delivery = made(world)
    page = page_of(staff, delivery)
    facts = section(page, "Delivery")
    for text in ("retrying", "Alice & Co", "job.completed", HOOK, "Next attempt", "UTC"):
        assert text in facts
    attempts = section(page, "Attempts")
    for text in ("503", "1,234 ms", "16,025 characters", "<script>alert(1)</script>xxx"):
        assert text in attempts
    assert "alert(1)" not in "".join(script.text for script in page.all("script"))
    assert address(delivery.event, "change", delivery.event_id) in links(page)


def test_a_delivery_and_its_job_lead_to_each_other(staff, world):
    job = completed(world.organisation, webhook_url=HOOK)
    delivery = WebhookDelivery.objects.select_related("event").get()
    assert address(job, "change", job.id) in links(page_of(staff, delivery))
    assert address(job, "change", job.id) in links(page_of(staff, delivery.event))
    assert address(delivery, "change", delivery.id) in links(page_of(staff, delivery.event))
    assert address(delivery, "change", delivery.id) in links(page_of(staff, job))


def test_a_page_says_what_is_in_flight_withdrawn_and_replayed(staff, world):
    delivery = made(world, lease_expires_at=timezone.now() + timedelta(seconds=30), attempts_before_replay=1)
    assert "in flight" in section(page_of(staff, delivery), "Delivery")
    assert "1 of them before the last replay" in section(page_of(staff, delivery), "Delivery")
    outbox.withdraw(delivery.event.reference)
    page = page_of(staff, delivery)
    assert "Withdrawn" in section(page, "Delivery")
    assert [link for link in links(page) if "/do/" in link] == []


def test_an_endpoints_page_has_no_secrets_but_says_whether_one_is_replaced(staff, world):
    organisation = world.organisation
    endpoint.set_url(organisation, HOOK, actor="user:1")
    delivery = made(world)
    row = WebhookEndpoint.objects.get(pk=organisation.pk)
    page = page_of(staff, row)
    assert HOOK in section(page, "Endpoint")
    assert "not being replaced" in section(page, "Endpoint")
    assert address(delivery, "change", delivery.id) in links(page)
    endpoint.rotate(organisation, actor="user:1")
    row.refresh_from_db()
    assert "the old one signs too until" in section(page_of(staff, row), "Endpoint")
    pages = [
        staff.get(address(row, "change", row.pk)).content.decode(),
        staff.get(address(row, "changelist")).content.decode(),
        b"".join(staff.get(address(row, "csv"))).decode(),
    ]
    for text in pages:
        assert "whsec_" not in text
        assert row.sealed_secret not in text
        assert row.sealed_previous_secret not in text


# Listings


def test_deliveries_are_listed_and_found(staff, world):
    job = completed(world.organisation, webhook_url=HOOK)
    first, second = WebhookDelivery.objects.select_related("event").get(), made(world, "failed")
    assert [row[0] for row in listed(staff, WebhookDelivery)] == [second.id, first.id]
    assert [row[0] for row in listed(staff, WebhookDelivery, status__exact="failed")] == [second.id]
    for term in (first.id, first.event_id, job.id):
        assert [row[0] for row in listed(staff, WebhookDelivery, q=term)] == [first.id]
    assert len(listed(staff, WebhookDelivery, q=world.alice.org_id)) == 2
    assert listed(staff, WebhookDelivery, q=world.charlie.org_id) == []
    assert listed(staff, WebhookDelivery, q="nonsense") == []


def test_events_are_listed_and_found(staff, world):
    job = completed(world.organisation, webhook_url=HOOK)
    endpoint.set_url(world.organisation, HOOK, actor="user:1")
    endpoint.send_test(world.organisation, actor="user:1")
    ended, test = WebhookEvent.objects.order_by("pk")
    assert [row[1] for row in listed(staff, WebhookEvent)] == ["webhook.test", "job.completed"]
    assert [row[0] for row in listed(staff, WebhookEvent, type="webhook.test")] == [test.id]
    for term in (ended.id, job.id):
        assert [row[0] for row in listed(staff, WebhookEvent, q=term)] == [ended.id]


def test_endpoints_are_found_by_their_organisation(staff, world):
    assert len(listed(staff, WebhookEndpoint)) == 2
    (row,) = listed(staff, WebhookEndpoint, q=world.charlie.org_id)
    assert row[0] == "Charlie Ltd"


@pytest.mark.parametrize("model", [WebhookDelivery, WebhookEvent, WebhookEndpoint])
def test_listings_and_pages_take_the_same_queries_for_any_number_of_rows(staff, world, model):
    def counts() -> list[int]:
        row = model.objects.order_by("pk")[0]
        found = []
        for url in (address(model, "changelist"), address(model, "change", row.pk)):
            with CaptureQueriesContext(connection) as captured:
                assert staff.get(url).status_code == 200
            found.append(len(captured))
        return found

    made(world)
    counts()  # the first page of a kind asks for its content type, once a process
    few = counts()
    assert max(few) < 20
    for _ in range(50):
        made(world)
    assert counts() == few


# Actions


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(
    ("action", "status", "after"), [("replay", "failed", "pending"), ("stop", "retrying", "failed")]
)
def test_each_group_may_do_what_its_work_needs(world, group, action, status, after):
    client, allowed = staff_client(make_staff(group)), GROUPS[group]
    delivery = made(world, status)
    url = f"{address(delivery, 'do', action)}?id={delivery.id}"
    assert (url in links(page_of(client, delivery))) is allowed
    assert client.get(url).status_code == (200 if allowed else 403)
    answer = client.post(url, {"reason": "A reason", "token": "0" * 32, "seen": f"{delivery.id}:1"})
    assert answer.status_code == (302 if allowed else 403)
    assert WebhookDelivery.objects.get().status == (after if allowed else status)
    entries = AuditEntry.objects.filter(subject=delivery.id, reason="A reason")
    assert [entry.actor for entry in entries] == ([f"staff:{client.session['_auth_user_id']}"] if allowed else [])


def test_a_replay_is_sent_again_once_however_often_the_form_is_sent(staff, world):
    """Even when the first replay has failed by then."""
    delivery = made(world, "failed")
    url = f"{address(delivery, 'do', 'replay')}?id={delivery.id}"
    form = parsed(staff.get(url).content.decode())
    seen = next(each.attributes for each in form.all("input") if each.attributes.get("name") == "seen")["value"]
    sent = {"reason": "They asked", "token": "0" * 32, "seen": seen}
    staff.post(url, sent)
    WebhookDelivery.objects.filter(id=delivery.id).update(status="failed", attempt=2, next_attempt_at=None)
    answer = staff.post(url, sent, follow=True)
    assert "sent again already" in str(list(answer.context["messages"])[-1])
    assert WebhookDelivery.objects.get(id=delivery.id).status == "failed"
    assert AuditEntry.objects.filter(action="webhook.replayed").count() == 1


@pytest.mark.parametrize("seen", ["", "nonsense", "whd_x:²", ":1 :"])
def test_a_form_that_was_tampered_with_replays_nothing(staff, world, seen):
    delivery = made(world, "failed")
    url = f"{address(delivery, 'do', 'replay')}?id={delivery.id}"
    staff.post(url, {"reason": "They asked", "token": "0" * 32, "seen": seen})
    assert WebhookDelivery.objects.get().status == "failed"


def test_what_was_withdrawn_is_never_sent_again(staff, world):
    delivery = made(world, "failed")
    outbox.withdraw(delivery.event.reference)
    (said,) = do(staff, "replay", delivery)
    assert "was withdrawn" in said


@pytest.mark.parametrize(
    ("action", "status", "after"), [("replay", "failed", "pending"), ("stop", "pending", "failed")]
)
def test_several_are_replayed_or_stopped_from_the_listing(staff, world, action, status, after):
    chosen = [made(world, status) for _ in range(3)]
    sent = {"action": action, "_selected_action": [delivery.id for delivery in chosen[:2]]}
    assert staff.post(address(WebhookDelivery, "changelist"), sent).status_code == 302
    assert len(do(staff, action, *chosen[:2])) == 2
    states = [WebhookDelivery.objects.get(id=delivery.id).status for delivery in chosen]
    assert states == [after, after, status]
