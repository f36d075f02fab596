"""Google's virtual try-on model on Vertex AI.

Request and answer: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/virtual-try-on-api
Parameters: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/Shared.Types/VirtualTryOnModelParams
Answer's fields: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/Shared.Types/VirtualTryOnModelResultProto
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PIL import Image

from tryon.engines.base import Engine, EngineError, Picture, TryOn
from tryon.engines.vertex_messages import BLOCKED, REFUSED, UNUSABLE

if TYPE_CHECKING:
    from tryon.engines.vertex_client import Prediction, VertexClient

# What stands for a picture in the request until it is sent: see `vertex_client.Body`.
_PERSON, _GARMENT = "@person@", "@garment@"
_INSTANCE = {
    "personImage": {"image": {"bytesBase64Encoded": _PERSON}},
    "productImages": [{"image": {"bytesBase64Encoded": _GARMENT}}],
}
_JPEG_QUALITY = 95
_CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}

# A 12-megapixel cut-out takes 100 MB while it is flattened, so a process flattens one at a time.
_flattening = threading.Lock()


class VertexEngine(Engine):
    """Dresses people with `model` (such as `virtual-try-on-001`) in the Google Cloud project `project`.

    `location` is a region such as `us-central1`, or `global`. `api_endpoint` is the address of another server that
    speaks the same protocol (`http://` is allowed); empty means Google's own for the location. Credentials are
    Google's application default ones: the file that GOOGLE_APPLICATION_CREDENTIALS names, else the machine's.
    """

    def __init__(self, *, project: str, location: str, model: str, max_parallel: int, api_endpoint: str = "") -> None:
        self.max_parallel = max_parallel
        self._api_endpoint = api_endpoint or google_endpoint(location)
        self._model = f"projects/{project}/locations/{location}/publishers/google/models/{model}"
        self._client: VertexClient | None = None
        self._connecting = threading.Lock()

    def try_on(self, person: Picture, garment: Picture, *, timeout: float) -> TryOn:
        """Return the model's picture of the person wearing the garment; `timeout` is in seconds.

        It is tried once: the caller owns the retries. Raises `EngineError`: `content_blocked` (final),
        `engine_unavailable`, `engine_timeout`, or `engine_error`.
        """
        prediction = self._connected().predict(
            self._model,
            instance=_INSTANCE,
            parameters=_parameters(person.content_type),
            pictures={_PERSON: _opaque(person), _GARMENT: _opaque(garment)},
            timeout=timeout,
        )
        return TryOn(_picture(prediction), prediction.request_id)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._connecting:
            if self._client:
                self._client.close()
            self._client = None

    def _connected(self) -> VertexClient:
        with self._connecting:
            if self._client is None:
                # Google's library takes 0.7 s and 100 MB to import: only a process that runs a job pays.
                from tryon.engines.vertex_client import VertexClient

                self._client = VertexClient(self._api_endpoint, self.max_parallel)
            return self._client


def google_endpoint(location: str) -> str:
    """Return the address of Vertex AI in `location`, a region or `global`."""
    return f"https://{'' if location == 'global' else location + '-'}aiplatform.googleapis.com"


def _parameters(content_type: str) -> dict[str, Any]:
    """One picture in the type of the person's, with Google's own defaults for safety spelt out.

    The watermark is the invisible SynthID.
    """
    output: dict[str, Any] = {"mimeType": "image/png"}
    if content_type == "image/jpeg":
        output = {"mimeType": "image/jpeg", "compressionQuality": _JPEG_QUALITY}
    return {
        "sampleCount": 1,
        "addWatermark": True,
        "personGeneration": "allow_adult",
        "safetySetting": "block_medium_and_above",
        "outputOptions": output,
    }


def _opaque(picture: Picture) -> bytes:
    """Return the picture's bytes, on white if it has transparent parts.

    Google does not say what the model makes of transparency, and the colour that lies under it is often black:
    white is what product photos have.
    """
    if picture.content_type != "image/png":
        return picture.data
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            return _on_white(image) if image.has_transparency_data else picture.data
    except (OSError, SyntaxError, ValueError) as error:
        raise EngineError("engine_error", REFUSED, permanent=True, detail=f"{type(error).__name__}: {error}") from error


def _on_white(image: Image.Image) -> bytes:
    with _flattening:
        white = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
        encoded = io.BytesIO()
        flat.save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        return encoded.getvalue()


def _picture(prediction: Prediction) -> Picture:
    """Return the answer's picture. Blocked content has a reason in its place, or an empty list of predictions."""
    answers = [answer for answer in prediction.answers if isinstance(answer, Mapping)]
    encoded = next((answer["bytesBase64Encoded"] for answer in answers if answer.get("bytesBase64Encoded")), None)
    if encoded is not None:
        return _decoded(encoded)
    reasons = [str(answer["raiFilteredReason"]) for answer in answers if answer.get("raiFilteredReason")]
    if reasons or not prediction.answers:
        raise EngineError(
            "content_blocked", BLOCKED, permanent=True, detail="; ".join(reasons)[:2000] or "200 with no predictions"
        )
    fields = [sorted(answer) for answer in answers]
    raise EngineError("engine_error", UNUSABLE, permanent=False, detail=f"200 without a picture: {fields}"[:2000])


def _decoded(encoded: Any) -> Picture:
    """Return the picture behind base64 text. Only its header is read: the caller decodes it anyway."""
    try:
        data = base64.b64decode(encoded, validate=True)
        with Image.open(io.BytesIO(data), formats=list(_CONTENT_TYPES)) as image:
            return Picture(data, _CONTENT_TYPES[str(image.format)], image.width, image.height)
    except (ValueError, TypeError, OSError, Image.DecompressionBombError) as error:
        detail = f"200 with a picture that cannot be read: {type(error).__name__}"
        raise EngineError("engine_error", UNUSABLE, permanent=False, detail=detail) from error
