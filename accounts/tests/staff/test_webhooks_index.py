"""What the listings of webhooks ask of PostgreSQL: an index for each filter, each search, and the order."""

import pytest
from django.db import connection

from accounts.dashboard.settings_forms import DeliveryFilter
from accounts.models import WebhookDelivery, WebhookEvent
from zupertry.core import ids
from zupertry.testing.plans import check_plan, first_page
from zupertry.testing.staff import make_staff
from zupertry.testing.world import World

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the plans are PostgreSQL's"),
]

ROWS = 3_000
RARE = ("failed", "retrying", "pending")


@pytest.fixture
def history(world: World) -> WebhookDelivery:
    """Tables in which nearly everything is delivered, of one organisation, and the last delivery."""
    owner = [world.charlie.org_id if number % 500 else world.alice.org_id for number in range(ROWS)]
    events = WebhookEvent.objects.bulk_create(
        WebhookEvent(
            organisation_id=owner[number],
            type="job.completed" if number % 100 else "job.failed",
            reference=ids.new("job"),
            payload={},
        )
        for number in range(ROWS)
    )
    deliveries = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            event=events[number],
            organisation_id=owner[number],
            url="https://shop.example.com/hook",
            target="https://shop.example.com:443",
            status="delivered" if number % 100 else RARE[number // 100 % 3],
            next_attempt_at=None,
        )
        for number in range(ROWS)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_webhookevent, accounts_webhookdelivery")
    return deliveries[-1]


def test_each_filter_and_search_has_an_index(history: WebhookDelivery, world: World) -> None:
    staff, charlie = make_staff("Support"), world.charlie.org_id
    for status in WebhookDelivery.Status.values:
        check_plan(first_page(staff, WebhookDelivery, status__exact=status), 250)
    for type_ in ("job.completed", "job.failed", "webhook.test"):
        check_plan(first_page(staff, WebhookEvent, type=type_), 250)
    check_plan(first_page(staff, WebhookDelivery, q=history.id), 30)
    for model in (WebhookDelivery, WebhookEvent):
        check_plan(first_page(staff, model), 250)
        check_plan(first_page(staff, model, when="2001"), 250)
        for term in (history.event_id, history.event.reference):
            check_plan(first_page(staff, model, q=term), 30)
        for organisation in (world.alice.org_id, charlie):
            check_plan(first_page(staff, model, q=organisation), 250)


def test_each_filter_of_a_customers_log_has_an_index(history: WebhookDelivery, world: World) -> None:
    today = f"{history.created_at:%Y-%m-%d}"
    queries: list[dict[str, str]] = [
        {},
        *({"status": status} for status in WebhookDelivery.Status.values),
        {"job": history.event.reference},
        {"job": history.event.reference, "status": "delivered"},
        {"job": ids.new("job")},
        {"since": today, "until": today},
        {"since": "2001-01-01", "until": "2001-01-02", "status": "delivered"},
    ]
    for organisation in (world.alice.org_id, world.charlie.org_id):
        for query in queries:
            chosen = WebhookDelivery.objects.filter(organisation=organisation, **DeliveryFilter(query).conditions())
            check_plan(chosen.select_related("event").order_by("-pk")[:26], 60)
