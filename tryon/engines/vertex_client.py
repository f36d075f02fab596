"""Google's prediction client as the Vertex engine uses it.

Importing this module imports google-cloud-aiplatform; `vertex.py` does so when the first job comes.
"""

import base64
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.aiplatform_v1 import PredictionServiceClient
from google.cloud.aiplatform_v1.services.prediction_service.transports.rest import PredictionServiceRestTransport
from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Value  # type: ignore[import-untyped]
from requests.adapters import HTTPAdapter

from tryon.engines.base import EngineError
from tryon.engines.vertex_messages import BLOCKED, REFUSED, TIMED_OUT, UNAVAILABLE, UNUSABLE

# How Google words a refusal by its safety filter:
# https://cloud.google.com/vertex-ai/generative-ai/docs/image/responsible-ai-imagen#safety-categories
_SAFETY_FILTER = re.compile(r"support codes?\b|safety filter|responsible ai|usage guidelines", re.IGNORECASE)

_DETAIL_LENGTH = 2000
_LONG_TOKEN = re.compile(r"[\w+/=.-]{200,}")
_REQUEST_ID_HEADERS = ("x-goog-request-id", "x-request-id")
_PLACEHOLDER = re.compile(r"(@\w+@)")
_ENCODED_AT_ONCE = 3 * 2**16  # bytes; a multiple of 3, so that the pieces' base64 joins up
_READ_AT_ONCE = 2**20


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model answered: the items of `predictions`, and an id for Google's support, if it sent one."""

    answers: list[Any]
    request_id: str


class VertexClient:
    """One prediction client for all threads of a process, on the server `endpoint` (`https://` or `http://`).

    `pool_size` is how many connections are kept. A call is sent once; only after a 401 does google-auth send it again,
    at most twice, with a fresh token. Raises `EngineError` when there are no credentials.
    """

    def __init__(self, endpoint: str, pool_size: int) -> None:
        try:
            transport = PredictionServiceRestTransport(host=endpoint, always_use_jwt_access=True)
        except GoogleAuthError as error:
            raise engine_error(error) from error
        self._adapter = Adapter(pool_size)
        for session in (transport._session, transport._session._auth_request_session):
            session.trust_env = False
        transport._session.max_redirects = 0
        for scheme in ("https://", "http://"):
            transport._session.mount(scheme, self._adapter)
        self._client = PredictionServiceClient(transport=transport)

    def predict(
        self,
        model: str,
        *,
        instance: Mapping[str, Any],
        parameters: Mapping[str, Any],
        pictures: Mapping[str, bytes],
        timeout: float,
    ) -> Prediction:
        """Call `model` (its full resource name) once and return what it answers within `timeout` seconds.

        Strings of `instance` that are keys of `pictures` (of the form `@name@`) are sent as that picture's base64.
        Raises `EngineError`.
        """
        call = self._adapter.call
        call.pictures, call.request_id = pictures, ""
        try:
            response = self._client.predict(
                endpoint=model,
                instances=[json_format.ParseDict(instance, Value())],
                parameters=json_format.ParseDict(parameters, Value()),
                timeout=timeout,
                retry=None,
            )
        # ValueError: an answer that is no UTF-8. AttributeError: api_core trips over errors of an unexpected shape.
        except (
            GoogleAPICallError,
            GoogleAuthError,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            json_format.ParseError,
            ValueError,
            AttributeError,
        ) as error:
            raise engine_error(error, call.request_id) from error
        finally:
            call.pictures = {}
        return Prediction(list(response.predictions), call.request_id)

    def close(self) -> None:
        """Close the connections."""
        self._client.transport.close()  # type: ignore[no-untyped-call]


class _Call(threading.local):
    """What the thread's call in flight adds to the client's interface: pictures going out, the request id coming in."""

    pictures: Mapping[str, bytes] = {}
    request_id: str = ""


class Adapter(HTTPAdapter):
    """The HTTP connections under Google's client: pictures go out as a stream, and the answer has a deadline."""

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_maxsize=pool_size)
        self.call = _Call()

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send the JSON text of `request` with the call's pictures in it; read the answer within `timeout` seconds.

        On its own, requests would wait `timeout` for the connection, and again for every piece of the answer.
        """
        deadline = time.monotonic() + timeout
        body = Body(str(request.body), self.call.pictures)
        request.body, request.headers["Content-Length"] = body, str(len(body))
        response = super().send(request, True, urllib3.Timeout(total=timeout), *args, **kwargs)  # type: ignore[arg-type]
        response._content = b"".join(_chunks(response.raw, deadline))
        self.call.request_id = next(
            (response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers), ""
        )
        return response


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON text in which placeholders stand for pictures, which are base64-encoded piece by piece as it is sent.

    Given the pictures themselves, Google's client keeps each in two messages and a text while it waits for the answer.
    Measured with 32 calls in flight, each of two pictures of 3 MB (10 MB): peak 1.6 GB (4.8 GB) that way, 0.3 GB this.
    `raw_predict` is no way out: over REST the client wraps its body in base64 once more and drops the answer's.
    """

    text: str
    pictures: Mapping[str, bytes]

    def __len__(self) -> int:
        return sum(
            (len(self.pictures[part]) + 2) // 3 * 4 if part in self.pictures else len(part.encode())
            for part in _PLACEHOLDER.split(self.text)
        )

    def __iter__(self) -> Iterator[bytes]:
        for part in _PLACEHOLDER.split(self.text):
            if part in self.pictures:
                yield from _base64(self.pictures[part])
            else:
                yield part.encode()


def _base64(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(view), _ENCODED_AT_ONCE):
        yield base64.b64encode(view[start : start + _ENCODED_AT_ONCE])


def _chunks(raw: urllib3.HTTPResponse, deadline: float) -> Iterator[bytes]:
    while chunk := raw.read1(_READ_AT_ONCE, decode_content=True):
        if time.monotonic() > deadline:
            raw.close()
            raise requests.exceptions.ReadTimeout("the answer was still coming at the deadline")
        yield chunk
    raw.release_conn()


def engine_error(error: Exception, request_id: str = "") -> EngineError:
    """Say in the job's terms what a failure of Google's client means."""
    detail = _detail(error, request_id)
    if isinstance(error, GoogleAPICallError):
        return _answered_with_error(error, detail)
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return EngineError("engine_timeout", TIMED_OUT, permanent=False, detail=detail)
    if isinstance(error, (GoogleAuthError, requests.RequestException, urllib3.exceptions.HTTPError)):
        return EngineError("engine_unavailable", UNAVAILABLE, permanent=False, detail=detail)
    return EngineError("engine_error", UNUSABLE, permanent=False, detail=detail)


def _answered_with_error(error: GoogleAPICallError, detail: str) -> EngineError:
    """Only a refusal of the request itself is final; 401, 403 and 404 are ours to mend, and the rest passes.

    Google documents no error for a photo without a person or a garment, so none is told apart.
    """
    if error.code == 400 and _SAFETY_FILTER.search(str(error)):
        return EngineError("content_blocked", BLOCKED, permanent=True, detail=detail)
    if error.code in (400, 413):
        return EngineError("engine_error", REFUSED, permanent=True, detail=detail)
    return EngineError("engine_unavailable", UNAVAILABLE, permanent=False, detail=detail)


def _detail(error: Exception, request_id: str) -> str:
    """Return the raw error for staff: at most 2,000 characters, without runs long enough to be a picture or a token."""
    text = f"{type(error).__name__}: {error}" + (f" [request {request_id}]" if request_id else "")
    return _LONG_TOKEN.sub("…", text)[:_DETAIL_LENGTH]
