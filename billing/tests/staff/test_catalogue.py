"""The catalogue: plans and packs, which staff change with a reason."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Organisation
from billing import catalogue
from billing.models import CreditPack, Payment, Plan
from billing.tests.staff.pages import a_payment, address, links, rows, seen
from zupertry.core.errors import Refusal
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    return staff_client(make_staff(superuser=True))


@pytest.fixture
def pack() -> CreditPack:
    return CreditPack.objects.get(plan="starter", currency="EUR", credits=500)


def form_of(staff: Client, url: str) -> dict[str, str]:
    """Return what a page's form sends when nothing in it is changed."""
    form = seen(staff, url).by_id("creditpack_form")
    sent = {field.attributes["name"]: field.attributes.get("value", "") for field in form.all("input")}
    for choice in form.all("select"):
        chosen = [option for option in choice.all("option") if "selected" in option.attributes]
        sent[choice.attributes["name"]] = chosen[0].attributes["value"] if chosen else ""
    return {name: value for name, value in sent.items() if not name.startswith("_")} | {"reason": "A new price list"}


def moment(name: str, at: datetime) -> dict[str, str]:
    """Return the two fields that a moment is typed into."""
    return {f"{name}_0": at.strftime("%Y-%m-%d"), f"{name}_1": at.strftime("%H:%M:%S")}


def change(staff: Client, pack: CreditPack, **changes: Any) -> None:
    url = address(CreditPack, "change", pack.id)
    answer = staff.post(url, {**form_of(staff, url), **changes})
    assert answer.status_code == 302, answer.content.decode()


def test_staff_change_a_plan_but_for_its_code(staff: Client) -> None:
    url = address(Plan, "change", "growth")
    changes = {"code": "other", "name": "Growing", "signup_credits": "25"}
    assert staff.post(url, changes).status_code == 200  # a reason is missing
    assert staff.post(url, {**changes, "reason": "It grows"}).status_code == 302
    assert Plan.objects.values_list("name", "signup_credits").get(code="growth") == ("Growing", 25)
    assert staff.post(address(Plan, "delete", "growth"), {"post": "yes"}).status_code == 403
    entry = AuditEntry.objects.get(action="plan.changed")
    assert (entry.organisation, entry.reason, entry.subject) == (None, "It grows", "growth")
    assert entry.details["before"] == {"name": "Growth", "signup_credits": "0"}
    assert entry.details["after"] == {"name": "Growing", "signup_credits": "25"}


def test_staff_make_a_pack_and_it_is_on_sale(world: World, staff: Client) -> None:
    url = address(CreditPack, "add")
    fields = {"plan": "starter", "currency": "EUR", "credits": 750, "price_minor": 90_00}
    answer = staff.post(url, {**form_of(staff, url), **fields})
    assert answer.status_code == 302, answer.content.decode()
    made = CreditPack.objects.get(credits=750)
    assert made in catalogue.offer(world.organisation)
    assert ["750", "€90.00", "Starter"] in [row[:3] for row in rows(staff, CreditPack, currency__exact="EUR")]


def test_a_pack_that_was_never_on_sale_is_changed_in_place(staff: Client, pack: CreditPack) -> None:
    CreditPack.objects.filter(pk=pack.pk).update(active_from=timezone.now() + timedelta(days=1))
    change(staff, pack, price_minor=60_00)
    pack.refresh_from_db()
    assert (pack.price_minor, pack.active_until) == (60_00, None)
    entry = AuditEntry.objects.get(action="creditpack.changed")
    assert (entry.details["before"], entry.details["after"]) == ({"price_minor": "6500"}, {"price_minor": "6000"})


def test_who_sees_a_price_pays_that_price_or_is_told(world: World, staff: Client, pack: CreditPack) -> None:
    """A page that is open while staff change a price names a pack that keeps its own, or can't be bought any more."""
    change(staff, pack, price_minor=90_00)
    pack.refresh_from_db()
    assert pack.price_minor == 65_00
    with pytest.raises(Refusal, match="not on sale any more"):
        catalogue.find(world.organisation, pack.id)


def test_a_changed_price_of_a_pack_that_was_bought_is_a_new_pack(world: World, staff: Client, pack: CreditPack) -> None:
    payment = a_payment(world.alice.org_id, pack=pack)
    change(staff, pack, price_minor=60_00)
    old, new = CreditPack.objects.filter(plan="starter", currency="EUR", credits=500).order_by("pk")
    assert (old.id, old.price_minor, old.active_until) == (pack.id, 65_00, new.active_from)
    assert (new.price_minor, new.active_until) == (60_00, None)
    payment.refresh_from_db()
    assert (payment.pack_id, payment.net_minor) == (old.id, 65_00)
    offered = catalogue.offer(world.organisation)
    assert new in offered
    assert old not in offered
    assert LogEntry.objects.get().object_id == new.id
    entry = AuditEntry.objects.get(action="creditpack.replaced")
    assert (entry.subject, entry.reason, entry.organisation) == (new.id, "A new price list", None)
    assert (entry.details["replaces"], entry.details["fields"]) == (old.id, ["price_minor"])


def test_no_change_is_made_without_a_reason(staff: Client, pack: CreditPack) -> None:
    url = address(CreditPack, "change", pack.id)
    assert staff.post(url, {**form_of(staff, url), "price_minor": 60_00, "reason": " "}).status_code == 200
    assert CreditPack.objects.get(pk=pack.pk).price_minor == 65_00
    assert not CreditPack.objects.filter(price_minor=60_00, currency="EUR").exists()


def test_a_price_may_be_changed_for_later_without_a_gap(world: World, staff: Client, pack: CreditPack) -> None:
    a_payment(world.alice.org_id, pack=pack)
    later = (timezone.now() + timedelta(days=30)).replace(microsecond=0)
    change(staff, pack, price_minor=60_00, **moment("active_from", later))
    pack.refresh_from_db()
    assert pack.active_until == CreditPack.objects.get(price_minor=60_00, currency="EUR").active_from == later
    assert pack in catalogue.offer(world.organisation)


def test_a_pack_that_was_bought_may_end(world: World, staff: Client, pack: CreditPack) -> None:
    a_payment(world.alice.org_id, pack=pack)
    end = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    count = CreditPack.objects.count()
    change(staff, pack, **moment("active_until", end))
    pack.refresh_from_db()
    assert (pack.active_until, CreditPack.objects.count()) == (end, count)


def test_a_pack_that_ended_and_is_changed_is_on_sale_again(world: World, staff: Client, pack: CreditPack) -> None:
    a_payment(world.alice.org_id, pack=pack)
    ended = (timezone.now() - timedelta(seconds=1)).replace(microsecond=0)
    CreditPack.objects.filter(pk=pack.pk).update(active_from=ended - timedelta(days=1), active_until=ended)
    change(staff, pack, price_minor=60_00)
    assert CreditPack.objects.get(pk=pack.pk).active_until == ended
    assert CreditPack.objects.get(price_minor=60_00, currency="EUR") in catalogue.offer(world.organisation)


def test_no_pack_is_deleted(staff: Client, pack: CreditPack) -> None:
    assert staff.post(address(CreditPack, "delete", pack.id), {"post": "yes"}).status_code == 403
    assert CreditPack.objects.filter(pk=pack.pk).exists()


def test_packs_are_told_apart_by_their_sale(staff: Client, pack: CreditPack) -> None:
    now = timezone.now()
    CreditPack.objects.filter(currency="EUR").exclude(pk=pack.pk).update(
        active_from=now - timedelta(days=2), active_until=now - timedelta(days=1)
    )
    CreditPack.objects.filter(currency="USD").update(active_from=now + timedelta(days=1))
    assert len(rows(staff, CreditPack, sale="on-sale", currency__exact="EUR")) == 1
    assert len(rows(staff, CreditPack, sale="to-come")) == CreditPack.objects.filter(currency="USD").count()
    assert len(rows(staff, CreditPack, sale="ended")) == CreditPack.objects.filter(currency="EUR").count() - 1


def test_plan_pack_and_payments_lead_to_each_other(world: World, staff: Client, pack: CreditPack) -> None:
    payment = a_payment(world.alice.org_id, pack=pack)
    page = address(CreditPack, "change", pack.id)
    assert page in links(seen(staff, address(Plan, "change", "starter")))
    assert f"{address(Payment, 'changelist')}?pack={pack.id}" in links(seen(staff, page))
    assert [row[0] for row in rows(staff, Payment, pack=pack.id)] == [payment.id]
    assert page in links(seen(staff, address(Payment, "change", payment.id)))


def test_a_plan_leads_to_who_is_on_it(world: World, staff: Client) -> None:
    plan = Plan.objects.get(pk=world.organisation.plan)
    (link,) = [
        link
        for link in links(seen(staff, address(Plan, "change", plan.pk)))
        if "/organisation/" in link and "plan=" in link
    ]
    names = {row.name for row in staff.get(link).context["cl"].result_list}
    assert names == set(Organisation.objects.filter(plan=plan.pk).values_list("name", flat=True))
