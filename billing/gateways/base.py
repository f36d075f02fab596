"""What Zupertry asks of a payment gateway. Plain values in and out: a gateway knows no model of ours.

A gateway is asked with references that we stored, and its answer, a `Snapshot`, is the whole truth about one payment
at that moment. Whatever sets a look off (a returning buyer, an event, the clock), the same look follows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

UNAUTHORISED = "unauthorised"
"""The `code` of a `GatewayError` where our own key was refused: no buyer's fault, and for the operator to mend."""


class GatewayError(Exception):
    """The gateway could not be asked, or refused.

    `message` is for logs and staff. `permanent`: the very same call would be refused again (a declined card, a request
    that it finds wrong); otherwise it may pass later (down, slow, overloaded, an answer that can't be read) and may be
    sent again under the same idempotency key. `code` is the gateway's own word for a refusal (`card_declined`).
    """

    def __init__(self, message: str, *, permanent: bool = False, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.code = code


class BadSignatureError(Exception):
    """An event is not from the gateway, or too old to be believed."""


class State(StrEnum):
    """Where a payment stands at the gateway."""

    OPEN = "open"
    PROCESSING = "processing"
    NEEDS_AUTHENTICATION = "needs_authentication"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whom a payment is by. `country` is ISO 3166-1 alpha-2; `tax_id` a GSTIN or VAT number, or empty."""

    organisation_id: str
    name: str
    email: str
    phone: str = ""
    address: str = ""
    city: str = ""
    postal_code: str = ""
    state: str = ""
    country: str = ""
    tax_id: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid for: amounts in minor units of `currency`.

    `payment_id` is our id of the payment, which travels in the gateway's metadata. `customer` is the buyer's reference
    there. `keep_method` asks the gateway to keep what the buyer pays with, for charges while they are away;
    `most_minor` is then the largest of them that may be, where the gateway wants to know (a mandate). Of a charge
    itself it is what may be taken, with any tax that the gateway adds.
    """

    payment_id: str
    idempotency_key: str
    customer: str
    currency: str
    net_minor: int
    tax_minor: int
    description: str
    return_url: str
    cancel_url: str
    keep_method: bool = False
    most_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Checkout:
    """A purchase that waits for its buyer. `url` is the gateway's own page; empty where ours shows its form."""

    reference: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class CheckoutForm:
    """What our own page needs to show a gateway's form: its script, and the options that the script is called with."""

    script_url: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """What was paid with and may be charged again: `reference` is the gateway's. `usable`: it may be charged now."""

    reference: str
    kind: str
    brand: str = ""
    last_four: str = ""
    expires_on: date | None = None
    most_minor: int | None = None
    usable: bool = True
    gone: bool = False


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """A refund or dispute of a payment.

    `standing`: the money is gone from us. It is not when a refund failed or a dispute was won.
    """

    kind: str
    reference: str
    amount_minor: int
    standing: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One payment as the gateway has it now; amounts in minor units.

    `payment_id` is what our metadata on it says. `gateway_reference` names the charge itself (`pi_…`, `pay_…`), once
    there is one. `amount_minor` includes `tax_minor`, which is what the gateway added to our net price by itself.
    """

    state: State
    payment_id: str
    checkout_reference: str
    gateway_reference: str
    amount_minor: int
    tax_minor: int
    currency: str
    customer: str
    livemode: bool
    created_at: datetime
    failure: str = ""
    failure_code: str = ""
    method: Method | None = None
    invoice_number: str = ""
    invoice_url: str = ""
    invoice_pdf_url: str = ""
    money_back: Sequence[MoneyBack] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Event:
    """Something a gateway tells us: what it is about, by the references that can be looked up anew.

    Any of them may be empty. `payment_id` is our own id, from the metadata; nothing else of the event is believed.
    """

    reference: str
    type: str
    payment_id: str = ""
    checkout_reference: str = ""
    gateway_reference: str = ""
    method_reference: str = ""


class Gateway(Protocol):
    """One way to be paid. Every method may raise `GatewayError`; none of them is called inside a transaction."""

    name: str
    livemode: bool

    def page_of(self, gateway_reference: str) -> str:
        """Return the address of a charge in the gateway's own dashboard, for staff."""

    def make_customer(self, buyer: Buyer) -> str:
        """Make the buyer known, once however often it is called, and return the gateway's reference."""

    def update_customer(self, customer: str, buyer: Buyer) -> None:
        """Tell the gateway the buyer's new details."""

    def open_checkout(self, order: Order) -> Checkout:
        """Begin a purchase that the buyer completes; the same order again gives the same checkout."""

    def checkout_form(self, order: Order, checkout_reference: str, buyer: Buyer) -> CheckoutForm | None:
        """Return what our page shows for a checkout; None where the gateway has a page of its own."""

    def is_answer_of(self, checkout_reference: str, answer: Mapping[str, str]) -> bool:
        """Say whether what a browser brings back is by the gateway and about this checkout, which is ours.

        Where the gateway signs nothing this is True: the look that follows decides anyway.
        """

    def charge(self, order: Order, method: str, buyer: Buyer) -> Snapshot:
        """Charge a kept method while the buyer is away, once however often it is called with the same order.

        Returns what became of it, also when it was declined. Raises `GatewayError` only when that is not known, or when
        nothing was begun.
        """

    def begun(self, order: Order) -> Snapshot | None:
        """Return what a charge of this order came to whose answer was lost; None: none was begun. Charges nothing."""

    def authenticate(self, gateway_reference: str, return_url: str) -> str:
        """Return the address where the buyer confirms the charge that waits for them."""

    def cancel(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """Let nobody pay a payment any more that waits for its buyer, and return it as it is then; twice is no error.

        One of the two references may be empty. `EXPIRED`: it has ended. What was paid, or is on its way, stays so.
        """

    def look(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """Return the payment as it is now; one of the two references may be empty."""

    def look_at_method(self, customer: str, method: str) -> Method:
        """Return a kept method as it is now."""

    def forget_method(self, customer: str, method: str) -> None:
        """Have the gateway delete a kept method. One that it does not have is no error."""

    def read_event(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Verify an event's signature over the raw body, and say what it is about. Raises `BadSignatureError`."""

    def money_back_since(self, since: datetime) -> Iterator[str]:
        """Go through the charges of which a refund or dispute began since then, by their references; some twice."""

    def paid_since(self, since: datetime) -> Iterator[Snapshot]:
        """Go through every payment made at the gateway since then that was paid, ours or not, refunds and all."""
