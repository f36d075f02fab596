"""Writes what an organisation is to be told, in the transaction of the fact itself."""

from typing import Any

from django.conf import settings

from accounts.models import WebhookDelivery, WebhookEvent
from zupertry.core.addresses import check_url
from zupertry.core.wake import wake


def record(
    organisation_id: str, type_: str, reference: str, data: dict[str, Any], *, output_name: str, url: str
) -> WebhookDelivery:
    """Insert an event about `reference`, and return its delivery to `url`. A worker is woken once this is committed.

    `data` is the body's `data`; where it has an `output_url`, each attempt signs a link to `output_name` in storage.
    """
    event = WebhookEvent.objects.create(
        organisation_id=organisation_id, type=type_, reference=reference, payload=data, output_name=output_name
    )
    delivery = WebhookDelivery.objects.create(
        event=event, organisation_id=organisation_id, url=url, target=_target(url)
    )
    wake("accounts.deliver", delivery.id)
    return delivery


def _target(url: str) -> str:
    target = check_url(url, settings.OUTBOUND_ALLOWED_NETWORKS)
    return f"{target.scheme}://{target.host}:{target.port}"
