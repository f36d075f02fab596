"""Organisations, as staff search, see and help them."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit, organisations, team
from accounts.models import ApiKey, AuditEntry, Mail, Membership, Mode, Organisation, Role, User, Workspace
from accounts.webhooks import outbox
from billing import ledger
from billing.models import AutoReload, LedgerEntry, PaymentMethod, Plan
from tryon.models import Job
from zupertry.staff.organisation_actions import ACTIONS
from zupertry.testing.money import opened, smallest_pack
from zupertry.testing.page import Element, parse
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

LISTING = "/admin/accounts/organisation/"


@pytest.fixture
def support() -> Client:
    return staff_client(make_staff("Support"))


@pytest.fixture
def billing() -> Client:
    return staff_client(make_staff("Billing"))


@pytest.fixture
def alice(world: World) -> Organisation:
    return world.organisation


def tree(answer: Any) -> Element:
    assert answer.status_code == 200, answer
    html = answer.content.decode()
    return parse(html[html.index("<html") :])


def found(client: Client, **query: str) -> list[str]:
    """Return the names in the listing, sorted."""
    parts = tree(client.get(LISTING, query)).all("tbody")
    return sorted(row.all("th")[0].text for part in parts for row in part.all("tr"))


def page(client: Client, organisation: Organisation) -> Element:
    return tree(client.get(f"{LISTING}{organisation.pk}/change/"))


def do(client: Client, organisation: Organisation, action: str, **fields: Any) -> list[str]:
    """Fill an action's form in, send it twice, and return what is said after each."""
    url = f"{LISTING}do/{action}/?id={organisation.pk}"
    form = tree(client.get(url)).all("form")[-1]
    token = next(f.attributes["value"] for f in form.all("input") if f.attributes.get("name") == "token")
    sent = {"reason": "a ticket", "token": token, **fields}
    said = []
    for _ in range(2):
        answer = client.post(url, sent, follow=True)
        assert answer.redirect_chain, tree(answer).by_id("content-main").text
        said += [item.text for item in tree(answer).all("ul", class_="messagelist")[0].all("li")]
    return said


def job_of(organisation: Organisation, **fields: Any) -> Job:
    given = {
        "workspace": Workspace.objects.filter(organisation=organisation).first(),
        "mode": Mode.TEST,
        "actor": "system",
        "model_image_url": "https://example.com/a.jpg",
        "garment_image_url": "https://example.com/b.jpg",
        "woken_at": timezone.now(),
        **fields,
    }
    return Job.objects.create(organisation=organisation, **given)


def fill(organisation: Organisation, number: int) -> None:
    """Give an organisation one more of everything that its page shows."""
    job = job_of(organisation, status="completed", output_name=f"pictures/aa/{number}.jpg", duration_ms=1200)
    data = {"job_id": job.id, "status": "completed", "output_url": None}
    outbox.record(organisation.pk, "job.completed", job.id, data, output_name="", url="https://shop.example/hook")
    ledger.grant(organisation.pk, 1, f"grant-{number}", actor="system", note="")
    opened(organisation, status="paid")
    PaymentMethod.objects.create(
        organisation=organisation, gateway="stripe", reference=f"pm_{number}", kind="card", last_four="4242"
    )
    AutoReload.objects.get_or_create(
        organisation=organisation,
        defaults={"threshold": 9, "pack": smallest_pack(organisation), "monthly_cap_minor": 1},
    )
    person = User.objects.create_user(f"member{number}@{organisation.pk}.example")
    Membership.objects.create(user=person, organisation=organisation, role=Role.VIEWER)
    owner = Membership.objects.get(organisation=organisation, role=Role.OWNER)
    team.invite(f"new{number}@{organisation.pk}.example", Role.VIEWER, by=owner)
    Workspace.objects.create(organisation=organisation, name=f"Shelf {number}")
    digest = f"{organisation.pk}{number}".encode()[-32:]
    ApiKey.objects.create(organisation=organisation, mode="test", name="k", digest=digest, last_four="aaaa")


def queries(client: Client, url: str) -> int:
    client.get(url)  # what the first page of a session asks for besides
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_page_shows_all_that_belongs_to_it_in_as_many_queries_for_any_number(support: Client, alice) -> None:
    url = f"{LISTING}{alice.pk}/change/"
    fill(alice, 0)
    few = queries(support, url)
    for number in range(1, 12):
        fill(alice, number)
    assert queries(support, url) == few < 25
    html = page(support, alice)
    titles = [section.all("h2")[0].text.strip() for section in html.all("section")]
    rows = {
        title: len(section.all("tbody")[0].all("tr"))
        for title, section in zip(titles, html.all("section"), strict=True)
    }
    assert rows.pop("Auto-reload") == 1
    assert set(rows.values()) == {8}
    assert len(rows) == 11
    assert html.all("img") == [], "pictures are on the pages of jobs, where each look is in the audit log"
    assert "112" in html.all("dl", class_="figures")[0].text


def test_the_page_leads_to_everything(support: Client, alice) -> None:
    fill(alice, 0)
    links = {link.attributes.get("href", "") for link in page(support, alice).by_id("content-main").all("a")}
    for row in (
        Membership.objects.get(organisation=alice, role=Role.OWNER).user,
        ApiKey.objects.filter(organisation=alice).first(),
        LedgerEntry.objects.filter(account=alice.pk).last(),
        AuditEntry.objects.filter(organisation=alice).last(),
        Mail.objects.get(),
        *alice.payments.all(),
        Plan.objects.get(pk=alice.plan),
        alice.webhook_endpoint,
    ):
        address = f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"
        assert address in links
        assert support.get(address).status_code == 200
    whole = {link for link in links if f"={alice.pk}" in link and "/do/" not in link}
    assert len(whole) >= 9
    for link in whole:
        assert support.get(link).status_code == 200, link


def test_an_organisation_with_nothing_has_a_page(support: Client, world: World) -> None:
    charlie = Organisation.objects.get(pk=world.charlie.org_id)
    text = page(support, charlie).text
    assert "Never switched on." in text
    assert "nothing is spent" in text


def test_the_state_of_its_deletion_is_shown(support: Client, alice) -> None:
    for field, state in (
        ("suspended_at", "suspended"),
        ("deletion_due_at", "to be deleted"),
        ("closed_at", "closed, being erased"),
        ("deleted_at", "deleted"),
    ):
        Organisation.objects.filter(pk=alice.pk).update(**{field: timezone.now()})
        assert state in [span.text for span in page(support, alice).all("span", class_="state")]
    labels = [link.text for link in page(staff_client(make_staff(superuser=True)), alice).all("a")]
    assert "Restore" in labels
    assert not {"Grant credits", "Suspend", "Change the region"} & set(labels)


def test_the_listing_takes_the_same_few_queries_for_any_number_of_rows(support: Client, world: World) -> None:
    few = queries(support, LISTING)
    owner = User.objects.get(email="alice@example.com")
    for number in range(50):
        made = organisations.create(f"Shop {number}", "IN", "starter", owner, actor="system")
        ledger.open_account(made.pk)
    assert queries(support, LISTING) == few < 20


def test_organisations_are_filtered(support: Client, world: World, alice) -> None:
    assert found(support, plan="growth") == ["Charlie Ltd"]
    assert found(support, region__exact="EU") == ["Alice & Co"]
    assert found(support, state="suspended") == []
    organisations.suspend(alice, actor="staff:1", reason="")
    assert found(support, state="suspended") == ["Alice & Co"]
    Organisation.objects.filter(pk=alice.pk).update(deletion_due_at=timezone.now())
    assert (found(support, state="to-be-deleted"), found(support, state="deleted")) == (["Alice & Co"], [])


def test_it_is_suspended_and_restored(billing: Client, world: World, alice) -> None:
    job = job_of(alice)
    bearer = {"Authorization": f"Bearer {world.alice.live_key}"}
    said = do(billing, alice, "suspend")
    assert ["Suspended" in said[0], "suspended already" in said[1]] == [True, True]
    assert Client().get("/v1/account", headers=bearer).status_code == 403
    said = do(billing, alice, "restore")
    assert ["Restored" in said[0], "not suspended" in said[1]] == [True, True]
    assert Client().get("/v1/account", headers=bearer).status_code == 200
    job.refresh_from_db()
    assert job.status == "pending"
    entries = AuditEntry.objects.filter(organisation=alice, reason="a ticket").order_by("pk")
    assert [entry.action for entry in entries] == ["organisation.suspended", "organisation.restored"]
    assert {entry.actor for entry in entries} == {f"staff:{User.objects.get(email='billing@zupertry.test').pk}"}


def test_credits_are_granted_and_taken_once_for_a_form(billing: Client, alice) -> None:
    said = do(billing, alice, "grant-credits", credits="1500", note="For the outage")
    assert ["1,500 credits granted" in said[0], "granted them already" in said[1]] == [True, True]
    said = do(billing, alice, "take-credits", credits="600", note="")
    assert ["600 credits taken" in said[0], "taken them already" in said[1]] == [True, True]
    assert ledger.balance(alice.pk).available == 1000
    said = do(billing, alice, "take-credits", credits="1001", note="")
    assert all("Only 1,000 credits are available" in sentence for sentence in said)
    entries = LedgerEntry.objects.filter(account=alice.pk, actor__startswith="staff:").order_by("pk")
    assert [(e.kind, e.available_delta, e.note) for e in entries] == [
        ("grant", 1500, "For the outage"),
        ("adjustment", -600, ""),
    ]
    assert "a ticket" not in {entry.note for entry in entries}  # which the customer would read


@pytest.mark.parametrize(
    ("credits_", "says"), [("0", "greater than or equal to 1"), ("x", "whole number"), ("", "required")]
)
def test_a_form_that_is_wrong_does_nothing(billing: Client, alice, credits_: str, says: str) -> None:
    sent = {"reason": "a ticket", "token": "0" * 32, "credits": credits_}
    answer = billing.post(f"{LISTING}do/grant-credits/?id={alice.pk}", sent)
    assert says in tree(answer).by_id("content-main").text
    assert ledger.balance(alice.pk).available == 100


def test_no_action_goes_without_a_reason(billing: Client, alice) -> None:
    answer = billing.post(f"{LISTING}do/suspend/?id={alice.pk}", {"reason": " ", "token": "0" * 32})
    assert "This field is required" in tree(answer).by_id("content-main").text
    assert Organisation.objects.get(pk=alice.pk).suspended_at is None


def test_plan_and_region_are_changed(billing: Client, alice) -> None:
    said = do(billing, alice, "set-plan", plan="scale")
    assert ["It is on Scale now" in said[0], "already" in said[1]] == [True, True]
    opened(alice)
    said = do(billing, alice, "set-region", region="IN")
    assert all("A payment is under way" in sentence for sentence in said)
    alice.payments.update(status="expired")
    said = do(billing, alice, "set-region", region="IN")
    assert ["billed as India now" in said[0], "already" in said[1]] == [True, True]
    changed = Organisation.objects.get(pk=alice.pk)
    assert (changed.plan, changed.region) == ("scale", "IN")
    reasons = AuditEntry.objects.filter(action__in=["organisation.plan_changed", "organisation.region_changed"])
    assert set(reasons.values_list("reason", flat=True)) == {"a ticket"}


def test_the_rate_limit_is_set(alice) -> None:
    said = do(staff_client(make_staff("Engineering")), alice, "set-rate-limit", per_minute="600")
    assert ["600 requests a minute" in said[0], "already" in said[1]] == [True, True]
    assert Organisation.objects.get(pk=alice.pk).rate_limit_per_minute == 600


def test_owners_are_written_to(support: Client, alice) -> None:
    fields = {"subject": "Hello", "text": "One\n\nTwo", "reply_to": "sam@zupertry.test"}
    said = do(support, alice, "mail-owners", **fields)
    assert ["on its way" in said[0], "sent already" in said[1]] == [True, True]
    mail = Mail.objects.get(kind="staff_message")
    assert "Two" in tree(support.get(f"/admin/accounts/mail/{mail.pk}/change/")).text
    entry = AuditEntry.objects.get(action="organisation.owners_mailed")
    assert (entry.reason, entry.details) == ("a ticket", {})


FORMS: dict[str, dict[str, str]] = {
    "suspend": {},
    "restore": {},
    "grant-credits": {"credits": "1", "note": ""},
    "take-credits": {"credits": "1", "note": ""},
    "set-rate-limit": {"per_minute": "61"},
    "set-plan": {"plan": "scale"},
    "set-region": {"region": "US"},
    "mail-owners": {"subject": "s", "text": "t", "reply_to": "sam@zupertry.test"},
}
ALLOWED = {
    "Support": {"mail-owners"},
    "Billing": {"suspend", "restore", "grant-credits", "take-credits", "set-plan", "set-region", "mail-owners"},
    "Engineering": {"suspend", "restore", "set-rate-limit"},
}


@pytest.mark.parametrize("group", ALLOWED)
def test_the_groups_decide_who_does_what(alice, group: str) -> None:
    assert {action.name for action in ACTIONS} == set(FORMS)
    client = staff_client(make_staff(group))
    assert found(client) == ["Alice & Co", "Charlie Ltd"]
    for name, fields in FORMS.items():
        url = f"{LISTING}do/{name}/?id={alice.pk}"
        before = AuditEntry.objects.count()
        allowed = name in ALLOWED[group]
        assert client.get(url).status_code == (200 if allowed else 403), name
        answer = client.post(url, {"reason": "a ticket", "token": "0" * 32, **fields})
        assert answer.status_code == (302 if allowed else 403), name
        assert AuditEntry.objects.count() == before + (1 if allowed else 0), name
    offered = {link.attributes.get("href", "") for link in page(client, alice).all("a")}
    assert {name for name in FORMS if any(f"/do/{name}/" in href for href in offered)} == ALLOWED[group] - {"restore"}
    for url in (f"{LISTING}add/", f"{LISTING}{alice.pk}/delete/", f"{LISTING}{alice.pk}/change/"):
        assert client.post(url, {"name": "x", "post": "yes"}).status_code == 403


def test_customers_do_not_see_the_reason(world: World, alice, client: Client) -> None:
    organisations.suspend(alice, actor="staff:1", reason="suspected fraud")
    audit.record(alice, "staff:1", "organisation.renamed", alice.pk, reason="suspected fraud")
    client.force_login(User.objects.get(email="alice@example.com"))
    for url in ("/dashboard/audit", "/dashboard/audit.csv"):
        body = b"".join(client.get(url))
        assert b"rganisation" in body
        assert b"fraud" not in body
