"""What a merchant's account at Razorpay holds, how that changes, and what cannot be.

Entities and errors are as https://razorpay.com/docs/api shows them.
"""

import hashlib
import hmac
import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

Fields = dict[str, Any]
Tell = Callable[..., None]

LARGEST_MANDATE = 1_500_000
_ALPHABET = string.ascii_letters + string.digits
_ORDER_FIELDS = {
    "amount",
    "currency",
    "receipt",
    "notes",
    "payment",
    "payment_capture",
    "customer_id",
    "method",
    "token",
    "partial_payment",
}
_CHARGE_FIELDS = ("email", "contact", "amount", "currency", "order_id", "customer_id", "token", "recurring")
_NO_ERROR = dict.fromkeys(("error_code", "error_description", "error_source", "error_step", "error_reason"))
_CARD = {"entity": "card", "name": "Asha Rao", "last4": "1111", "network": "Visa", "type": "credit", "issuer": "HDFC"}


class RefusedError(Exception):
    """The answer is an error object, with an HTTP status of 400 unless said otherwise."""

    def __init__(self, description: str, *, reason: str = "input_validation_failed", status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        self.error: Fields = {
            "code": "SERVER_ERROR" if status >= 500 else "BAD_REQUEST_ERROR",
            "description": description,
            "source": "business",
            "step": "payment_initiation",
            "reason": reason,
            "metadata": {},
        }


class Account:
    """The state. Methods that change it tell of it by `tell(event type, **entities)`; hold `lock` around each."""

    def __init__(self, key_secret: str, tell: Tell) -> None:
        self.lock = threading.RLock()
        self.next_charge_declined = False
        self._key_secret = key_secret
        self._tell = tell
        self._entities: dict[str, Fields] = {}

    def find(self, kind: str, id_: str) -> Fields:
        """Return the entity of this kind with this id. Raises `RefusedError`, with status 400 as Razorpay does."""
        entity = self._entities.get(id_)
        if entity is None or entity["entity"] != kind:
            raise RefusedError("The id provided does not exist")
        return entity

    def all(self, kind: str, **same: Any) -> list[Fields]:
        """Return the entities of this kind with these fields, the latest first."""
        return [
            entity
            for entity in reversed(self._entities.values())
            if entity["entity"] == kind and all(entity.get(name) == value for name, value in same.items())
        ]

    def create_customer(self, wanted: Fields) -> Fields:
        """Make a customer, or return the one with the same e-mail address and phone."""
        contact, email = wanted.get("contact"), wanted.get("email")
        _check_customer(wanted)
        for known in self.all("customer", contact=contact, email=email):
            if str(wanted.get("fail_existing", "1")) != "0":
                raise RefusedError("Customer already exists for the merchant")
            return known
        kept = {name: wanted.get(name) for name in ("name", "email", "contact", "gstin")}
        return self._make("cust", "customer", **kept, notes=wanted.get("notes") or [])

    def edit_customer(self, id_: str, wanted: Fields) -> Fields:
        """Change a customer."""
        customer = self.find("customer", id_)
        refuse_unknown(wanted, {"name", "email", "contact"})
        _check_customer({**customer, **wanted})
        customer.update(wanted)
        return customer

    def create_order(self, wanted: Fields) -> Fields:
        """Make an order."""
        _check_order(wanted)
        if wanted.get("token"):
            self.find("customer", str(wanted.get("customer_id")))
        kept = {name: wanted[name] for name in ("customer_id", "method", "token") if name in wanted}
        return self._make(
            "order",
            "order",
            amount=wanted["amount"],
            amount_paid=0,
            amount_due=wanted["amount"],
            currency=wanted["currency"],
            receipt=wanted.get("receipt"),
            offer_id=None,
            status="created",
            attempts=0,
            notes=wanted.get("notes") or [],
            **kept,
        )

    def begin_payment(self, order_id: str, status: str, **fields: Any) -> Fields:
        """Make an order's next payment. Raises `RefusedError` for one that is paid, or about to be."""
        order = self.find("order", order_id)
        if order["status"] == "paid" or self.all("payment", order_id=order_id, status="authorized"):
            raise RefusedError("Order already paid", reason="order_already_paid")
        order.update(status="attempted", attempts=order["attempts"] + 1)
        payment = self._make("pay", "payment", **_PAYMENT, order_id=order_id, status=status)
        copied: Fields = {name: order[name] for name in ("amount", "currency", "customer_id") if name in order}
        payment.update(copied, **fields)
        return payment

    def authorise(self, payment: Fields) -> None:
        """Let the bank say yes, however late; that makes the card's token where the order asked for one."""
        payment.update(_NO_ERROR, status="authorized")
        order = self.find("order", payment["order_id"])
        if order.get("token") and not payment.get("token_id"):
            payment["token_id"] = self._make_token(order)["id"]
        self._tell("payment.authorized", payment=payment)

    def capture(self, id_: str, wanted: Fields) -> Fields:
        """Take the money of an authorised payment."""
        payment = self.find("payment", id_)
        if payment["captured"]:
            raise RefusedError("This payment has already been captured", reason="payment_already_captured")
        if payment["status"] != "authorized":
            raise RefusedError("Only payments which have been authorized and not yet captured can be captured")
        if wanted.get("amount") != payment["amount"] or wanted.get("currency", "INR") != payment["currency"]:
            raise RefusedError("Capture amount must be equal to the amount authorized")
        payment.update(status="captured", captured=True, fee=payment["amount"] * 236 // 10_000, tax=0)
        order = self.find("order", payment["order_id"])
        order.update(status="paid", amount_paid=order["amount"], amount_due=0)
        self._tell("payment.captured", payment=payment)
        self._tell("order.paid", payment=payment, order=order)
        return payment

    def decline(self, payment: Fields, description: str, reason: str) -> None:
        """Let the bank say no."""
        payment.update(
            status="failed",
            error_code="BAD_REQUEST_ERROR",
            error_description=description,
            error_source="customer",
            error_step="payment_authorization",
            error_reason=reason,
        )
        self._tell("payment.failed", payment=payment)

    def charge(self, wanted: Fields) -> Fields:
        """Begin a charge by mandate: https://razorpay.com/docs/api/payments/recurring-payments/cards."""
        self._check_charge(wanted)
        payment = self.begin_payment(
            wanted["order_id"],
            "created",
            customer_id=wanted["customer_id"],
            token_id=wanted["token"],
            email=wanted["email"],
            contact=wanted["contact"],
            notes=wanted.get("notes") or [],
        )
        if self.next_charge_declined:
            self.next_charge_declined = False
            self.decline(payment, "Your account has not enough balance.", "insufficient_funds")
            refusal = RefusedError("Your account has not enough balance.", reason="insufficient_funds")
            refusal.error["metadata"] = {"payment_id": payment["id"], "order_id": wanted["order_id"]}
            raise refusal
        return self.answer(payment)

    def answer(self, payment: Fields) -> Fields:
        """Return what a browser brings back: the payment, its order, and the signature over both."""
        signed = f"{payment['order_id']}|{payment['id']}".encode()
        return {
            "razorpay_payment_id": payment["id"],
            "razorpay_order_id": payment["order_id"],
            "razorpay_signature": hmac.new(self._key_secret.encode(), signed, hashlib.sha256).hexdigest(),
        }

    def give_back(self, payment: Fields, amount: int) -> Fields:
        """Refund so much of a payment."""
        refund = self._make(
            "rfnd",
            "refund",
            payment_id=payment["id"],
            amount=amount,
            currency=payment["currency"],
            notes=[],
            receipt=None,
            status="processed",
            speed_processed="normal",
        )
        self._count_refunds(payment)
        self._tell("refund.processed", refund=refund, payment=payment)
        return refund

    def fail_refund(self, id_: str) -> None:
        """Let the bank return a refund."""
        refund = self.find("refund", id_)
        refund["status"] = "failed"
        payment = self.find("payment", refund["payment_id"])
        self._count_refunds(payment)
        self._tell("refund.failed", refund=refund, payment=payment)

    def open_dispute(self, payment: Fields, amount: int) -> Fields:
        """Let the card's owner dispute so much of a payment."""
        dispute = self._make(
            "disp",
            "dispute",
            payment_id=payment["id"],
            amount=amount,
            currency=payment["currency"],
            amount_deducted=0,
            reason_code="chargeback",
            respond_by=int(time.time()) + 3 * 86_400,
            status="open",
            phase="chargeback",
        )
        self._tell("payment.dispute.created", payment=payment, dispute=dispute)
        return dispute

    def close_dispute(self, id_: str, status: str) -> None:
        """End a dispute: `won`, `lost` or `closed`."""
        dispute = self.find("dispute", id_)
        dispute.update(status=status, amount_deducted=dispute["amount"] if status == "lost" else 0)
        payment = self.find("payment", dispute["payment_id"])
        self._tell(f"payment.dispute.{status}", payment=payment, dispute=dispute)

    def set_token(self, id_: str, status: str) -> None:
        """Let the bank change a mandate: `initiated`, `confirmed`, `rejected`, `paused` or `cancelled`."""
        token = self.find("token", id_)
        token["recurring_details"] = {"status": status, "failure_reason": None}
        self._tell(f"token.{status}", token=token)

    def find_token(self, customer_id: str, id_: str) -> Fields:
        """Return a customer's token. Raises `RefusedError`."""
        token = self.find("token", id_)
        if token["customer_id"] != customer_id:
            raise RefusedError("The id provided does not exist")
        return token

    def delete_token(self, customer_id: str, id_: str) -> Fields:
        """Forget a card."""
        del self._entities[self.find_token(customer_id, id_)["id"]]
        return {"deleted": True}

    def _make(self, prefix: str, entity: str, **fields: Any) -> Fields:
        id_ = f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(14))}"
        self._entities[id_] = {"id": id_, "entity": entity, **fields, "created_at": int(time.time())}
        return self._entities[id_]

    def _make_token(self, order: Fields) -> Fields:
        token = self._make(
            "token",
            "token",
            token=secrets.token_hex(7),
            customer_id=order["customer_id"],
            method="card",
            card={**_CARD, "expiry_month": 12, "expiry_year": time.gmtime().tm_year + 3},
            recurring=True,
            recurring_details={"status": "initiated", "failure_reason": None},
            max_amount=order["token"]["max_amount"],
            expired_at=order["token"].get("expire_at"),
        )
        self.set_token(token["id"], "confirmed")
        return token

    def _check_charge(self, wanted: Fields) -> None:
        for name in _CHARGE_FIELDS:
            if not wanted.get(name):
                raise RefusedError(f"The {name} field is required.")
        token = self.find_token(wanted["customer_id"], wanted["token"])
        if token["recurring_details"]["status"] != "confirmed":
            raise RefusedError("The token is not confirmed for recurring payments.", reason="invalid_token")
        if wanted["amount"] != self.find("order", wanted["order_id"])["amount"]:
            raise RefusedError("Your payment amount is different from your order amount.")
        if wanted["amount"] > token["max_amount"]:
            raise RefusedError("The amount is above the mandate's maximum.", reason="invalid_amount")

    def _count_refunds(self, payment: Fields) -> None:
        refunds = self.all("refund", payment_id=payment["id"])
        gone = sum(refund["amount"] for refund in refunds if refund["status"] != "failed")
        whole = gone == payment["amount"]
        payment["amount_refunded"] = gone
        payment["refund_status"] = "full" if whole else "partial" if gone else None
        if whole:
            payment["status"] = "refunded"
        elif payment["captured"]:
            payment["status"] = "captured"


_PAYMENT: Mapping[str, Any] = {
    "invoice_id": None,
    "international": False,
    "method": "card",
    "amount_refunded": 0,
    "refund_status": None,
    "captured": False,
    "description": None,
    "bank": None,
    "wallet": None,
    "vpa": None,
    "email": "buyer@example.com",
    "contact": "+919876543210",
    "notes": [],
    "fee": None,
    "tax": None,
    **_NO_ERROR,
}


def refuse_unknown(given: Mapping[str, Any], known: set[str]) -> None:
    """Raise `RefusedError` if there are fields that are not known."""
    if unknown := sorted(given.keys() - known):
        raise RefusedError(f"{', '.join(unknown)} is/are not required and should not be sent")


def _check_customer(wanted: Fields) -> None:
    name = str(wanted.get("name", ""))
    if not 3 <= len(name) <= 50 or not all(letter.isalnum() or letter in " .'/@()" for letter in name):
        raise RefusedError("The name format is invalid.")
    if wanted.get("contact") and sum(letter.isdigit() for letter in wanted["contact"]) < 8:
        raise RefusedError("Contact number should be at least 8 digits, including country code")


def _check_order(wanted: Fields) -> None:
    refuse_unknown(wanted, _ORDER_FIELDS)
    if not isinstance(wanted.get("amount"), int) or wanted["amount"] < 100:
        raise RefusedError("The amount must be at least INR 1.00")
    if wanted.get("currency") != "INR":
        raise RefusedError("Currency is not supported")
    if len(str(wanted.get("receipt", ""))) > 40:
        raise RefusedError("The receipt may not be greater than 40 characters.")
    if not 100 <= wanted.get("token", {}).get("max_amount", 100) <= LARGEST_MANDATE:
        raise RefusedError("The max amount may not be greater than 1500000.")
