"""An authenticator with one passkey: what a browser and its device answer, by W3C Web Authentication Level 3."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAG = AuthenticatorData.FLAG
PRESENT_AND_VERIFIED = FLAG.UP | FLAG.UV
NO_MODEL = bytes(16)


class Passkey:
    """A key of ES256 that a person unlocks with a finger, on a page of `origin`."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.user_handle = ""
        self._id = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.create`: `options` are the page's creation options. Nothing is attested."""
        asked = options["publicKey"]
        self.user_handle = asked["user"]["id"]
        public_key: ES256 = ES256.from_cryptography_key(self._key.public_key())  # type: ignore[no-untyped-call]
        made = AttestedCredentialData.create(NO_MODEL, self._id, public_key)
        data = self._data(asked["rp"]["id"], PRESENT_AND_VERIFIED | FLAG.AT, made)
        response = {
            "clientDataJSON": self._client_data("webauthn.create", asked["challenge"]).b64,
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        return self._credential(response) | {"clientExtensionResults": {"credProps": {"rk": True}}}

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get`: `options` are the page's request options."""
        asked = options["publicKey"]
        client_data = self._client_data("webauthn.get", asked["challenge"])
        data = self._data(asked["rpId"], PRESENT_AND_VERIFIED)
        signature = self._key.sign(data + client_data.hash, ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": client_data.b64,
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": self.user_handle,
        }
        return self._credential(response) | {"clientExtensionResults": {}}

    def _data(self, rp_id: str, flags: AuthenticatorData.FLAG, made: bytes = b"") -> AuthenticatorData:
        data: AuthenticatorData = AuthenticatorData.create(hashlib.sha256(rp_id.encode()).digest(), flags, 0, made)
        return data

    def _client_data(self, ceremony: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(ceremony, challenge, self.origin)

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        id_ = websafe_encode(self._id)
        return {"type": "public-key", "id": id_, "rawId": id_, "response": response}
