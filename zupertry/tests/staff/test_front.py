"""Staff's first page."""

import re
from datetime import timedelta
from html import unescape

from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Mode, Organisation, User, WebhookDelivery, WebhookEvent
from billing.models import Discrepancy
from tryon import jobs
from tryon.failures import failure
from tryon.models import Job
from zupertry.staff.front import look
from zupertry.testing.jobs import claimed
from zupertry.testing.page import parse
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

PICTURES = jobs.TryOnRequest("https://example.com/a.jpg", "https://example.com/b.jpg")


def submit(world: World, number: int = 1) -> None:
    for _ in range(number):
        jobs.submit(world.organisation, Mode.LIVE, PICTURES, actor="system")


def undelivered(world: World, number: int = 1) -> None:
    for index in range(number):
        event = WebhookEvent.objects.create(
            organisation=world.organisation, type="job.completed", reference="job_1", payload={}
        )
        WebhookDelivery.objects.create(
            event=event,
            organisation=world.organisation,
            url="https://shop.example",
            target=f"https://shop{index}.example:443",
            status="failed",
        )


def page(client: Client) -> str:
    cache.clear()
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_the_queue_the_failing_servers_and_the_newest_customers(world: World) -> None:
    submit(world, 2)
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    undelivered(world)

    shown = page(staff_client(make_staff("Support")))

    assert "oldest 5" in shown
    assert "https://shop0.example:443" in shown
    assert "Charlie Ltd" in shown
    assert "Every payment agrees with its gateway." in shown


def test_the_hour_that_runs_is_drawn_and_marked_as_unfinished(world: World) -> None:
    submit(world, 2)

    shown = page(staff_client(make_staff("Support")))
    html = parse(shown[shown.index("<html") :])

    hours = [row.all("td") for row in html.by_id("jobs-by-hour").all("tbody")[0].all("tr")]
    drawn = [cells[1].attributes for cells in hours if cells[1].attributes["data-value"]]
    assert sum(int(cell["data-value"]) for cell in drawn) == 2, "as the tile says"
    assert ["data-unfinished" in cell for cell in drawn] == [False] * (len(drawn) - 1) + [True]


def test_nothing_at_all_is_a_page_too(db: None) -> None:
    shown = page(staff_client(make_staff("Support")))

    assert "nothing waits" in shown
    assert "Nobody has signed up yet." in shown


def test_it_leads_to_the_rows_that_it_counts(world: World) -> None:
    Discrepancy.objects.create(kind="unknown_payment", gateway="stripe", reference="pi_by_hand")
    jobs.fail(claimed(world.organisation), failure("engine_error"))
    client = staff_client(make_staff("Billing"))
    found = re.findall(r'href="(/admin/[^"]+\?[^"]+)"', page(client))
    listings = {unescape(link): client.get(unescape(link)) for link in found}
    assert {link: answer.status_code for link, answer in listings.items()} == dict.fromkeys(listings, 200)
    assert {link.split("/")[3]: answer.context["cl"].result_count for link, answer in listings.items()} == {
        "payment": 0,
        "discrepancy": 1,
        "gatewayevent": 0,
        "job": 1,
    }


def test_an_organisation_is_found_from_it(world: World) -> None:
    client = staff_client(make_staff("Support"))
    form = 'method="post" action="/admin/accounts/organisation/find/"'
    assert form in page(client)
    answer = client.post("/admin/accounts/organisation/find/", {"q": "charlie"}, follow=True)
    assert answer.context["cl"].result_count == 1


def test_who_is_in_no_group_sees_nothing_of_it(world: World) -> None:
    shown = page(staff_client(make_staff()))

    assert "You are in no group" in shown
    assert "Charlie Ltd" not in shown
    assert "Queue now" not in shown


def test_it_asks_as_much_whatever_there_is_and_then_not_for_a_minute(world: World) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            look()
        return len(queries)

    submit(world)
    undelivered(world)
    before = asked()
    submit(world, 20)
    undelivered(world, 20)
    User.objects.create_user("more@example.com")
    Organisation.objects.create(name="More", region="US")
    assert asked() == before <= 20
    client = staff_client(make_staff("Support"))
    page(client)
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/")
    assert not [query for query in queries if "tryon_job" in query["sql"]]
