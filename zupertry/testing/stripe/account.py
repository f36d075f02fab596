"""What an account at Stripe holds: its objects, their lists, and references that are expanded where asked."""

import copy
import threading
from collections.abc import Iterable
from typing import Any

from zupertry.testing.stripe.errors import RefusedError, missing
from zupertry.testing.stripe.forms import Params
from zupertry.testing.stripe.objects import Object

_EMBEDDED = 10
_MOST_EXPANSIONS = 4


class Account:
    """Objects by id, in the order in which they were made. Whoever reads or changes them holds `lock`."""

    def __init__(self, *, livemode: bool) -> None:
        self.livemode = livemode
        self.objects: dict[str, Object] = {}
        self.lock = threading.RLock()

    def add(self, value: Object) -> Object:
        """Keep a new object, and return it."""
        self.objects[value["id"]] = value
        return value

    def get(self, kind: str, reference: str, param: str = "id") -> Object:
        """Return the object itself. Raises `RefusedError` (404)."""
        value = self.objects.get(reference)
        if value is None or value["object"] != kind:
            raise missing(kind, reference, param)
        return value

    def all(self, kind: str, **fields: Any) -> list[Object]:
        """Return the objects of a kind that have these fields, newest first."""
        found = [value for value in self.objects.values() if value["object"] == kind]
        return [value for value in reversed(found) if all(value[name] == wanted for name, wanted in fields.items())]

    def answer(self, value: Object, params: Params) -> Object:
        """Return a copy of an object or a list, with the references that `params` name expanded."""
        shown = copy.deepcopy(value)
        for path in params.get("expand", []):
            if path.count(".") >= _MOST_EXPANSIONS:
                raise RefusedError(400, "You cannot expand more than 4 levels of a property.")
            self._expand(shown, path)
        return shown

    def _expand(self, value: Any, path: str) -> None:
        if isinstance(value, list):
            for item in value:
                self._expand(item, path)
            return
        name, _, rest = path.partition(".")
        if name == "refunds" and value["object"] == "charge":
            refunds = copy.deepcopy(self.all("refund", charge=value["id"]))
            value["refunds"] = list_of(f"/v1/charges/{value['id']}/refunds", refunds, {"limit": _EMBEDDED})
        elif name not in value:
            raise RefusedError(400, f"This property cannot be expanded ({name}).")
        elif isinstance(value[name], str):
            value[name] = copy.deepcopy(self.objects[value[name]])
        if rest and value[name] is not None:
            self._expand(value[name], rest)


def list_of(url: str, values: Iterable[Object], params: Params) -> Object:
    """Return a page of a list: `limit` (10), `starting_after`, `created[gte]`. https://docs.stripe.com/api/pagination"""
    since = int(params.get("created", {}).get("gte", 0))
    rest = [value for value in values if value["created"] >= since]
    if "starting_after" in params:
        rest = _after(rest, params["starting_after"])
    limit = int(params.get("limit", 10))
    return {"object": "list", "url": url, "data": rest[:limit], "has_more": len(rest) > limit}


def _after(values: list[Object], reference: str) -> list[Object]:
    index = next((index for index, value in enumerate(values) if value["id"] == reference), None)
    if index is None:
        raise RefusedError(400, f"No such object: '{reference}'", param="starting_after")
    return values[index + 1 :]
