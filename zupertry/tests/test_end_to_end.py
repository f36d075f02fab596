"""The main job, by real processes: submit, mock engine, storage, signed link, signed webhook."""

import hashlib
import hmac
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from standardwebhooks import Webhook

from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.service import Service

SUCCESS = "https://test.zupertry.com/success.jpg"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    environment = {"OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with Service(tmp_path_factory.mktemp("service"), environment) as running:
        yield running


def test_a_test_key_gets_a_picture_and_a_signed_webhook(service: Service, tmp_path: Path) -> None:
    alice = service.bootstrap()
    with WebhookReceiver() as receiver:
        request = {"model_image_url": SUCCESS, "garment_image_url": SUCCESS, "webhook_url": receiver.url()}
        accepted = service.call("POST", "/v1/tryon", alice.test_key, request)
        assert accepted.status == 202, accepted.body
        webhook = receiver.wait_for(1)[0]

    job = service.call("GET", f"/v1/jobs/{accepted.body['job_id']}?wait=10", alice.test_key).body
    assert job["status"] == "completed"
    with urllib.request.urlopen(job["output_url"]) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert Image.open(BytesIO(answer.read())).size == (512, 600)
    assert Webhook(alice.webhook_secret).verify(webhook.body, webhook.headers)["data"]["job_id"] == job["job_id"]
    expected = hmac.new(alice.webhook_secret.encode(), webhook.body, hashlib.sha256).hexdigest()
    assert webhook.headers["x-zupertry-signature"] == expected
