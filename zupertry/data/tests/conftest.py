"""What the tests of data share: browsers, an organisation with something of everything, and a way through the time."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from accounts import mails, team
from accounts.models import DeliveryAttempt, Membership, Organisation, Role, User
from billing import auto_reload, ledger
from billing.models import Discrepancy, GatewayEvent, Invoice, Payment, PaymentMethod, Reversal
from tryon import uploads
from tryon.engines.base import Picture
from tryon.models import Job
from tryon.tests.conftest import media
from tryon.tests.dashboard.conftest import made, member
from zupertry.data import deletion
from zupertry.testing import images
from zupertry.testing.jobs import submitted
from zupertry.testing.money import opened, smallest_pack
from zupertry.testing.world import World

__all__ = ["media", "member"]

PASSWORDS = {name: f"{name}-password" for name in ("alice", "bob", "charlie")}


@pytest.fixture
def alice(world: World, media: object) -> Organisation:
    """Alice's organisation, with a folder for its pictures."""
    return world.organisation


@pytest.fixture
def charlies(world: World) -> Organisation:
    """Charlie's organisation."""
    return Organisation.objects.get(pk=world.charlie.org_id)


@pytest.fixture
def owner(alice: Organisation) -> Client:
    """Alice's browser, where she has just typed her password."""
    client = browser("alice")
    client.post("/confirm", {"password": PASSWORDS["alice"]})
    return client


def browser(name: str) -> Client:
    client = Client()
    client.post("/login", {"login": f"{name}@example.com", "password": PASSWORDS[name]})
    return client


def person(name: str) -> User:
    return User.objects.get(email=f"{name}@example.com")


def membership(name: str, organisation: Organisation) -> Membership:
    return Membership.objects.select_related("organisation").get(user=person(name), organisation=organisation)


def furnish(organisation: Organisation, owner: str) -> Job:
    """Give an organisation at least a row in every table that it can have rows in, and return its job with pictures."""
    job = made(organisation, webhook_url="https://hooks.example.com/", metadata={"sku": "1"})
    submitted(organisation)
    assert job.delivery is not None
    DeliveryAttempt.objects.create(
        delivery=job.delivery, number=1, started_at=timezone.now(), duration_ms=3, response_body="thanks"
    )
    uploads.keep(organisation, Picture(images.jpeg(60, 80), "image/jpeg", 60, 80), actor="user:1")
    team.invite(f"guest-of-{owner}@example.com", Role.VIEWER, by=membership(owner, organisation))
    mails.send(organisation.id, "low_balance", f"of-a-test:{organisation.id}", roles=[Role.OWNER], credits=1)
    _give_money(organisation)
    about = ContentType.objects.get_for_model(Organisation)
    LogEntry.objects.create(
        user=person(owner), content_type=about, object_id=organisation.id, object_repr="it", action_flag=CHANGE
    )
    return job


def _give_money(organisation: Organisation) -> None:
    method = PaymentMethod.objects.create(
        organisation=organisation,
        gateway="stripe",
        reference=f"pm_{organisation.id}",
        kind="card",
        brand="visa",
        last_four="4242",
        is_default=True,
    )
    opened(organisation, status=Payment.Status.EXPIRED)
    paid = opened(organisation, status=Payment.Status.PAID, settled_at=timezone.now(), method=method)
    Invoice.objects.create(organisation=organisation, payment=paid, number=f"Z-{organisation.id}", buyer=paid.buyer)
    Reversal.objects.create(payment=paid, kind="refund", reference=f"re_{paid.id}", amount_minor=1, credits=0)
    Discrepancy.objects.create(gateway="stripe", kind="of a test", reference=paid.id, payment=paid, details="none")
    subject = {"payment_id": paid.id, "checkout_reference": "", "gateway_reference": ""}
    GatewayEvent.objects.create(
        gateway="stripe", reference=f"evt_{paid.id}", type="paid", subject=subject, payload={}, next_attempt_at=None
    )
    ledger.grant(organisation.id, 1, f"form-{organisation.id}", actor="staff:1", note="A gift")
    auto_reload.switch_on(
        organisation, pack=smallest_pack(organisation), threshold=5, monthly_cap_minor=100_000_000, actor="user:1"
    )


def let_grace_end() -> None:
    """Let all be due that is to be deleted."""
    past = timezone.now() - timedelta(seconds=1)
    Organisation.objects.exclude(deletion_due_at=None).update(deletion_due_at=past)
    User.objects.exclude(deletion_due_at=None).update(deletion_due_at=past)


def let_it_settle() -> None:
    """Let the closing be so long ago that nothing is under way any more."""
    Organisation.objects.exclude(closed_at=None).update(closed_at=timezone.now() - deletion.SETTLING)
