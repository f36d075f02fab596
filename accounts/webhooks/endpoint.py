"""Where an organisation is told of its jobs: the URL, the secret that signs, a test of both."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import outbox, signing
from zupertry.core import ratelimit
from zupertry.core.addresses import UrlError, check_url
from zupertry.core.crypto import seal
from zupertry.core.errors import Refusal

TEST_EVENT = "webhook.test"
TESTS_A_MINUTE = 10


@transaction.atomic
def set_url(organisation: Organisation, url: str, *, actor: str) -> bool:
    """Tell `url` of jobs from now on (empty: nobody). False: it is so already. Raises `Refusal` (`validation_error`).

    It is checked as the API checks a job's own `webhook_url`.
    """
    if url:
        _check(url)
    changed = WebhookEndpoint.objects.filter(organisation=organisation).exclude(url=url).update(url=url)
    if changed:
        audit.record(organisation, actor, "webhook.url_changed", organisation.id, target=outbox.target_of(url))
    return bool(changed)


def _check(url: str) -> None:
    try:
        check_url(url, settings.OUTBOUND_ALLOWED_NETWORKS)
    except UrlError as error:
        raise Refusal("validation_error", str(error), fields={"url": [str(error)]}) from error


@transaction.atomic
def rotate(organisation: Organisation, *, actor: str) -> datetime:
    """Make a new signing secret. For 24 h, or until `finish_rotation`, the old one signs too: returns until when.

    Raises `Refusal` (`validation_error`) while a rotation lasts: a third secret would put the first out of force.
    """
    endpoint = WebhookEndpoint.objects.select_for_update().get(organisation=organisation)
    secrets = signing.secrets_of(endpoint)
    if secrets.previous:
        raise Refusal("validation_error", "A rotation is under way. Finish it before you begin another.")
    endpoint.sealed_secret, endpoint.sealed_previous_secret = seal(signing.generate_secret()), endpoint.sealed_secret
    endpoint.rotated_at = timezone.now()
    endpoint.save()
    audit.record(organisation, actor, "webhook.secret_rotated", organisation.id)
    return endpoint.rotated_at + signing.ROTATION_OVERLAP


@transaction.atomic
def finish_rotation(organisation: Organisation, *, actor: str) -> bool:
    """Sign with the new secret alone. False: there was no old one any more."""
    rotating = WebhookEndpoint.objects.filter(organisation=organisation).exclude(sealed_previous_secret="")
    finished = rotating.update(sealed_previous_secret="", rotated_at=None)
    if finished:
        audit.record(organisation, actor, "webhook.rotation_finished", organisation.id)
    return bool(finished)


@transaction.atomic
def send_test(organisation: Organisation, *, actor: str) -> WebhookDelivery:
    """Send the URL an event that is about no job, signed, retried and logged like any other. Returns its delivery.

    Raises `Refusal`: `validation_error` when there is no URL, `rate_limit_exceeded` after 10 in a minute.
    """
    url = WebhookEndpoint.objects.get(organisation=organisation).url
    if not url:
        raise Refusal("validation_error", "Save a webhook URL first.")
    if ratelimit.count(f"webhook-test:{organisation.id}", TESTS_A_MINUTE).exceeded:
        raise Refusal("rate_limit_exceeded", f"{TESTS_A_MINUTE} tests were sent in a minute. Wait for the next one.")
    data = {"org_id": organisation.id, "test": True, "message": "This is a test from the dashboard. No job ended."}
    delivery = outbox.record(organisation.id, TEST_EVENT, organisation.id, data, output_name="", url=url)
    audit.record(organisation, actor, "webhook.test_sent", delivery.id)
    return delivery
