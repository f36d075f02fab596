"""The API's addresses, and what each does to an account: https://razorpay.com/docs/api."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zupertry.testing.razorpay.account import Account, Fields, RefusedError, refuse_unknown

_PERIOD = {"from", "to"}
_PAGE = {"count", "skip"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in. `path` has no query; `body` is parsed."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Fields

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Answer = Callable[[Account, Asked, tuple[str, ...]], Fields]


def answer(account: Account, asked: Asked) -> Fields:
    """Do what is asked and return the entity or collection. Raises `RefusedError`."""
    for pattern, act in _ROUTES.items():
        if match := re.fullmatch(pattern, str(asked)):
            return act(account, asked, match.groups())
    raise RefusedError("The requested URL was not found on the server.", status=404, reason="NA")


def _orders(account: Account, asked: Asked, ids: tuple[str, ...]) -> Fields:
    refuse_unknown(asked.query, _PERIOD | _PAGE | {"receipt"})
    receipt = asked.query.get("receipt")
    return _page(account.all("order", receipt=receipt) if receipt else account.all("order"), asked)


def _payments_of_order(account: Account, asked: Asked, ids: tuple[str, ...]) -> Fields:
    return _collection(account.all("payment", order_id=account.find("order", *ids)["id"]))


def _refunds_of_payment(account: Account, asked: Asked, ids: tuple[str, ...]) -> Fields:
    refuse_unknown(asked.query, _PERIOD | _PAGE)
    return _page(account.all("refund", payment_id=account.find("payment", *ids)["id"]), asked)


def _list(kind: str) -> Answer:
    def listed(account: Account, asked: Asked, ids: tuple[str, ...]) -> Fields:
        refuse_unknown(asked.query, _PERIOD | _PAGE)
        return _page(account.all(kind), asked)

    return listed


def _found(kind: str) -> Answer:
    return lambda account, asked, ids: account.find(kind, *ids)


def _page(entities: list[Fields], asked: Asked) -> Fields:
    earliest, latest = int(asked.query.get("from", 0)), int(asked.query.get("to", 2**40))
    skip, count = int(asked.query.get("skip", 0)), int(asked.query.get("count", 10))
    if not 1 <= count <= 100:
        raise RefusedError("The count must be between 1 and 100.")
    listed = [entity for entity in entities if earliest <= entity["created_at"] <= latest]
    return _collection(listed[skip : skip + count])


def _collection(entities: list[Fields]) -> dict[str, Any]:
    return {"entity": "collection", "count": len(entities), "items": entities}


_ROUTES: Mapping[str, Answer] = {
    "POST /v1/customers": lambda account, asked, ids: account.create_customer(asked.body),
    "PUT /v1/customers/([^/]+)": lambda account, asked, ids: account.edit_customer(ids[0], asked.body),
    "GET /v1/customers/([^/]+)/tokens/([^/]+)": lambda account, asked, ids: account.find_token(*ids),
    "DELETE /v1/customers/([^/]+)/tokens/([^/]+)": lambda account, asked, ids: account.delete_token(*ids),
    "POST /v1/orders": lambda account, asked, ids: account.create_order(asked.body),
    "GET /v1/orders": _orders,
    "GET /v1/orders/([^/]+)": _found("order"),
    "GET /v1/orders/([^/]+)/payments": _payments_of_order,
    "POST /v1/payments/create/recurring": lambda account, asked, ids: account.charge(asked.body),
    "GET /v1/payments": _list("payment"),
    "GET /v1/payments/([^/]+)": _found("payment"),
    "POST /v1/payments/([^/]+)/capture": lambda account, asked, ids: account.capture(ids[0], asked.body),
    "GET /v1/payments/([^/]+)/refunds": _refunds_of_payment,
    "GET /v1/disputes": _list("dispute"),
    "GET /v1/refunds": _list("refund"),
}
