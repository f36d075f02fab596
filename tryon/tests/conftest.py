"""What the tests of jobs share: Alice's clients, an engine at a gate, a folder for pictures, pictures to fetch."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from accounts.models import Mode, Organisation
from tryon.engines.registry import engines
from tryon.models import Job
from zupertry.testing import broker, images
from zupertry.testing.api import ApiClient
from zupertry.testing.engines import GatedEngine
from zupertry.testing.jobs import submitted
from zupertry.testing.pictures import PictureServer, content
from zupertry.testing.world import World

PICTURES = ["model_image_url", "garment_image_url"]
URLS = [*PICTURES, "webhook_url"]


@pytest.fixture
def live(world: World) -> ApiClient:
    """Alice, with her live key."""
    return ApiClient(world.alice.live_key)


@pytest.fixture
def test(world: World) -> ApiClient:
    """Alice, with her test key."""
    return ApiClient(world.alice.test_key)


@pytest.fixture
def engine(settings) -> Iterator[GatedEngine]:
    """The engine of live jobs: one call at a time."""
    settings.TRYON_ENGINE = "local"
    settings.TRYON_ENGINES = {
        **settings.TRYON_ENGINES,
        "local": {"BACKEND": "zupertry.testing.engines.GatedEngine", "OPTIONS": {"max_parallel": 1}},
    }
    engines.take_all()
    made = engines["local"]
    assert isinstance(made, GatedEngine)
    yield made
    made.gate.set()
    engines.take_all()


@dataclass(frozen=True, slots=True)
class Media:
    """The folder that pictures are stored in."""

    folder: Path

    @property
    def names(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def media(settings, tmp_path: Path) -> Media:
    folder = tmp_path / "media"
    default = settings.STORAGES["default"]
    options = {**default["OPTIONS"], "location": folder}
    settings.STORAGES = {**settings.STORAGES, "default": {**default, "OPTIONS": options}}
    return Media(folder)


@pytest.fixture
def pictures(settings) -> Iterator[PictureServer]:
    """A server with `/person.jpg` and `/garment.jpg` that may be reached."""
    settings.OUTBOUND_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    with PictureServer() as server:
        server.add("/person.jpg", content(images.jpeg(60, 80), "image/jpeg"))
        server.add("/garment.jpg", content(images.jpeg(40, 40, images.BLUE), "image/jpeg"))
        yield server


def submit_from(server: PictureServer, organisation: Organisation, mode: Mode = Mode.LIVE, **request: str) -> Job:
    """Submit a job whose pictures can be had."""
    urls = {"model_image_url": server.url("/person.jpg"), "garment_image_url": server.url("/garment.jpg")}
    return submitted(organisation, mode, **{**urls, **request})


@pytest.fixture
def empty_broker() -> None:
    """Take what earlier tests have published out of the way."""
    broker.drain()
