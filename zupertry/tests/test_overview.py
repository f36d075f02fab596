"""The dashboard's first page: what each role sees of how the organisation stands."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys
from accounts.models import ApiKey, Membership, Mode, Organisation, Role, User, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import outbox
from accounts.webhooks.failing import failing
from billing import ledger, pace
from billing.models import CreditAccount
from tryon import jobs
from tryon.failures import failure
from tryon.models import Job
from zupertry.core import ids
from zupertry.overview.page import LATEST
from zupertry.testing.jobs import claimed, completed, submitted
from zupertry.testing.page import Element, parse
from zupertry.testing.world import World

HOME = "/dashboard/"


def browser(organisation: Organisation, role: str = Role.OWNER) -> Client:
    user = User.objects.create_user(f"{role}-{User.objects.count()}@example.com", "a-password")
    Membership.objects.create(user=user, organisation=organisation, role=role)
    client = Client()
    client.force_login(user)
    return client


def page(client: Client) -> Element:
    answer = client.get(HOME)
    assert answer.status_code == 200
    return parse(answer.content.decode())


def steps(html: Element) -> dict[str, bool]:
    """Each step of the checklist, and whether it is done."""
    return {li.all(class_="step-name")[0].text: "done" in li.classes for li in html.all("ol")[0].all("li")}


@pytest.fixture
def alice(world: World) -> Organisation:
    return world.organisation


@pytest.fixture
def bare(alice: Organisation) -> Organisation:
    """Alice's organisation before anything was done in it."""
    ApiKey.objects.filter(organisation=alice, mode=Mode.LIVE).delete()
    WebhookEndpoint.objects.filter(organisation=alice).update(url="")
    return Organisation.objects.get(pk=alice.pk)


def test_todays_jobs_are_counted_by_state_with_their_success(alice):
    for _ in range(3):
        completed(alice)
    jobs.fail(claimed(alice), failure("person_not_found"))
    submitted(alice)

    html = page(browser(alice, Role.VIEWER))

    assert html.all(class_="today")[0].all(class_="figure")[0].text == "5"
    badges = [badge.text for badge in html.all("ul", class_="today-states")[0].all("a")]
    assert badges == ["1 pending", "3 completed", "1 failed"]
    assert "75\xa0% succeeded" in html.text
    assert "test job" not in html.text


def test_test_jobs_are_counted_apart_from_live_ones(alice):
    completed(alice)
    jobs.fail(claimed(alice, Mode.TEST), failure("person_not_found"))
    submitted(alice, Mode.TEST)

    today = page(browser(alice)).all(class_="today")[0]

    assert today.all("h2")[0].text == "Live jobs today (UTC)"
    assert today.all(class_="figure")[0].text == "1"
    assert "100\xa0% succeeded" in today.text
    assert "2 test jobs besides: 1 pending, 1 failed." in today.text
    links = {a.text: a.attributes["href"] for a in today.all("a")}
    assert "mode=live&status=completed" in links["1 completed"]
    assert "mode=test" in links["2 test jobs"]


def test_where_there_are_test_jobs_alone_they_are_shown_as_what_they_are(alice):
    completed(alice, Mode.TEST)
    jobs.fail(claimed(alice, Mode.TEST), failure("person_not_found"))

    today = page(browser(alice)).all(class_="today")[0]

    assert today.all("h2")[0].text == "Test jobs today (UTC)"
    assert today.all(class_="figure")[0].text == "2"
    assert "50\xa0% succeeded" in today.text
    assert "No live job so far." in today.text
    assert "besides" not in today.text


def test_before_there_is_anything_it_says_what_to_do_and_what_is_done(bare):
    owner = browser(bare)
    names = ["Make a test try-on", "Create a live key", "Set a webhook", "Buy credits"]
    assert steps(page(owner)) == dict.fromkeys(names, False)

    completed(bare, Mode.TEST)
    api_keys.create(bare, Mode.LIVE, "Shop", actor="system")
    assert list(steps(page(owner)).values()) == [True, True, False, False]

    WebhookEndpoint.objects.filter(organisation=bare).update(url="https://shop.example/hook")
    ledger.purchase(bare.id, 100, ids.new("pay"), actor="system")
    assert "What to do next" not in page(owner).text


def test_the_checklist_stays_however_many_pictures_there_are(bare):
    for _ in range(LATEST + 1):
        completed(bare, Mode.TEST)
    html = page(browser(bare))
    assert list(steps(html).values()) == [True, False, False, False]
    assert len(html.all("img", class_="thumb")) == LATEST


def test_whoever_hides_the_checklist_sees_it_again_after_the_next_login(bare):
    owner, colleague = browser(bare), browser(bare, Role.ADMIN)

    for _ in range(2):  # from two tabs
        assert owner.post("/dashboard/hide-steps")["Location"] == HOME

    assert "What to do next" not in page(owner).text
    assert "What to do next" in page(colleague).text
    user = User.objects.get(memberships__organisation=bare, memberships__role=Role.OWNER, email__startswith="owner-")
    owner.logout()
    owner.force_login(user)
    assert "What to do next" in page(owner).text


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (Role.OWNER, {"money", "webhooks"}),
        (Role.ADMIN, {"money", "webhooks"}),
        (Role.DEVELOPER, {"webhooks"}),
        (Role.BILLING, {"money"}),
        (Role.VIEWER, set()),
    ],
)
def test_each_role_is_shown_its_own_areas_alone(bare, role, seen):
    fail_delivery(bare, "https://hooks.example")
    html = page(browser(bare, role))
    links = {a.attributes["href"] for a in html.all("a")}

    assert ("Available credits" in html.text) == ("money" in seen)
    assert ("Buy credits" in html.text) == ("money" in seen)
    assert ("https://hooks.example" in html.text) == ("webhooks" in seen)
    assert bool([link for link in links if link.startswith("/dashboard/billing")]) == ("money" in seen)
    assert bool([link for link in links if link.startswith("/dashboard/developers")]) == ("webhooks" in seen)
    assert ("What to do next" in html.text) == bool(seen)
    assert "/dashboard/usage" in links


def test_credits_last_as_long_as_the_pace_of_the_last_week_says(alice):
    owner = browser(alice)
    assert "None were spent in the last 7 days" in page(owner).text

    for _ in range(10):
        completed(alice)
    refunded = Job.objects.latest("pk")
    jobs.refund(refunded, actor="staff:1", reason="broken")

    html = page(owner)
    assert html.all(class_="balance")[0].all(class_="figure")[0].text == "91"
    assert "9 credits spent" in html.text
    assert "About 70 days left" in html.text  # 91 at 9 in 7 days


@pytest.mark.parametrize(
    ("available", "words"),
    [(0, "Nothing is left"), (-3, "You owe 3 credits"), (1, "Less than a day"), (4, "About 2 days")],
)
def test_what_is_nearly_gone_is_said(alice, available, words):
    for _ in range(14):
        completed(alice)
    CreditAccount.objects.filter(organisation=alice).update(available=available)
    assert words in page(browser(alice)).text


@pytest.mark.parametrize(
    ("available", "spent", "days"), [(10, 0, None), (0, 7, 0), (-5, 7, 0), (6, 7, 6), (100, 3, 233)]
)
def test_whole_days_are_left(available, spent, days):
    assert pace.days_left(available, spent) == days


def test_what_was_spent_before_the_last_week_does_not_count(alice):
    completed(alice)
    now = timezone.now()
    assert pace.spent_lately(alice.id, now + timedelta(days=6)) == 1
    assert pace.spent_lately(alice.id, now + timedelta(days=8)) == 0


def fail_delivery(organisation: Organisation, target: str, status: str = "failed") -> None:
    delivery = outbox.record(organisation.id, "job.failed", "job_1", {}, output_name="", url=f"{target}/hook")
    WebhookDelivery.objects.filter(pk=delivery.pk).update(status=status, target=target)


def test_servers_that_fail_are_told_apart_the_latest_first(alice):
    fail_delivery(alice, "https://one.example")
    fail_delivery(alice, "https://one.example", "retrying")
    fail_delivery(alice, "https://two.example")
    fail_delivery(alice, "https://three.example", "delivered")
    now = timezone.now()

    found = failing(alice.id, now - timedelta(days=1))

    assert [(one.target, one.failed, one.retrying) for one in found] == [
        ("https://two.example", 1, 0),
        ("https://one.example", 1, 1),
    ]
    assert failing(alice.id, now + timedelta(minutes=1)) == []


def test_another_organisation_sees_nothing_of_it(world, alice):
    completed(alice)
    fail_delivery(alice, "https://hooks.example")
    html = page(browser(Organisation.objects.get(pk=world.charlie.org_id)))
    assert "https://hooks.example" not in html.text
    assert not html.all("img", class_="thumb")
    assert "None so far" in html.text


def test_it_takes_as_many_queries_for_many_jobs_as_for_one(alice):
    owner = browser(alice)
    completed(alice)
    with CaptureQueriesContext(connection) as for_one:
        page(owner)
    for number in range(49):
        submitted(alice)
        fail_delivery(alice, f"https://{number}.example")
    with CaptureQueriesContext(connection) as for_many:
        page(owner)
    assert (
        len(for_many) == len(for_one) == 9
    )  # session, user, memberships; latest, today, steps; account, pace; webhooks
