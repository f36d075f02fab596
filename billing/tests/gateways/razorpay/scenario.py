"""Who buys in these tests, and how they look at what came of it."""

from datetime import UTC, datetime
from typing import Any

from billing.gateways.base import Buyer, Checkout, Snapshot
from billing.gateways.razorpay import RazorpayGateway
from zupertry.testing.razorpay import RazorpayServer

NOW = datetime(2026, 7, 1, tzinfo=UTC)
CHARGE = "POST /v1/payments/create/recurring"
ASHA = Buyer(
    organisation_id="org_asha",
    name="Asha Textiles & Sons, Pvt. Ltd.",
    email="asha@example.com",
    phone="+919876543210",
    tax_id="29AAGCR4375J1ZU",
)


def look(gateway: RazorpayGateway, checkout: Checkout) -> Snapshot:
    """Return what became of a checkout."""
    return gateway.look(checkout_reference=checkout.reference, gateway_reference="")


def asked(razorpay: RazorpayServer, what: str) -> list[dict[str, Any]]:
    """Return the bodies of the requests to one address."""
    return [request.body for request in razorpay.requests if str(request) == what]
