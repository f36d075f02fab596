"""A Google Cloud Storage on loopback: what `google-cloud-storage` says to store, read and delete, and signed links.

JSON API: https://cloud.google.com/storage/docs/json_api/v1 (multipart and resumable uploads, media downloads)
Signed links, version 4: https://cloud.google.com/storage/docs/authentication/canonical-requests
Tokens: https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import google_crc32c
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from zupertry.testing.google_keys import ACCESS_TOKEN, give_token, write_key_file

_BUCKET = re.compile(r"/storage/v1/b/(?P<bucket>[^/]+)")
_OBJECT = re.compile(r"/(?:download/)?storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)")
_UPLOAD = re.compile(r"/upload/storage/v1/b/(?P<bucket>[^/]+)/o")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is stored: the bytes, and what was said about them."""

    data: bytes
    content_type: str
    cache_control: str


class GcsServer:
    """The fake; use it as a context manager. `environment` leads Google's library here.

    Every request but a signed link's must bear the token that the written account is given.
    """

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        """By `bucket/name`."""
        self.uploads: dict[str, dict[str, str]] = {}
        self.public_key = b""
        self.answering = threading.Event()
        """While this is not set, requests hang."""
        self.answering.set()
        self._http = _HTTPServer(("127.0.0.1", 0), _Handler)
        self._http.gcs = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), name="gcs", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.answering.set()
        self._http.shutdown()
        self._http.server_close()

    def environment(self, key_file: Path) -> dict[str, str]:
        """Write a service account's key to `key_file`, and return the variables that use it, and this server."""
        self.public_key = write_key_file(key_file, f"{self.url}/token")
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(key_file), "API_ENDPOINT_OVERRIDE": self.url}


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    gcs: GcsServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HTTPServer

    def parse_request(self) -> bool:
        """Take a request up once the server answers."""
        self.server.gcs.answering.wait()
        return super().parse_request()

    def do_GET(self) -> None:
        """Describe a bucket or an object, send an object's bytes, or follow a signed link."""
        path, query = self._target()
        if match := _BUCKET.fullmatch(path):
            if self._is_authorised():
                self._send_json(200, {"kind": "storage#bucket", "name": match["bucket"], "location": "EU"})
        elif match := _OBJECT.fullmatch(path):
            if self._is_authorised():
                self._describe_or_send(match, media=query.get("alt") == "media")
        elif self._is_signed(path):
            self._send_object(unquote(path[1:]))
        else:
            self._send(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "application/xml")

    def do_POST(self) -> None:
        """Give a token, take an object with its description in one request, or begin to take a large one."""
        path, query = self._target()
        body = self._body()
        if path == "/token":
            self._give_token(body)
        elif (match := _UPLOAD.fullmatch(path)) and self._is_authorised():
            if query["uploadType"] == "multipart":
                self._take_multipart(match["bucket"], body)
            else:
                self._begin_upload(match["bucket"], json.loads(body))

    def do_PUT(self) -> None:
        """Take the bytes of a large object, all at once."""
        description = self.server.gcs.uploads.pop(self.path)
        self._store(description["bucket"], description, self._body(), self.headers["Content-Type"])

    def do_DELETE(self) -> None:
        """Delete an object."""
        match = _OBJECT.fullmatch(self._target()[0])
        if match and self._is_authorised():
            gone = self.server.gcs.objects.pop(_key(match), None)
            self._send(204) if gone else self._send_not_found()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _target(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, dict(parse_qsl(parts.query))

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _is_authorised(self) -> bool:
        known = self.headers.get("Authorization") == f"Bearer {ACCESS_TOKEN}"
        if not known:
            self._send_json(401, {"error": {"code": 401, "message": "Anonymous caller does not have access."}})
        return known

    def _give_token(self, body: bytes) -> None:
        """Check the account's own signature, and give the one token there is."""
        self._send_json(*give_token(body, self.server.gcs.public_key))

    def _is_signed(self, path: str) -> bool:
        """Check the signature of a link, and that it has not expired."""
        query = dict(parse_qsl(urlsplit(self.path).query))
        try:
            signature = bytes.fromhex(query.pop("X-Goog-Signature"))
            made = datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            lifetime = timedelta(seconds=int(query["X-Goog-Expires"]))
            self._public_key().verify(signature, self._string_to_sign(path, query), padding.PKCS1v15(), SHA256())
        except (KeyError, ValueError, InvalidSignature):
            return False
        return datetime.now(UTC) <= made + lifetime

    def _public_key(self) -> rsa.RSAPublicKey:
        key = load_pem_public_key(self.server.gcs.public_key)
        assert isinstance(key, rsa.RSAPublicKey)
        return key

    def _string_to_sign(self, path: str, query: dict[str, str]) -> bytes:
        canonical_query = urlencode(sorted(query.items()), quote_via=quote, safe="~")
        lines = ["GET", path, canonical_query, f"host:{self.headers['Host']}", "", "host", "UNSIGNED-PAYLOAD"]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        scope = query["X-Goog-Credential"].partition("/")[2]
        return "\n".join(["GOOG4-RSA-SHA256", query["X-Goog-Date"], scope, digest]).encode()

    def _describe_or_send(self, match: re.Match[str], *, media: bool) -> None:
        if media:
            self._send_object(_key(match))
        elif stored := self.server.gcs.objects.get(_key(match)):
            self._send_json(200, self._description(match["bucket"], unquote(match["name"]), stored))
        else:
            self._send_not_found()

    def _take_multipart(self, bucket: str, body: bytes) -> None:
        """Take `multipart/related`: a description in JSON, then the bytes under a header with their type."""
        boundary = self.headers["Content-Type"].partition("boundary=")[2].strip('"')
        _, described, media, _ = body.split(f"--{boundary}".encode())
        head, _, data = media.partition(b"\r\n\r\n")
        content_type = head.decode().lower().partition("content-type:")[2].strip()
        self._store(bucket, json.loads(described.partition(b"\r\n\r\n")[2]), data.removesuffix(b"\r\n"), content_type)

    def _begin_upload(self, bucket: str, description: dict[str, str]) -> None:
        path = f"/upload/{len(self.server.gcs.uploads)}-{description['name'].replace('/', '-')}"
        self.server.gcs.uploads[path] = {**description, "bucket": bucket}
        self._send(200, headers={"Location": self.server.gcs.url + path})

    def _store(self, bucket: str, description: dict[str, str], data: bytes, content_type: str) -> None:
        stored = StoredObject(data, content_type, description.get("cacheControl", ""))
        self.server.gcs.objects[f"{bucket}/{description['name']}"] = stored
        self._send_json(200, self._description(bucket, description["name"], stored))

    def _description(self, bucket: str, name: str, stored: StoredObject) -> dict[str, str]:
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "generation": "1",
            "size": str(len(stored.data)),
            "contentType": stored.content_type,
            "cacheControl": stored.cache_control,
            "md5Hash": base64.b64encode(hashlib.md5(stored.data, usedforsecurity=False).digest()).decode(),
            "crc32c": base64.b64encode(google_crc32c.value(stored.data).to_bytes(4, "big")).decode(),
            "mediaLink": f"{self.server.gcs.url}/download/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media",
        }

    def _send_object(self, key: str) -> None:
        if stored := self.server.gcs.objects.get(key):
            self._send(200, stored.data, stored.content_type, {"Cache-Control": stored.cache_control})
        else:
            self._send_not_found()

    def _send_not_found(self) -> None:
        self._send_json(404, {"error": {"code": 404, "message": "No such object."}})

    def _send_json(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode(), "application/json; charset=UTF-8")

    def _send(
        self, status: int, body: bytes = b"", content_type: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Type": content_type, **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _key(match: re.Match[str]) -> str:
    return f"{match['bucket']}/{unquote(match['name'])}"
