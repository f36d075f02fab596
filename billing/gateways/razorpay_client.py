"""Razorpay's API through its own library, with what that lacks: https://razorpay.com/docs/api

razorpay 2.0 waits for ever, trusts the certificates of 2015, shares its default arguments between calls, and keeps of
an error only the description. It sends through a session that it is given: ours sees each request and answer first.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import razorpay
import requests

from billing.gateways.base import UNAUTHORISED, GatewayError

TIMEOUT_SECONDS = 15.0
PAGE_SIZE = 100
"""The most that a list gives at once."""

_MAY_PASS = {408, 409, 425, 429}
_NOT_OUR_KEY = {401, 403}
_ABSENT = ("does not exist", "no db records found")


class RefusedError(GatewayError):
    """Razorpay understood, and said no. `status` is HTTP's, `description` its reason as a sentence."""

    def __init__(self, status: int, description: str, *, permanent: bool, code: str) -> None:
        super().__init__(
            f"Razorpay refused (HTTP {status}, {code}): {description[:300]}", permanent=permanent, code=code
        )
        self.status = status
        self.description = description

    @property
    def is_absence(self) -> bool:
        """Whether what was asked for is not there: Razorpay says so with status 400."""
        return any(words in self.description.lower() for words in _ABSENT)


@dataclass(frozen=True, slots=True)
class Entity:
    """An object of Razorpay's JSON, read with care: what is not as documented raises `GatewayError`."""

    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its id, which everything has that was made."""
        value = self.text("id")
        if not value:
            raise GatewayError("Razorpay's answer can't be read: it has no id.")
        return value

    def text(self, name: str) -> str:
        """Return a text; empty where there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """Return a whole number."""
        value = self.fields.get(name)
        if not isinstance(value, int):
            raise GatewayError(f"Razorpay's answer can't be read: {name!r} is no number.")
        return value

    def flag(self, name: str) -> bool:
        """Say whether this is so."""
        return self.fields.get(name) is True

    def moment(self, name: str) -> datetime:
        """Return a time, which Razorpay writes in seconds since 1970."""
        try:
            return datetime.fromtimestamp(self.number(name), UTC)
        except (OverflowError, OSError, ValueError) as error:
            raise GatewayError(f"Razorpay's answer can't be read: {name!r} is no time.") from error

    def part(self, name: str) -> "Entity":
        """Return the object within. None and `[]`, which is how Razorpay writes an object without fields, are empty."""
        value = self.fields.get(name)
        return Entity(value if isinstance(value, dict) else {})

    def items(self) -> list["Entity"]:
        """Return what a collection holds."""
        items = self.fields.get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise GatewayError("Razorpay's answer can't be read: it is no collection.")
        return [Entity(item) for item in items]


class RazorpayClient:
    """The library's resources (`orders`, `payments` …), and the two ways to call their methods. Thread safe."""

    def __init__(self, key_id: str, key_secret: str, api_base: str) -> None:
        library = razorpay.Client(session=_Session(), auth=(key_id, key_secret), base_url=api_base)
        self.customers = library.customer
        self.disputes = library.dispute
        self.orders = library.order
        self.payments = library.payment
        self.refunds = library.refund
        self.tokens = library.token

    def ask(self, method: Callable[..., Any], *ids: object, data: Mapping[str, Any] | None = None) -> Entity:
        """Call a resource's method and return the answer. Raises `GatewayError`, a `RefusedError` if it was one."""
        answer = method(*ids, data=dict(data or {}))
        return Entity(answer if isinstance(answer, dict) else {})

    def pages(self, method: Callable[..., Any], filters: Mapping[str, Any]) -> Iterator[Entity]:
        """Go through a list to its end. The latest comes first, so that one which grows meanwhile repeats some."""
        skip = 0
        while True:
            page = self.ask(method, data={**filters, "count": PAGE_SIZE, "skip": skip}).items()
            yield from page
            if len(page) < PAGE_SIZE:
                return
            skip += PAGE_SIZE


class _Session(requests.Session):
    """Sends for the library, which calls it with its own certificates and without a timeout."""

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        options |= {"timeout": TIMEOUT_SECONDS, "verify": True, "allow_redirects": False}
        try:
            response = super().request(*arguments, **options)
        except requests.RequestException as error:
            raise GatewayError(f"Razorpay did not answer: {type(error).__name__}.") from error
        _check(response)
        return response


def _check(response: requests.Response) -> None:
    if response.status_code == requests.codes.no_content:
        return
    body = _json(response)
    if not 200 <= response.status_code < 300:
        raise _refusal(response.status_code, Entity(body if isinstance(body, dict) else {}).part("error"))
    if not isinstance(body, dict | list):
        raise GatewayError("Razorpay's answer can't be read: it is not JSON.")


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _refusal(status: int, error: Entity) -> GatewayError:
    """Return what an error object (https://razorpay.com/docs/errors) comes to. Anything else is not Razorpay's word."""
    code = error.text("code")
    if not code:
        return GatewayError(f"Razorpay answered HTTP {status}, and nothing that can be read.")
    reason = error.text("reason")
    own_word = reason if reason not in ("", "NA") else code
    return RefusedError(
        status,
        error.text("description"),
        permanent=400 <= status < 500 and status not in _MAY_PASS and code == "BAD_REQUEST_ERROR",
        code=UNAUTHORISED if status in _NOT_OUR_KEY else own_word,
    )
