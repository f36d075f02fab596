"""Which organisations somebody means: by the form of what was typed, each by an index."""

import re
from collections.abc import Iterable

from django.db.models import Model, Q, QuerySet

from accounts.models import ApiKey, Invitation, Membership, WebhookDelivery, WebhookEvent, Workspace
from accounts.staff.finding import as_last_four
from accounts.staff.person_page import ids_by_address
from billing.models import Invoice, Payment, PaymentMethod
from tryon.models import Job
from zupertry.core import ids
from zupertry.core.requests import REQUEST_ID

MOST = 200
"""How many organisations are taken from another table at most: enough of what is to be unique."""
OWNED: dict[str, tuple[type[Model], ...]] = {
    "key": (ApiKey,),
    "job": (Job,),
    "ws": (Workspace,),
    "pay": (Payment,),
    "pm": (PaymentMethod,),
    "inv": (Invitation, Invoice),
    "evt": (WebhookEvent,),
    "whd": (WebhookDelivery,),
}
"""What belongs to an organisation, by the prefix of its ids."""
SHOWS_A_KEY = re.compile(r"zt_|…|\.\.\.")


def meant_by(term: str) -> Q:
    """Return the condition on organisations. What is looked for elsewhere is looked up first: plans stay simple."""
    prefix = term.partition("_")[0]
    if ids.is_id(prefix, term):
        return _by_id(prefix, term)
    if "@" in term:
        return Q(pk__in=_owners(Membership.objects.filter(user__in=ids_by_address(term))))
    keys = as_last_four(term)
    if keys is not None and SHOWS_A_KEY.match(term):
        return Q(pk__in=_owners(ApiKey.objects.filter(keys)))
    named = Q(name__istartswith=term)
    others: list[str] = []
    if keys is not None:
        others += _owners(ApiKey.objects.filter(keys))
    if REQUEST_ID.fullmatch(term):
        others += _owners(Job.objects.filter(request_id=term))
    return named | Q(pk__in=others) if others else named


def _by_id(prefix: str, id_: str) -> Q:
    if prefix == "org":
        return Q(pk=id_)
    if prefix == "usr":
        return Q(pk__in=_owners(Membership.objects.filter(user=id_)))
    rows = (model._default_manager.filter(pk=id_) for model in OWNED.get(prefix, ()))
    return Q(pk__in=[owner for found in rows for owner in _owners(found)])


def _owners(rows: "QuerySet[Model]") -> list[str]:
    found: Iterable[str] = rows.order_by().values_list("organisation_id", flat=True).distinct()[:MOST]
    return list(found)
