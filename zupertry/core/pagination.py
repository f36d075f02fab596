"""Keyset pages, newest first: a cursor is the id after which the next page begins."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import models

from zupertry.core import ids
from zupertry.core.errors import Refusal

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """A page of rows, and the cursor of the next one (None: this is the last)."""

    rows: Sequence[M]
    next_cursor: str | None


def page(rows: models.QuerySet[M, Any], prefix: str, *, limit: int, cursor: str | None) -> Page[M]:
    """Return up to `limit` rows with ids of this prefix below the cursor's, in one query.

    Raises `Refusal` (`validation_error`) for a cursor that is none of ours.
    """
    if cursor is not None:
        rows = rows.filter(pk__lt=_decode(cursor, prefix))
    found = list(rows.order_by("-pk")[: limit + 1])
    more = len(found) > limit
    return Page(found[:limit], _encode(str(found[limit - 1].pk)) if more else None)


def _encode(last_id: str) -> str:
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def _decode(cursor: str, prefix: str) -> str:
    try:
        last_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        ids.decode(prefix, last_id)
    except (ValueError, binascii.Error) as error:
        message = "This is no cursor of ours. Send next_cursor of the page before, unchanged."
        raise Refusal("validation_error", f"cursor: {message}", fields={"cursor": [message]}) from error
    return last_id
