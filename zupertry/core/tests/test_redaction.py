"""What is hidden wherever it stands, and what is left because people have to read it."""

import base64
import json
import secrets
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet

from accounts import api_keys
from accounts.models import ApiKey, Mode
from accounts.webhooks import signing
from zupertry.core import redaction
from zupertry.core.redaction import HIDDEN, hide, redact, redact_all

KEY = api_keys.generate(Mode.LIVE)
SECRET = signing.generate_secret()
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', b'{"sub":"1"}', b"x")
)
S3 = "https://bucket.s3.eu-central-1.amazonaws.com/pictures/ab/cd.jpg?X-Amz-Credential=AKIA&X-Amz-Signature=0a1b2c3d"
GCS = "https://storage.googleapis.com/bucket/pictures/ab.png?Expires=1764165903&GoogleAccessId=a&Signature=q%2Bw"
SECRETS = {
    KEY: KEY[11:],
    f"Bearer {KEY}": KEY[11:],
    SECRET: SECRET[6:],
    "sk_live_51Habcdefgh": "51Habcdefgh",
    "rk_test_51Habcdefgh": "51Habcdefgh",
    "pi_3Nabc_secret_XyZ0123456": "XyZ0123456",
    S3: "0a1b2c3d",
    GCS: "q%2Bw",
    "/files/pictures/ab.jpg?expires=1764165903&signature=0a1b2c3d": "0a1b2c3d",
    "GET /dashboard/invitation?token=t0k3n HTTP/1.1": "t0k3n",
    "https://checkout.stripe.com/c/pay/cs_live_a1#fid4ment": "fid4ment",
    "otpauth://totp/Zupertry:a?secret=JBSWY3DPEHPK3PXP&issuer=Zupertry": "JBSWY3DPEHPK3PXP",
    "/password/reset/usr_06h1gdcmt1qp3e6rafob1hfv60-d1xqk3-0a1b2c3d4e": "0a1b2c3d4e",  # pragma: allowlist secret
    "postgres://zupertry:hunter2@db:5432/zupertry": "hunter2",  # pragma: allowlist secret
    "redis://:hunter2@redis:6379/0": "hunter2",
    "Authorization: Basic aHVudGVyMg==": "aHVudGVyMg",
    "{'Authorization': 'Token hunter2'}": "hunter2",
    "Cookie: session=0a1b2c; csrf=3d4e5f": "0a1b2c",
    "__Host-session=0a1b2c3d4e5f60718293": "0a1b2c3d4e5f60718293",  # pragma: allowlist secret
    '{"csrfmiddlewaretoken": "0a1b2c3d4e5f60718293"}': "0a1b2c3d4e5f60718293",  # pragma: allowlist secret
    "{'password': 'correct horse battery'}": "horse",
    'password="correct horse battery"': "horse",
    "client_secret=hunter2&grant_type=x": "hunter2",
    "'cvc': '123'": "123",
    "Stripe-Signature: t=1,v1=0a1b2c3d": "0a1b2c3d",
    "card 4242 4242 4242 4242 was declined": "4242",
    "4000-0027-6000-3184": "3184",
    "378282246310005": "378282246310005",
    JWT: JWT.split(".")[1],
    "ya29.a0AfH6SMBx": "a0AfH6SMBx",
    Fernet(Fernet.generate_key()).encrypt(b"x").decode(): "gAAAAA",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----": "MIIEvQ",  # pragma: allowlist secret
    "DETAIL:  Failing row contains (1, hunter2, null).": "hunter2",
    "Key (email)=(alice@example.com) already exists.": "alice",
    "550 <alice.b+c@shop.example.com> is nobody": "alice",
}
LEFT = [
    str(ApiKey(mode="live", last_four="a1B2")),
    "key_06h1gdcmt1qp3e6rafob1hfv60",
    "job_06h1gdcmt1qp3e6rafob1hfv60",
    "req_0123456789abcdef01234567",
    "zupertry@0.1.0",
    "celery@worker-1 ready.",
    "worker@localhost",
    "/v1/jobs/job_06h1gdcmt1qp3e6rafob1hfv60",
    "https://shop.example/a/b.jpg",
    "error_code=engine_timeout",
    "2026-03-19T10:00:00.000Z",
    "1764165903123",
    "4242424242424241",
    "pi_3Nabc",
    "rzp_live_abcdefghijk",
    "Is it so? Yes: it is.",
    'Traceback (most recent call last):\n  File "/app/tryon/jobs.py", line 7, in claim\n    raise ValueError',
]


@pytest.mark.parametrize("text", SECRETS, ids=map(str, range(len(SECRETS))))
def test_a_secret_is_hidden_wherever_it_stands(text: str) -> None:
    for around in ("{}", "before {} after", '{{"a": "{}"}}', "line\n{}\nline", "({})"):
        shown = redact(around.format(text))
        assert SECRETS[text] not in shown
        assert HIDDEN in shown or "[address]" in shown


@pytest.mark.parametrize("text", LEFT)
def test_what_people_have_to_read_is_left(text: str) -> None:
    assert redact(text) == text


def test_the_rest_of_a_line_is_left() -> None:
    assert redact(f"GET {S3} failed") == (
        f"GET https://bucket.s3.eu-central-1.amazonaws.com/pictures/ab/cd.jpg?{HIDDEN} failed"
    )
    shown = redact("redis://user:hunter2@redis:6379/0 is down")  # pragma: allowlist secret
    assert shown == f"redis://{HIDDEN}@redis:6379/0 is down"


def test_this_installations_own_secrets_are_hidden_by_their_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", [])
    own = secrets.token_urlsafe(32)
    hide([own, own[:20], "postgres", "", "short"])
    assert redact(f"it is {own}") == f"it is {HIDDEN}"
    assert redact("postgres is a short word") == "postgres is a short word"


class Loud:
    """What shows its secret when it is printed."""

    def __repr__(self) -> str:
        return f"Loud(token={KEY})"


class Mute:
    """What can't be printed."""

    def __repr__(self) -> str:
        raise ValueError(KEY)


def test_values_of_every_kind_are_looked_through() -> None:
    event: dict[str, Any] = {
        "event": f"used {KEY}",
        "deep": [{"url": S3}, (KEY, {KEY: 1})],
        "loud": Loud(),
        "mute": Mute(),
        "raw": KEY.encode(),
        "number": 4242424242424242,
        "password": ["a", "b"],
        "api_key": Decimal(1),
        "ok": True,
        "none": None,
        "ms": 1.5,
        "idempotency_keys": 3,
    }
    shown = redact_all(event)
    everything = json.dumps(shown)
    assert KEY[11:] not in everything
    assert "0a1b2c3d" not in everything
    assert [shown[name] for name in ("number", "password", "api_key")] == [HIDDEN] * 3
    assert [shown[name] for name in ("ok", "none", "ms", "idempotency_keys")] == [True, None, 1.5, 3]
    assert shown["mute"] == "<Mute that can't be shown: ValueError>"


def test_a_long_text_takes_no_long_time() -> None:
    """No pattern goes over the same text again and again: this would not come to an end."""
    for text in (
        "a" * 200_000,
        "?a=" * 50_000,
        "://" * 50_000,
        "4" * 100_000,
        "password" * 20_000,
        "a.b-" * 50_000 + "@",
    ):
        redact(text)
