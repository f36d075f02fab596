import base64
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from tryon.engines.base import EngineError, Picture, TryOn
from tryon.engines.vertex import VertexEngine, google_endpoint
from zupertry.testing.vertex import VertexServer

MODEL = "virtual-try-on-001"


def encoded(image: Image.Image, format: str = "JPEG") -> Picture:
    data = io.BytesIO()
    image.save(data, format)
    return Picture(data.getvalue(), f"image/{format.lower()}", image.width, image.height)


PERSON = encoded(Image.new("RGB", (60, 80), "grey"))
GARMENT = encoded(Image.new("RGB", (40, 40), "red"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VertexServer]:
    with VertexServer() as server, pytest.MonkeyPatch.context() as patch:
        key_file = server.write_credentials(tmp_path_factory.mktemp("google") / "service-account.json")
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        yield server


@pytest.fixture(scope="module")
def shared_engine(server: VertexServer) -> Iterator[VertexEngine]:
    engine = engine_at(server.url)
    yield engine
    engine.close()


@pytest.fixture
def engine(shared_engine: VertexEngine, server: VertexServer) -> VertexEngine:
    server.calls = server.peak_in_flight = 0
    return shared_engine


def engine_at(url: str) -> VertexEngine:
    return VertexEngine(project="test-project", location="us-central1", model=MODEL, api_endpoint=url, max_parallel=32)


def try_on(engine: VertexEngine, person: Picture = PERSON, garment: Picture = GARMENT, timeout: float = 10) -> TryOn:
    return engine.try_on(person, garment, timeout=timeout)


def failure(engine: VertexEngine, timeout: float = 10) -> EngineError:
    with pytest.raises(EngineError) as raised:
        try_on(engine, timeout=timeout)
    return raised.value


def sent_picture(holder: dict[str, dict[str, str]]) -> bytes:
    return base64.b64decode(holder["image"]["bytesBase64Encoded"])


def colour(picture: bytes, x: int, y: int) -> bytes:
    """Red, green and blue."""
    return Image.open(io.BytesIO(picture)).convert("RGB").crop((x, y, x + 1, y + 1)).tobytes()


def test_the_answer_is_the_models_picture(engine: VertexEngine) -> None:
    made = try_on(engine)
    red, green, _ = colour(made.picture.data, 30, 40)
    assert (made.picture.content_type, made.picture.width, made.picture.height) == ("image/jpeg", 60, 80)
    assert red > 200
    assert green < 60


def test_the_request_has_the_documented_shape(engine: VertexEngine, server: VertexServer) -> None:
    try_on(engine)
    (instance,) = server.last_request["instances"]
    (product,) = instance["productImages"]
    assert sent_picture(instance["personImage"]) == PERSON.data
    assert sent_picture(product) == GARMENT.data
    assert server.last_request["parameters"] == {
        "sampleCount": 1,
        "addWatermark": True,
        "personGeneration": "allow_adult",
        "safetySetting": "block_medium_and_above",
        "outputOptions": {"mimeType": "image/jpeg", "compressionQuality": 95},
    }


def test_a_png_photo_is_answered_with_a_png(engine: VertexEngine, server: VertexServer) -> None:
    made = try_on(engine, person=encoded(Image.new("RGB", (60, 80), "grey"), "PNG"))
    assert server.last_request["parameters"]["outputOptions"] == {"mimeType": "image/png"}
    assert made.picture.content_type == "image/png"
    assert made.picture.data.startswith(b"\x89PNG")


def test_pictures_of_every_length_arrive_whole(engine: VertexEngine, server: VertexServer) -> None:
    """Lengths around the encoder's piece, with every remainder of base64's groups of three."""
    plain = encoded(Image.new("RGB", (8, 8)), "PNG").data
    for length in (len(plain) + 1, len(plain) + 2, 3 * 2**16, 3 * 2**16 + 1, 6 * 2**16 + 2):
        data = plain + os.urandom(length - len(plain))
        try_on(engine, garment=Picture(data, "image/png", 8, 8))
        assert sent_picture(server.last_request["instances"][0]["productImages"][0]) == data


def test_transparent_parts_are_sent_as_white(engine: VertexEngine, server: VertexServer) -> None:
    cut_out = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    cut_out.paste((255, 0, 0, 255), (10, 10, 30, 30))
    try_on(engine, garment=encoded(cut_out, "PNG"))
    sent = sent_picture(server.last_request["instances"][0]["productImages"][0])
    assert Image.open(io.BytesIO(sent)).mode == "RGB"
    assert min(colour(sent, 2, 2)) > 250
    assert colour(sent, 20, 20)[0] > 240
    assert max(colour(sent, 20, 20)[1:]) < 20


def test_the_request_id_is_googles(engine: VertexEngine) -> None:
    assert len(try_on(engine).request_id) == 32


@pytest.mark.parametrize("behaviour", ["blocked_rai", "blocked_400", "no_predictions"])
def test_blocked_content_is_final(engine: VertexEngine, server: VertexServer, behaviour: str) -> None:
    server.behave(behaviour)
    error = failure(engine)
    assert (error.code, error.permanent) == ("content_blocked", True)
    assert "another photo" in error.message


def test_the_reason_of_a_block_is_kept_for_staff(engine: VertexEngine, server: VertexServer) -> None:
    server.behave("blocked_rai", "blocked_400")
    assert "Support codes: 43188360" in failure(engine).detail
    assert "Support codes: 43188360" in failure(engine).detail


@pytest.mark.parametrize(
    "behaviour", ["429", "500", "502", "503", "504", "401", "403", "404", "close", "truncated", "redirect"]
)
def test_what_may_pass_is_unavailable(engine: VertexEngine, server: VertexServer, behaviour: str) -> None:
    server.behave(*[behaviour] * (3 if behaviour == "401" else 1))
    error = failure(engine)
    assert (error.code, error.permanent) == ("engine_unavailable", False)
    assert error.detail


@pytest.mark.parametrize("behaviour", ["429", "500", "503", "close", "redirect", "blocked_400"])
def test_a_call_is_sent_once(engine: VertexEngine, server: VertexServer, behaviour: str) -> None:
    server.behave(behaviour)
    failure(engine)
    assert server.calls == 1


def test_a_refused_token_is_replaced(engine: VertexEngine, server: VertexServer) -> None:
    server.behave("401")
    assert try_on(engine).picture.width == 60
    assert server.calls == 2


@pytest.mark.parametrize("behaviour", ["html", "not_utf8", "odd_error", "bad_base64", "no_picture", "not_a_picture"])
def test_an_answer_that_cannot_be_used_may_pass(engine: VertexEngine, server: VertexServer, behaviour: str) -> None:
    server.behave(behaviour)
    error = failure(engine)
    assert (error.code, error.permanent) == ("engine_error", False)
    assert error.detail


def test_another_400_is_final(engine: VertexEngine, server: VertexServer) -> None:
    server.behave("400")
    error = failure(engine)
    assert (error.code, error.permanent) == ("engine_error", True)
    assert error.detail.startswith("BadRequest: 400 POST http://127.0.0.1")


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png"])
def test_a_picture_that_cannot_be_decoded_is_final(engine: VertexEngine, content_type: str) -> None:
    with pytest.raises(EngineError, match="could not work with these pictures") as raised:
        try_on(engine, garment=Picture(b"no picture", content_type, 1, 1))
    assert (raised.value.code, raised.value.permanent) == ("engine_error", True)


def test_details_hold_no_picture_and_no_token(engine: VertexEngine, server: VertexServer) -> None:
    server.behave("echo")
    error = failure(engine)
    assert "Bearer …" in error.detail
    assert "bytesBase64Encoded" in error.detail
    assert len(max(error.detail.split(), key=len)) < 250
    assert len(error.detail) <= 2000


def test_nobody_listening_is_unavailable(server: VertexServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failure(engine_at(f"http://127.0.0.1:{unused.getsockname()[1]}"))
    assert (error.code, error.permanent) == ("engine_unavailable", False)


@pytest.mark.parametrize("behaviour", ["hang", "slow:5", "drip"])
def test_a_call_ends_at_its_deadline(engine: VertexEngine, server: VertexServer, behaviour: str) -> None:
    server.behave(behaviour)
    began = time.monotonic()
    error = failure(engine, timeout=0.3)
    assert (error.code, error.permanent) == ("engine_timeout", False)
    assert time.monotonic() - began < 3


def test_threads_share_one_client(engine: VertexEngine, server: VertexServer) -> None:
    server.behave(*["slow:1"] * 32)
    with ThreadPoolExecutor(32) as threads:
        made = list(threads.map(lambda _: try_on(engine), range(32)))
    assert len(made) == 32
    assert server.peak_in_flight >= 30


def test_each_thread_sends_its_own_pictures(engine: VertexEngine) -> None:
    """What comes back is painted with the garment that went out, and every answer has its own request id."""
    shades = range(0, 250, 10)
    with ThreadPoolExecutor(len(shades)) as threads:
        made = list(threads.map(lambda shade: try_on(engine, garment=grey(shade)), shades))
    for shade, answer in zip(shades, made, strict=True):
        assert abs(colour(answer.picture.data, 30, 40)[0] - shade) < 5
    assert len({answer.request_id for answer in made}) == len(made)


def grey(shade: int) -> Picture:
    return encoded(Image.new("RGB", (40, 40), (shade, shade, shade)), "PNG")


def test_connections_are_kept(engine: VertexEngine, server: VertexServer) -> None:
    try_on(engine)
    connections = server.connections
    for _ in range(3):
        try_on(engine)
    assert server.connections == connections


def test_proxies_are_ignored(server: VertexServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    assert try_on(engine_at(server.url)).picture.width == 60


def test_missing_credentials_may_pass(server: VertexServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    error = failure(engine_at(server.url))
    assert (error.code, error.permanent) == ("engine_unavailable", False)
    assert "/nowhere/key.json" in error.detail


def test_another_accounts_token_is_refused(
    server: VertexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake checks signatures, so the tests above prove that ours are good."""
    with VertexServer() as other:
        key_file = other.write_credentials(tmp_path / "other.json")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    assert "401" in failure(engine_at(server.url)).detail


def test_an_engine_may_be_used_again_after_close(server: VertexServer) -> None:
    engine = engine_at(server.url)
    engine.close()
    try_on(engine)
    engine.close()
    assert try_on(engine).picture.height == 80


def test_each_location_has_its_endpoint() -> None:
    assert google_endpoint("us-central1") == "https://us-central1-aiplatform.googleapis.com"
    assert google_endpoint("global") == "https://aiplatform.googleapis.com"


def test_making_an_engine_imports_nothing_of_googles() -> None:
    code = (
        "import sys; from tryon.engines.vertex import VertexEngine; "
        "VertexEngine(project='p', location='global', model='m', max_parallel=1); "
        "sys.exit(any(name.startswith(('google.auth', 'google.cloud.aiplatform', 'requests')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False).returncode == 0
