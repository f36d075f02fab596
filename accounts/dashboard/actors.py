"""Who did something, in words: ledgers and logs name people and keys by their ids."""

from collections.abc import Iterable

from accounts.models import ApiKey, Organisation, User
from zupertry.core import ids

KNOWN = {"system": "Zupertry", "staff": "Zupertry staff", "user": "A former member", "key": "An API key"}


def names_of(organisation: Organisation, actors: Iterable[str]) -> dict[str, str]:
    """Return each actor (`user:…`, `key:…`, `staff:…`, `system`) with the name that members see, in two queries.

    People who are not members, staff among them, are not named.
    """
    wanted = list(actors)
    people = User.objects.filter(memberships__organisation=organisation, pk__in=_ids(wanted, "user", "usr"))
    keys = ApiKey.objects.filter(organisation=organisation, pk__in=_ids(wanted, "key", "key"))
    names = {f"user:{person.pk}": person.name or person.email for person in people}
    names |= {f"key:{key.pk}": f"Key “{key.name}”" for key in keys}
    return {actor: names.get(actor) or KNOWN.get(actor.partition(":")[0], actor) for actor in wanted}


def _ids(actors: Iterable[str], kind: str, prefix: str) -> list[str]:
    parts = (actor.partition(":") for actor in actors)
    return [id_ for head, _, id_ in parts if head == kind and ids.is_id(prefix, id_)]
