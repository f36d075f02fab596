"""Writes what an organisation is to be told, in the transaction of the fact itself."""

import re
from typing import Any
from urllib.parse import urlsplit

from accounts.models import WebhookDelivery, WebhookEvent
from zupertry.core.wake import wake

DEFAULT_PORTS = {"http": 80, "https": 443}


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
    """Return scheme, host and port. The URL has been checked when it was given, and must not stop a job's end now."""
    parts = urlsplit(url.lower())
    port = "" if re.search(r":\d+$", parts.netloc) else f":{DEFAULT_PORTS.get(parts.scheme)}"
    return f"{parts.scheme}://{parts.netloc}{port}"[:300]
