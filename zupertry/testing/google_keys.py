"""Service accounts of Google's that exist nowhere: their key files, and the server that gives tokens for them.

https://google.aip.dev/auth/4112 · https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.auth import jwt

AUDIENCE = "https://oauth2.googleapis.com/token"
ACCESS_TOKEN = "a-token-of-the-tests"


def write_key_file(path: Path, token_uri: str) -> bytes:
    """Write a key file with a fresh RSA key to `path`, and return the public half in PEM.

    `token_uri` is where the account's tokens are to be had.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = {
        "type": "service_account",
        "project_id": "test-project",
        "private_key_id": uuid.uuid4().hex,
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "client_email": "zupertry@test-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account))
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def give_token(body: bytes, public_key: bytes) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON that answer a form with an account's own signature."""
    assertion = dict(parse_qsl(body.decode())).get("assertion", "")
    try:
        jwt.decode(assertion, certs=public_key, audience=AUDIENCE)  # type: ignore[no-untyped-call]
    except ValueError:
        return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    return 200, {"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"}
