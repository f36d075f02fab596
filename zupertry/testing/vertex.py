"""A Vertex AI on loopback: the REST wire format of the virtual try-on model's `predict`, with real pictures.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/virtual-try-on-api
Errors: https://cloud.google.com/apis/design/errors#http_mapping
Tokens: the self-signed JWT that Google's libraries send for a service account, https://google.aip.dev/auth/4111
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from google.auth import jwt
from PIL import Image

from zupertry.testing.google_keys import give_token, write_key_file

AUDIENCE = "https://aiplatform.googleapis.com/"
_PATH = re.compile(r"/v1/projects/[^/]+/locations/[^/]+/publishers/google/models/[^/:]+:predict(\?.*)?")
_PREFIX = "Image editing failed with the following error: "
_BLOCKED = (
    "The input image contains content that has been blocked by your current safety filter threshold. "
    "Support codes: 43188360"
)
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_ALLOWED: dict[str, set[Any]] = {
    "sampleCount": {1, 2, 3, 4},
    "addWatermark": {True, False},
    "personGeneration": {"allow_all", "allow_adult", "dont_allow"},
    "safetySetting": {"block_low_and_above", "block_medium_and_above", "block_only_high", "block_none"},
}


class VertexServer:
    """The fake; use it as a context manager. `url` is what `api_endpoint` takes.

    `calls` counts requests, `peak_in_flight` the most of them at one time, `connections` their connections;
    `last_request` is the latest valid body. Every request must bear a token signed by the account that
    `write_credentials` made.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.peak_in_flight = 0
        self.connections = 0
        self.last_request: dict[str, Any] = {}
        self._in_flight = 0
        self._behaviours: deque[str] = deque()
        self._lock = threading.Lock()
        self._came_in = threading.Condition(self._lock)
        self._stopping = threading.Event()
        self._public_key = b""
        self._http = _HTTPServer(("127.0.0.1", 0), _Handler)
        self._http.vertex = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def behave(self, *behaviours: str) -> None:
        """Let the next calls, one each, go otherwise than well.

        An HTTP status such as `429`.
        A 400: `blocked_400` · `echo` (it repeats the request and its token). A 503: `odd_error` (`error` is a string).
        A 200: `blocked_rai` · `no_predictions` · `html` · `not_utf8` · `bad_base64` · `no_picture` · `not_a_picture` ·
        `slow:SECONDS` (a good answer, late) · `gate:CALLS` (a good answer, once so many calls are in flight together) ·
        `drip` (a byte at a time, without end) · `truncated`.
        A 307: `redirect`. No answer: `hang` · `close` (the connection is cut).
        """
        with self._lock:
            self._behaviours.extend(behaviours)

    def write_credentials(self, path: Path) -> Path:
        """Write a service account's key file with a fresh RSA key to `path`, and accept tokens signed by it."""
        # Google's libraries sign their own token for this API: the engine asks nothing of this address.
        self._public_key = write_key_file(path, f"{self.url}/token")
        return path

    def next_behaviour(self) -> str:
        """Take the behaviour of the call that has just come in; empty for an ordinary one."""
        with self._lock:
            return self._behaviours.popleft() if self._behaviours else ""

    def give_token(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the status and JSON that answer whoever asks for a token with this account's signature."""
        return give_token(body, self._public_key)

    def check_token(self, authorization: str) -> None:
        """Raise `RefusedError` unless the header bears a token for this API, signed by the written account."""
        scheme, _, token = authorization.partition(" ")
        try:
            jwt.decode(token if scheme == "Bearer" else "", certs=self._public_key, audience=AUDIENCE)  # type: ignore[no-untyped-call]
        except ValueError as error:
            raise RefusedError(401, f"Request had invalid authentication credentials. ({error})") from error

    def wait_for_stop(self, seconds: float | None = None) -> None:
        """Return after `seconds`, or as soon as the server is stopped."""
        self._stopping.wait(seconds)

    def wait_for_company(self, count: int) -> None:
        """Return once `count` calls have been in flight at the same time, or after 30 s."""
        with self._came_in:
            self._came_in.wait_for(lambda: self.peak_in_flight >= count, timeout=30)

    @property
    def stopping(self) -> bool:
        """Whether the server is being stopped."""
        return self._stopping.is_set()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a call, and that it is in flight."""
        with self._lock:
            self.calls += 1
            self._in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self._in_flight)
            self._came_in.notify_all()
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1


class RefusedError(Exception):
    """The answer is an error: its HTTP status and Google's message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _HTTPServer(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False
    vertex: VertexServer

    def process_request(self, request: Any, client_address: Any) -> None:
        self.vertex.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless it is a client that hung up, as one does at its deadline."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HTTPServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            self._send_json(*self.server.vertex.give_token(body))
            return
        with self.server.vertex.counted():
            try:
                self._answer(body)
            except RefusedError as refusal:
                self._send_error_object(refusal)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what the tests want to know is counted."""

    def _answer(self, body: bytes) -> None:
        vertex = self.server.vertex
        if not _PATH.fullmatch(self.path):
            raise RefusedError(404, f"The requested URL {self.path} was not found on this server.")
        vertex.check_token(self.headers.get("Authorization", ""))
        request = _parsed(body)
        person, garment, parameters = _checked(request)
        vertex.last_request = request
        behaviour, _, amount = vertex.next_behaviour().partition(":")
        if behaviour == "gate":
            vertex.wait_for_company(int(amount))
        elif behaviour == "slow":
            vertex.wait_for_stop(float(amount))
        if behaviour in ("", "slow", "gate"):
            self._send_json(200, {"predictions": [_try_on(person, garment, parameters)]})
        elif behaviour.isdigit():
            raise RefusedError(int(behaviour), f"Answered {behaviour} on request.")
        else:
            getattr(self, f"_{behaviour}")()

    def _html(self) -> None:
        self._send(200, b"<!DOCTYPE html><title>Sorry</title>", "text/html")

    def _not_utf8(self) -> None:
        self._send(200, b"\xff\xfe\x00", "application/json")

    def _echo(self) -> None:
        raise RefusedError(
            400, f"Invalid: {self.headers['Authorization']} {json.dumps(self.server.vertex.last_request)}"
        )

    def _redirect(self) -> None:
        self.send_response(307)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _odd_error(self) -> None:
        self._send_json(503, {"error": "backend down"})

    def _blocked_rai(self) -> None:
        self._send_json(200, {"predictions": [{"raiFilteredReason": _BLOCKED}]})

    def _blocked_400(self) -> None:
        raise RefusedError(400, _PREFIX + _BLOCKED)

    def _no_predictions(self) -> None:
        self._send_json(200, {})

    def _bad_base64(self) -> None:
        self._send_json(200, {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "?not base64?"}]})

    def _no_picture(self) -> None:
        self._send_json(200, {"predictions": [{"mimeType": "image/png"}]})

    def _not_a_picture(self) -> None:
        text = base64.b64encode(b"GIF89a").decode()
        self._send_json(200, {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": text}]})

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not self.server.vertex.stopping:
            self.wfile.write(b" ")
            time.sleep(0.05)

    def _truncated(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b'{"predictions": [')
        self.close_connection = True

    def _hang(self) -> None:
        self.server.vertex.wait_for_stop()
        self.close_connection = True

    def _close(self) -> None:
        self.close_connection = True

    def _send_error_object(self, refusal: RefusedError) -> None:
        status = _STATUS.get(refusal.status, "UNKNOWN")
        self._send_json(
            refusal.status, {"error": {"code": refusal.status, "message": refusal.message, "status": status}}
        )

    def _send_json(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode(), "application/json; charset=UTF-8")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", uuid.uuid4().hex)
        self.end_headers()
        self.wfile.write(body)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except ValueError as error:
        raise RefusedError(400, f"Invalid JSON payload received. {error}") from error
    unknown = set(request) - {"instances", "parameters"}
    if unknown:
        raise RefusedError(400, f'Invalid JSON payload received. Unknown name "{unknown.pop()}": Cannot find field.')
    return dict(request)


def _checked(request: dict[str, Any]) -> tuple[Image.Image, Image.Image, dict[str, Any]]:
    """Return the person, the garment and the parameters; raises `RefusedError` (400) as the model would."""
    instances = request.get("instances")
    if not isinstance(instances, list) or len(instances) != 1:
        raise RefusedError(400, _PREFIX + "Expected one instance.")
    products = instances[0].get("productImages", [])
    if len(products) != 1:
        raise RefusedError(400, f"{_PREFIX}Invalid number of product images. Expected 1, got {len(products)}.")
    parameters = request.get("parameters", {})
    _check_parameters(parameters)
    return _picture(instances[0].get("personImage")), _picture(products[0]), parameters


def _check_parameters(parameters: dict[str, Any]) -> None:
    output = parameters.get("outputOptions", {})
    if not 0 <= output.get("compressionQuality", 75) <= 100:
        raise RefusedError(400, _PREFIX + "The compressionQuality parameter, if set, must be in range [0,100].")
    if output.get("mimeType", "image/png") not in ("image/png", "image/jpeg"):
        raise RefusedError(400, _PREFIX + "The mimeType parameter, if set, must be image/png or image/jpeg.")
    for name in parameters.keys() - {"outputOptions"}:
        if name not in _ALLOWED or parameters[name] not in _ALLOWED[name]:
            raise RefusedError(400, f"{_PREFIX}The {name} parameter has an invalid value.")


def _picture(holder: Any) -> Image.Image:
    try:
        data = base64.b64decode(holder["image"]["bytesBase64Encoded"], validate=True)
        image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])
        image.load()
    except (KeyError, TypeError) as error:
        raise RefusedError(400, _PREFIX + "No uri or raw bytes are provided in media content.") from error
    except (ValueError, OSError, SyntaxError) as error:
        raise RefusedError(400, _PREFIX + "Unable to decode the image.") from error
    return image


def _try_on(person: Image.Image, garment: Image.Image, parameters: dict[str, Any]) -> dict[str, str]:
    """Return the prediction: the garment in the middle of the person's photo, in the type that was asked for."""
    picture = person.convert("RGB")
    patch = garment.convert("RGB").resize((max(picture.width // 3, 1), max(picture.height // 3, 1)))
    picture.paste(patch, ((picture.width - patch.width) // 2, (picture.height - patch.height) // 2))
    output = parameters.get("outputOptions", {})
    mime_type = output.get("mimeType", "image/png")
    encoded = io.BytesIO()
    if mime_type == "image/png":
        picture.save(encoded, "PNG", compress_level=1)
    else:
        picture.save(encoded, "JPEG", quality=int(output.get("compressionQuality", 75)))
    return {"mimeType": mime_type, "bytesBase64Encoded": base64.b64encode(encoded.getvalue()).decode()}
