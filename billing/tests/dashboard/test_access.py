"""Every billing page, for everyone."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Organisation, Role, User
from billing.dashboard.urls import urlpatterns
from billing.models import PaymentMethod
from zupertry.testing.money import opened
from zupertry.testing.page import parse

READ = ["overview", "details", "payments", "methods", "auto-reload", "ledger", "ledger-csv"]
READ_ONE = ["payment", "checkout"]
DO = ["buy", "auto-reload-off"]
DO_TO_ONE = ["make-default", "remove-method"]
ALLOWED = [Role.OWNER, Role.ADMIN, Role.BILLING]
ELSEWHERE = {"invoice", "invoice-pdf", "returned", "confirm", "cancel"}


@pytest.fixture
def payment(alice):
    return opened(alice, checkout_url="https://checkout.example.com/")


@pytest.fixture
def method(alice):
    return PaymentMethod.objects.create(organisation=alice, gateway="stripe", reference="pm_1", kind="card")


def addresses(payment, method):
    """Each route with the method it answers, for Alice's own things."""
    return [
        *[("get", reverse(f"billing:{name}")) for name in READ],
        *[("get", reverse(f"billing:{name}", args=[payment.id])) for name in READ_ONE],
        *[("post", reverse(f"billing:{name}")) for name in DO],
        *[("post", reverse(f"billing:{name}", args=[method.id])) for name in DO_TO_ONE],
        ("get", reverse("billing:returned", args=[payment.id])),
        ("post", reverse("billing:confirm", args=[payment.id])),
        ("post", reverse("billing:cancel", args=[payment.id])),
    ]


def test_every_route_is_in_the_tables_above():
    assert {pattern.name for pattern in urlpatterns} == {*READ, *READ_ONE, *DO, *DO_TO_ONE, *ELSEWHERE}


def test_strangers_are_led_to_the_login(client, payment, method):
    for verb, address in addresses(payment, method):
        answer = getattr(client, verb)(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login?next="), address


@pytest.mark.parametrize("role", [role for role in Role if role not in ALLOWED])
def test_other_roles_are_refused_and_see_no_way_there(alice, member, payment, method, role):
    client = member(alice, role)
    for verb, address in addresses(payment, method):
        answer = getattr(client, verb)(address)
        assert answer.status_code == 403, address
        assert "owner, admin, billing" in parse(answer.content.decode()).all("main")[0].text
    assert "/dashboard/billing" not in client.get("/dashboard/").content.decode()


@pytest.mark.parametrize("role", ALLOWED)
def test_owner_admin_and_billing_see_it_all(alice, member, payment, role):
    client = member(alice, role)
    for name in READ:
        assert client.get(reverse(f"billing:{name}")).status_code == 200
    for name in READ_ONE:
        assert client.get(reverse(f"billing:{name}", args=[payment.id])).status_code == 200
    assert client.post(reverse("billing:auto-reload-off")).status_code == 302


def test_what_is_another_organisations_does_not_exist(world, member, payment, method):
    charlie = member(Organisation.objects.get(pk=world.charlie.org_id), Role.OWNER)
    own = {name: reverse(f"billing:{name}") for name in [*READ, *DO]}
    for verb, address in addresses(payment, method):
        if address not in own.values():
            assert getattr(charlie, verb)(address).status_code == 404, address
    assert PaymentMethod.objects.get(pk=method.pk).status == "active"
    assert payment.id not in charlie.get(own["payments"]).content.decode()


@pytest.mark.parametrize("id_", ["pay_nonsense", "1", "%00", "pay_" + "0" * 26])
def test_what_is_no_id_does_not_exist(owner, id_):
    for name in ("payment", "checkout", "returned"):
        assert (
            owner.get(f"/dashboard/billing/payments/{id_}{'' if name == 'payment' else '/' + name}").status_code == 404
        )


def test_a_mailed_link_to_a_payment_of_the_persons_other_organisation_leads_there(world, alice, payment):
    """Whoever is of several organisations may be looking at another one."""
    charlie = User.objects.get(email="charlie@example.com")
    membership = Membership.objects.create(user=charlie, organisation=alice, role=Role.VIEWER)
    client = Client()
    client.force_login(charlie)
    address = reverse("billing:payment", args=[payment.id])
    assert client.get(address).status_code == 404, "a viewer there"

    membership.role = Role.BILLING
    membership.save()

    assert alice.name in parse(client.get(address).content.decode()).all(class_="belonging-name")[0].text
    assert parse(client.get("/dashboard/").content.decode()).all("h1")[0].text == alice.name


def test_a_suspended_organisation_sees_and_pays_and_is_told(owner, alice, stripe):
    Organisation.objects.filter(pk=alice.pk).update(suspended_at=timezone.now())

    html = parse(owner.get(reverse("billing:overview")).content.decode())

    assert "This organisation is suspended." in html.text
    assert html.all("input", class_="")  # the form is there
    token = next(field.attributes["value"] for field in html.all("input") if field.attributes["name"] == "token")
    pack = next(field.attributes["value"] for field in html.all("input") if field.attributes["name"] == "pack")
    assert owner.post(reverse("billing:buy"), {"pack": pack, "token": token})["Location"].endswith("/checkout")
