"""Writes what an organisation is to be told, in the transaction of the fact itself."""

from typing import Any

from django.utils import timezone

from accounts.models import WebhookDelivery, WebhookEvent
from zupertry.core.addresses import EVERYWHERE, UrlError, parse_target
from zupertry.core.requests import request_id
from zupertry.core.wake import wake


def record(
    organisation_id: str, type_: str, reference: str, data: dict[str, Any], *, output_name: str, url: str
) -> WebhookDelivery:
    """Insert an event about `reference`, and return its delivery to `url`. A worker is woken once this is committed.

    It belongs to the request that is being answered, or that a worker goes on with.
    `data` is the body's `data`; where it has an `output_url`, each attempt signs a link to `output_name` in storage.
    """
    event = WebhookEvent.objects.create(
        organisation_id=organisation_id,
        type=type_,
        reference=reference,
        request_id=request_id(),
        payload=data,
        output_name=output_name,
    )
    delivery = WebhookDelivery.objects.create(
        event=event, organisation_id=organisation_id, url=url, target=target_of(url)
    )
    wake("accounts.deliver", delivery.id)
    return delivery


def target_of(url: str) -> str:
    """Return a URL's scheme, host and port. It was checked when it was given, and must not stop a job's end now."""
    try:
        target = parse_target(url, EVERYWHERE)
    except UrlError:
        return url[:300]
    host = f"[{target.host}]" if ":" in target.host else target.host.rstrip(".")
    return f"{target.scheme}://{host}:{target.port}"[:300]


def withdraw(reference: str) -> None:
    """Send no more about `reference`, which is no longer so: end deliveries, sign no links, allow no replay."""
    WebhookEvent.objects.filter(reference=reference).update(output_name="", withdrawn_at=timezone.now())
    open_ = WebhookDelivery.objects.filter(event__reference=reference, next_attempt_at__isnull=False)
    open_.update(status=WebhookDelivery.Status.FAILED, next_attempt_at=None, lease_expires_at=None)


def forget_picture(reference: str) -> None:
    """Sign no more links to the picture of `reference`: it is deleted, or taken back."""
    WebhookEvent.objects.filter(reference=reference).update(output_name="")
