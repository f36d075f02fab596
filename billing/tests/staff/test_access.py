"""Which group of staff sees which page about money, and does what. The table decides."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from billing.models import (
    AutoReload,
    BillingDetails,
    CreditAccount,
    CreditPack,
    Discrepancy,
    GatewayEvent,
    Invoice,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Plan,
    Reversal,
)
from billing.tests.staff.pages import address, do, one_of_each
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

GROUPS = ("Support", "Billing", "Engineering")
SEEN: list[Any] = [
    *(AutoReload, BillingDetails, CreditAccount, CreditPack, Discrepancy, GatewayEvent, Invoice, LedgerEntry),
    *(Payment, PaymentMethod, Plan, Reversal),
]
MAY = """
                    Support  Billing  Engineering
Payment look        -        yes      -
Payment decide      -        yes      -
GatewayEvent replay -        yes      yes
Discrepancy close   -        yes      -
Plan add            -        yes      -
Plan change         -        yes      -
CreditPack add      -        yes      -
CreditPack change   -        yes      -
"""
TABLE = [
    (model, action, group, word == "yes")
    for model, action, *words in (line.split() for line in MAY.strip().splitlines()[1:])
    for group, word in zip(GROUPS, words, strict=True)
]
MODELS = {model.__name__: model for model in SEEN}


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_sees_everything_of_money_and_deletes_nothing(world: World, group: str) -> None:
    one_of_each(world)
    client = staff_client(make_staff(group))
    for model in SEEN:
        row = model.objects.order_by("pk")[0]
        for page in (address(model, "changelist"), address(model, "change", str(row.pk)), address(model, "csv")):
            assert client.get(page).status_code == 200, page
        assert client.post(address(model, "delete", str(row.pk)), {"post": "yes"}).status_code == 403
    assert client.get(address(Invoice, "pdf", Invoice.objects.get().id)).status_code == 302


@pytest.mark.parametrize(("model", "action", "group", "may"), TABLE)
def test_the_table_decides(world: World, model: str, action: str, group: str, may: bool) -> None:
    one_of_each(world)
    row = MODELS[model].objects.order_by("pk")[0]
    client = staff_client(make_staff(group))
    if action in {"add", "change"}:
        page = address(MODELS[model], action, *([str(row.pk)] if action == "change" else []))
        assert client.post(page, {"reason": "?"}).status_code == (200 if may else 403)
        return
    page = address(MODELS[model], "change", str(row.pk))
    offered = f"/do/{action}/" in client.get(page).content.decode()
    assert offered is (may and action != "decide")  # the payment is paid
    assert (do(client, row, action).status_code == 200) is may
    assert not AuditEntry.objects.filter(actor__startswith="staff:").exists() or may


def test_customers_and_strangers_get_to_none_of_it(world: World) -> None:
    one_of_each(world)
    pages = [
        *(address(model, "changelist") for model in SEEN),
        address(Invoice, "pdf", Invoice.objects.get().id),
        *(f"{address(model, 'do', action)}?id=x" for model, action in _actions()),
    ]
    customer = Client()
    customer.force_login(User.objects.get(email="charlie@example.com"))
    for page in pages:
        assert Client().get(page)["Location"].startswith("/admin/login/")
        assert customer.get(page, follow=True).status_code == 403


def _actions() -> list[tuple[Any, str]]:
    return [(MODELS[model], action) for model, action, *_ in TABLE if action not in {"add", "change"}]
