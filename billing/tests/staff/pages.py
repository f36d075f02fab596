"""Staff's pages about money as tests look at them, and rows to be seen there."""

from typing import Any

from django.test import Client
from django.urls import reverse

from billing.models import (
    AutoReload,
    BillingDetails,
    CreditPack,
    Discrepancy,
    GatewayEvent,
    Invoice,
    Payment,
    PaymentMethod,
    Reversal,
)
from zupertry.testing.money import DETAILS
from zupertry.testing.page import Element, parse
from zupertry.testing.world import World

TOKEN = "f" * 32


def address(model: Any, action: str, *args: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}", args=args)


def seen(client: Client, url: str, query: dict[str, str] | None = None) -> Element:
    answer = client.get(url, query or {})
    assert answer.status_code == 200, answer
    html = answer.content.decode()
    return parse(html[html.index("<html") :])


def rows(client: Client, model: Any, **query: str) -> list[list[str]]:
    """Return the texts of each row of a listing, without the boxes to tick."""
    body = seen(client, address(model, "changelist"), query).all("tbody")
    return [
        [cell.text.strip() for cell in row.all("th", "td") if "action-checkbox" not in cell.classes]
        for part in body
        for row in part.all("tr")
    ]


def links(page: Element) -> set[str]:
    """Return where a page's links lead. Django writes an underscore of an id in its own way."""
    return {link.attributes.get("href", "").replace("_5F", "_") for link in page.all("a")}


def do(client: Client, row: Any, action: str, token: str = TOKEN, **fields: str) -> Any:
    """Send the form of what staff do to a row."""
    url = f"{address(type(row), 'do', action)}?id={row.pk}"
    return client.post(url, {"reason": "They asked", "token": token, **fields}, follow=True)


def said(answer: Any) -> str:
    """Return what a page says came of it."""
    html = answer.content.decode()
    return " ".join(item.text for item in parse(html[html.index("<html") :]).all("ul", class_="messagelist"))


def a_payment(org_id: str, number: int = 0, **changes: Any) -> Payment:
    fields = {
        "pack": CreditPack.objects.filter(plan="starter", currency="EUR")[0],
        "gateway": "stripe",
        "status": "paid",
        "actor": "system",
        "credits": 500,
        "currency": "EUR",
        "net_minor": 65_00,
        "idempotency_key": f"key-{number}",
        "checkout_reference": f"cs_{number}",
        "gateway_reference": f"pi_{number}",
    }
    return Payment.objects.create(organisation_id=org_id, **{**fields, **changes})


def an_event(number: int = 0, **about: str) -> GatewayEvent:
    reference, type_ = f"evt_{number}", "charge.refunded"
    empty = dict.fromkeys(["payment_id", "checkout_reference", "gateway_reference", "method_reference"], "")
    subject = {**empty, "reference": reference, "type": type_, **about}
    return GatewayEvent.objects.create(
        gateway="stripe", reference=reference, type=type_, subject=subject, payload={"a": "<b>"}
    )


def one_of_each(world: World, number: int = 0) -> Payment:
    """Fill every table with a row that has all its relations."""
    org_id = (world.alice if number % 2 else world.charlie).org_id
    payment = a_payment(org_id, number, purpose="auto_reload", buyer={"name": "Ada"})
    Reversal.objects.create(payment=payment, kind="refund", reference=f"re_{number}", amount_minor=100, credits=7)
    an_event(number, gateway_reference=f"pi_{number}")
    Invoice.objects.create(organisation_id=org_id, payment=payment, number=f"A-{number}", pdf_url="https://s.example/")
    Discrepancy.objects.create(
        gateway="stripe", kind="uncredited", reference=f"pi_{number}", payment=payment, details="?"
    )
    PaymentMethod.objects.create(organisation_id=org_id, gateway="stripe", reference=f"pm_{number}", kind="card")
    if number < 2:
        AutoReload.objects.create(organisation_id=org_id, threshold=9, pack=payment.pack, monthly_cap_minor=1)
        BillingDetails.objects.create(organisation_id=org_id, **DETAILS["EU"])
    return payment
