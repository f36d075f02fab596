"""Identifiers: a prefix that says what it names, and a UUIDv7 (RFC 9562, section 5.7) in lowercase base32hex.

base32hex (RFC 4648, section 7) keeps the order of the bytes, so ids sort by the moment they were made, as text and as
UUIDs alike. Within a process they rise strictly: the 12 bits of `rand_a` count within a millisecond.
"""

import base64
import functools
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

BODY_LENGTH = 26
COUNTER_LIMIT = 1 << 12
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_lock = threading.Lock()
_last = (0, 0)


def _next_tick() -> tuple[int, int]:
    """A (millisecond, counter) pair above every one this process has handed out, whatever the clock does."""
    global _last
    with _lock:
        millisecond, counter = time.time_ns() // 1_000_000, secrets.randbelow(COUNTER_LIMIT // 2)
        if millisecond <= _last[0]:
            millisecond, counter = _last[0], _last[1] + 1
            if counter == COUNTER_LIMIT:
                millisecond, counter = millisecond + 1, 0
        _last = (millisecond, counter)
        return _last


def uuid7() -> UUID:
    """Return a new UUIDv7, larger than every one made before it in this process."""
    millisecond, counter = _next_tick()
    value = millisecond << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def first_at(moment: datetime) -> UUID:
    """Return the smallest UUID of the first whole millisecond that is not before `moment`."""
    milliseconds = -((EPOCH - moment) // timedelta(milliseconds=1))
    return UUID(int=_clamped(milliseconds) << 80)


def first_after(moment: datetime) -> UUID:
    """Return the smallest UUID of the first whole millisecond that is after `moment`."""
    milliseconds = (moment - EPOCH) // timedelta(milliseconds=1) + 1
    return UUID(int=_clamped(milliseconds) << 80)


def _clamped(milliseconds: int) -> int:
    return min(max(milliseconds, 0), (1 << 48) - 1)


def encode(prefix: str, value: UUID) -> str:
    """Return the public form, `job_` and 26 characters for the prefix `job`."""
    body = base64.b32hexencode(value.bytes).decode().rstrip("=").lower()
    return f"{prefix}_{body}"


def decode(prefix: str, text: str) -> UUID:
    """Return the UUID behind a public id. Raises `ValueError` unless `text` is exactly what `encode` makes."""
    head, _, body = text.partition("_")
    if head != prefix or len(body) != BODY_LENGTH or not body.isascii():
        raise ValueError(f"not an id of the form {prefix}_…")
    value = UUID(bytes=base64.b32hexdecode(body.upper() + "======"))
    if encode(prefix, value) != text:
        raise ValueError("not in canonical form")
    return value


def pattern(prefix: str) -> str:
    """Return the regular expression that every id with this prefix matches."""
    return f"^{prefix}_[0-9a-v]{{{BODY_LENGTH}}}$"


def is_id(prefix: str, text: str) -> bool:
    """Say whether `text` is an id with this prefix."""
    try:
        decode(prefix, text)
    except ValueError:
        return False
    return True


def new(prefix: str) -> str:
    """Return a new public id with this prefix."""
    return encode(prefix, uuid7())


def made_at(public_id: str) -> datetime:
    """Return the millisecond (UTC) at which an id was made."""
    prefix, _, _ = public_id.partition("_")
    return EPOCH + timedelta(milliseconds=decode(prefix, public_id).int >> 80)


if TYPE_CHECKING:  # Django's fields take type arguments in their stubs only
    _TextField = models.Field[str, str]
    _MomentField = models.DateTimeField[datetime, datetime]
else:
    _TextField = models.UUIDField
    _MomentField = models.DateTimeField


class IdField(_TextField):
    """A primary key that is a UUID in the database and `prefix_…` text everywhere else."""

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.update(primary_key=True, editable=False, default=functools.partial(new, prefix))
        super().__init__(**kwargs)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        """Leave out what `__init__` sets by itself."""
        name, path, args, kwargs = super().deconstruct()
        for implied in ("primary_key", "editable", "default"):
            kwargs.pop(implied, None)
        return name, path, args, {**kwargs, "prefix": self.prefix}

    def from_db_value(self, value: UUID | None, *_: Any) -> str | None:
        """Show the stored UUID in its public form."""
        return None if value is None else encode(self.prefix, value)

    def to_python(self, value: Any) -> str | None:
        """Accept the public form or a UUID. Raises `ValidationError` for anything else."""
        if isinstance(value, UUID):
            return encode(self.prefix, value)
        if value is None:
            return None
        try:
            decode(self.prefix, str(value))
        except ValueError as error:
            raise ValidationError(f"“{value}” is {error}.") from error
        return str(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return the UUID to store or compare with."""
        return decode(self.prefix, value) if isinstance(value, str) else value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Hand the UUID, never the public form, to the backend."""
        return super().get_db_prep_value(self.get_prep_value(value), connection, prepared=True)


class CreatedAtField(_MomentField):
    """The millisecond at which the row's id was made, kept as a column so that SQL can group by it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(editable=False)
        super().__init__(**kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Take the moment from the id on insert."""
        if add:
            setattr(model_instance, self.attname, made_at(str(model_instance.pk)))
        return super().pre_save(model_instance, add)


class Record(models.Model):
    """What every table of ours has. Subclasses add `id = IdField("…")`."""

    created_at = CreatedAtField()

    class Meta:
        abstract = True
        ordering = ["pk"]
