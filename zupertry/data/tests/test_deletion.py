"""The deletion of an organisation: asked for, undone, done, and harmless twice or interrupted."""

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from accounts import api_keys, mails
from accounts.models import AuditEntry, Mail, Organisation, Role, WebhookDelivery
from billing import ledger, payments
from billing.gateways.base import GatewayError
from billing.models import AutoReload, BillingDetails, Payment, PaymentMethod
from tryon import jobs
from tryon.models import Job, Upload
from zupertry.core import storage
from zupertry.core.errors import Refusal
from zupertry.data import deletion, sweeping
from zupertry.data.tests.conftest import browser, furnish, let_grace_end, let_it_settle, membership
from zupertry.testing.api import ApiClient
from zupertry.testing.jobs import claimed, submitted
from zupertry.testing.memory_gateway import MemoryGateway, memory_gateway
from zupertry.testing.money import opened, smallest_pack
from zupertry.testing.page import parse

DELETE, SETTINGS = reverse("settings:delete"), reverse("settings:organisation")
NONE_GONE = {"organisations_deleted": 0, "people_deleted": 0}
GONE = {"organisations_deleted": 1, "people_deleted": 0}


@pytest.fixture
def gateway():
    with memory_gateway() as running:
        yield running


@pytest.fixture
def asked(alice: Organisation, gateway: MemoryGateway) -> Organisation:
    """Alice's organisation with something of everything, whose deletion she has asked for."""
    furnish(alice, "alice")
    assert deletion.ask(alice, by=membership("alice", alice))
    alice.refresh_from_db()
    return alice


def delete(organisation: Organisation) -> None:
    let_grace_end()
    sweeping.sweep()
    let_it_settle()
    assert sweeping.sweep() == GONE


def test_an_owner_types_the_name_and_sees_the_banner_everywhere(alice, owner):
    wrong = owner.post(DELETE, {"name": "Alice"})
    assert wrong.status_code == 422
    assert parse(wrong.content.decode()).by_id("id_name").attributes["value"] == "Alice"

    assert owner.post(DELETE, {"name": "Alice  & Co "})["Location"] == SETTINGS

    for name in ("alice", "bob"):
        client = browser(name)
        for path in ("/dashboard/", "/dashboard/jobs", "/dashboard/account", "/dashboard/playground"):
            html = parse(client.get(path).content.decode())
            assert "Alice & Co will be deleted on" in html.text, path
            keep = [form for form in html.all("form") if form.attributes.get("action") == reverse("settings:keep")]
            assert bool(keep) == (name == "alice")
    mail = Mail.objects.get(kind="deletion_asked")
    assert (mail.roles, mail.context["days"]) == ([Role.OWNER], 7)
    alice.refresh_from_db()
    assert timedelta(days=6, hours=23) < alice.deletion_due_at - timezone.now() <= deletion.GRACE


def test_keys_go_on_working_in_the_grace_and_nothing_is_bought(asked, world, gateway):
    assert ApiClient(world.alice.live_key).get("/v1/account").status_code == 200
    assert not AutoReload.objects.get(organisation=asked).enabled
    with pytest.raises(Refusal, match="buys nothing"):
        payments.begin(
            asked,
            smallest_pack(asked),
            token="t",
            actor="user:1",
            keep_method=False,
            links=payments.Links("https://a.example/", "https://a.example/"),
        )
    assert sweeping.sweep() == NONE_GONE


def test_an_owner_keeps_it_and_asking_again_tells_again(asked, owner):
    assert "stays" in parse(owner.post(reverse("settings:keep"), follow=True).content.decode()).text
    let_grace_end()
    assert sweeping.sweep() == NONE_GONE
    assert deletion.ask(asked, by=membership("alice", asked))
    assert not deletion.ask(asked, by=membership("alice", asked)), "sent twice it is asked once"
    assert Mail.objects.filter(kind="deletion_asked").count() == 2


def test_owners_hear_that_it_stays_and_what_stays_off(asked):
    keeper = membership("alice", asked)
    assert deletion.undo(asked, by=keeper)
    assert not deletion.undo(asked, by=keeper), "sent twice it is undone once"
    mail = Mail.objects.get(kind="deletion_undone")
    assert mail.roles == [Role.OWNER]

    mails.deliver(mail.id)

    (sent,) = django_mail.outbox
    assert sent.subject == "Alice & Co stays"
    assert "switch it on again:\nhttp" in sent.body
    assert sent.to == ["alice@example.com"]


def test_nobody_but_an_owner_decides(alice):
    for decide in (deletion.ask, deletion.undo):
        with pytest.raises(Refusal, match="Only an owner"):
            decide(alice, by=membership("bob", alice))


def test_when_it_is_due_it_can_be_kept_no_more(asked, owner):
    let_grace_end()
    assert "can't be kept" in parse(owner.post(reverse("settings:keep"), follow=True).content.decode()).text


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        (lambda alice: Organisation.objects.filter(pk=alice.pk).update(suspended_at=timezone.now()), "suspended"),
        (opened, "A payment is under way. Cancel it under Billing"),
        (lambda alice: opened(alice, status=Payment.Status.QUARANTINED), "waits for our staff"),
        (lambda alice: ledger.clawback(alice.id, 103, "re_1", note=""), "3 credits are owed"),
    ],
)
def test_what_is_in_the_way_is_said_before_and_refused_after(alice, owner, obstacle, words):
    obstacle(alice)
    assert words in parse(owner.get(DELETE).content.decode()).text
    assert words in parse(owner.post(DELETE, {"name": alice.name}).content.decode()).text
    alice.refresh_from_db()
    assert alice.deletion_due_at is None


def test_a_closed_organisation_is_entered_by_nobody_and_its_jobs_are_given_back(asked, world, owner):
    pending = Job.objects.get(status=Job.Status.PENDING)
    before = ledger.balance(asked.id)
    let_grace_end()

    assert sweeping.sweep() == NONE_GONE, "what was let in before may still be under way"

    assert ApiClient(world.alice.live_key).get("/v1/account").status_code == 401
    assert owner.get("/dashboard/")["Location"] == reverse("onboarding")
    pending.refresh_from_db()
    after = ledger.balance(asked.id)
    assert pending.status == Job.Status.CANCELLED
    assert (after.available, after.reserved) == (before.available + 1, 0)
    assert not WebhookDelivery.objects.filter(organisation=asked, next_attempt_at__isnull=False).exists()
    assert Job.objects.exclude(output_name="").exists(), "pictures go later"


def test_then_pictures_methods_and_details_go_and_the_books_stay(asked, media):
    delete(asked)

    assert media.files == set()
    assert not Upload.objects.exists()
    assert set(PaymentMethod.objects.values_list("status", flat=True)) == {PaymentMethod.Status.REMOVED}
    assert not BillingDetails.objects.exists()
    assert asked.invoices.get().buyer["name"] == "Alice & Co GmbH"
    buyers = dict(asked.payments.values_list("status", "buyer"))
    assert (buyers["paid"]["name"], buyers["expired"]) == ("Alice & Co GmbH", {})
    asked.refresh_from_db()
    assert asked.name == "Deleted organisation"
    assert AuditEntry.objects.filter(action="organisation.deleted").count() == 1
    call_command("check_ledger")
    assert sweeping.sweep() == NONE_GONE


def test_another_organisation_keeps_everything(asked, charlies, world, media):
    furnish(charlies, "charlie")
    delete(asked)

    assert ApiClient(world.charlie.live_key).get("/v1/account").status_code == 200
    job = Job.objects.get(organisation=charlies, status=Job.Status.COMPLETED)
    assert job.output_name in media.names
    assert (job.metadata, charlies.invitations.count()) == ({"sku": "1"}, 1)
    assert BillingDetails.objects.get().organisation_id == charlies.id


def test_a_job_that_is_being_worked_on_is_awaited(asked):
    job = claimed(asked)
    let_grace_end()
    sweeping.sweep()
    let_it_settle()
    assert sweeping.sweep() == NONE_GONE

    assert jobs.complete(job, engine_request_id="late")

    assert sweeping.sweep() == GONE


@pytest.mark.parametrize("broken", ["delete", "forget_method"])
def test_what_is_interrupted_by_storage_or_gateway_goes_on_later(asked, charlies, monkeypatch, broken):
    def down(*args: object, **options: object) -> None:
        raise OSError("down") if broken == "delete" else GatewayError("down")

    deletion.ask(charlies, by=membership("charlie", charlies))
    let_grace_end()
    sweeping.sweep()
    let_it_settle()
    with monkeypatch.context() as patch:
        patch.setattr(*(storage, "delete") if broken == "delete" else (MemoryGateway, "forget_method"), down)
        assert sweeping.sweep() == GONE, "Charlie's, which needs neither"
    asked.refresh_from_db()
    assert (asked.name, asked.deleted_at) == ("Alice & Co", None)

    assert sweeping.sweep() == GONE


def test_who_is_suspended_meanwhile_waits(asked, world):
    Organisation.objects.filter(pk=asked.pk).update(suspended_at=timezone.now())
    let_grace_end()
    assert sweeping.sweep() == NONE_GONE
    assert api_keys.find(world.alice.live_key).status == "active"


def test_what_was_undone_at_the_last_moment_loses_nothing(asked):
    """The sweep had read it as due before."""
    job = submitted(asked)
    deletion.undo(asked, by=membership("alice", asked))

    assert not deletion.go_on(asked.id)

    job.refresh_from_db()
    assert job.status == Job.Status.PENDING
