import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.models import WebhookEndpoint
from accounts.webhooks import signing
from accounts.webhooks.signing import SigningSecrets
from zupertry.core.crypto import seal

BODY = '{"type":"job.completed","data":{"metadata":{"name":"Zoë 试"}}}'.encode()
NODE = shutil.which("node")
SNIPPET = Path(__file__).resolve().parents[2] / "docs" / "snippets" / "verify_webhook.mjs"


def signed(*, current: str, previous: str = "") -> dict[str, str]:
    return signing.headers(BODY, "evt_1", timezone.now(), SigningSecrets(current, previous))


def hex_signature(secret: str) -> str:
    return hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()


def test_a_secret_is_32_bytes_of_padded_base64_behind_its_prefix() -> None:
    secret = signing.generate_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert secret != signing.generate_secret()


def test_the_simple_signature_is_keyed_by_the_secret_as_it_is_shown() -> None:
    secret = signing.generate_secret()
    assert signed(current=secret)["X-Zupertry-Signature"] == hex_signature(secret)


def test_any_standard_webhooks_library_verifies_the_other() -> None:
    secret = signing.generate_secret()
    assert Webhook(secret).verify(BODY, signed(current=secret)) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.generate_secret()).verify(BODY, signed(current=secret))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", signed(current=secret))


def test_while_a_rotation_lasts_the_old_secret_signs_the_simple_header_and_both_sign_the_other() -> None:
    old, new = signing.generate_secret(), signing.generate_secret()
    headers = signed(current=new, previous=old)
    assert headers["X-Zupertry-Signature"] == hex_signature(old)
    for secret in (old, new):
        assert Webhook(secret).verify(BODY, headers)
    assert len(headers["webhook-signature"].split(" ")) == 2


@pytest.mark.parametrize(("hours", "lasts"), [(0.1, True), (23.9, True), (24.1, False)])
def test_a_rotation_ends_after_a_day(hours: float, lasts: bool) -> None:
    rotated_at = timezone.now() - timedelta(hours=hours)
    endpoint = WebhookEndpoint(
        sealed_secret=seal("whsec_new"), sealed_previous_secret=seal("whsec_old"), rotated_at=rotated_at
    )
    assert signing.secrets_of(endpoint) == SigningSecrets("whsec_new", "whsec_old" if lasts else "")


def test_a_rotation_ends_when_the_customer_says_so() -> None:
    endpoint = WebhookEndpoint(sealed_secret=seal("whsec_new"), sealed_previous_secret="", rotated_at=timezone.now())
    assert signing.secrets_of(endpoint).oldest == "whsec_new"


VERIFY = """
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const { verifyWebhook, verifySignature } = await import(pathToFileURL(process.env.SNIPPET));
const { body, headers, secret } = JSON.parse(readFileSync(0));
const bytes = Buffer.from(body, "base64");
const event = verifyWebhook(bytes, headers, secret);
console.log(JSON.stringify([event, verifySignature(bytes, headers["x-zupertry-signature"], secret)]));
"""


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_documented_node_snippet_verifies_both_and_refuses_another_body() -> None:
    assert NODE is not None
    old, new = signing.generate_secret(), signing.generate_secret()
    headers = {name.lower(): value for name, value in signed(current=new, previous=old).items()}

    def verify(body: bytes, secret: str) -> subprocess.CompletedProcess[str]:
        given = {"body": base64.b64encode(body).decode(), "headers": headers, "secret": secret}
        return subprocess.run(
            [NODE, "--input-type=module", "-e", VERIFY],
            input=json.dumps(given),
            env={**os.environ, "SNIPPET": str(SNIPPET)},
            capture_output=True,
            text=True,
            check=False,
        )

    for secret, simple_fits in ((old, True), (new, False)):
        verified = verify(BODY, secret)
        assert verified.returncode == 0, verified.stderr
        assert json.loads(verified.stdout) == [json.loads(BODY), simple_fits]
    assert "does not fit" in verify(BODY.replace(b"completed", b"failed"), new).stderr
