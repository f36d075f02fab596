"""What `ENCRYPTION_KEYS` has sealed, sealed anew with the first of them, so that the others can be let go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.db.models import Model

from accounts.models import Mail, WebhookEndpoint
from zupertry.core.crypto import is_sealed_by_first, reseal

BATCH = 500
SEALED_BY_ALLAUTH = frozenset({"secret", "seed", "migrated_codes"})
"""Of an authenticator's data: an app's seed, that of recovery codes, and such codes as were imported."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A column in which sealed secrets are kept. `rewrite` returns its value with all of them sealed anew."""

    name: str
    model: type[Model]
    column: str
    rewrite: Callable[[Any], Any]


@dataclass(slots=True)
class Outcome:
    """What became of a kind: how many rows were sealed anew, how many still wait, and those that no key reads."""

    resealed: int = 0
    waiting: int = 0
    unreadable: list[str] = field(default_factory=list)


def reseal_all(*, only_look: bool = False) -> dict[str, Outcome]:
    """Seal everything anew that the first key does not read, row by row; or only count what waits for that.

    A row that somebody changes at that moment is left as it then is, and counted as waiting.
    """
    return {kind.name: _resealed(kind, only_look=only_look) for kind in KINDS}


def _resealed(kind: Kind, *, only_look: bool) -> Outcome:
    outcome = Outcome()
    for key, value in _rows(kind):
        try:
            new = kind.rewrite(value)
        except InvalidToken:
            outcome.unreadable.append(str(key))
            continue
        if new == value:
            continue
        unchanged = kind.model._default_manager.filter(pk=key, **{kind.column: value})
        changed = 0 if only_look else unchanged.update(**{kind.column: new})
        outcome.resealed += changed
        outcome.waiting += not changed
    return outcome


def _rows(kind: Kind) -> Iterator[tuple[Any, Any]]:
    """Yield key and value of each row, a batch at a time."""
    rows = kind.model._default_manager.order_by("pk").values_list("pk", kind.column)
    batch = list(rows[:BATCH])
    while batch:
        yield from batch
        batch = list(rows.filter(pk__gt=batch[-1][0])[:BATCH])


def _text(sealed: str) -> str:
    return sealed if not sealed or is_sealed_by_first(sealed) else reseal(sealed)


def _authenticator(data: dict[str, Any]) -> dict[str, Any]:
    return {name: _any(value) if name in SEALED_BY_ALLAUTH else value for name, value in data.items()}


def _any(sealed: str | list[str]) -> str | list[str]:
    return _text(sealed) if isinstance(sealed, str) else [_text(one) for one in sealed]


KINDS = [
    Kind("webhook secrets", WebhookEndpoint, "sealed_secret", _text),
    Kind("former webhook secrets", WebhookEndpoint, "sealed_previous_secret", _text),
    Kind("secrets in mails", Mail, "sealed_secrets", _text),
    Kind("second factors", Authenticator, "data", _authenticator),
]
