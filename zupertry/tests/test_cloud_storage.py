"""Pictures on S3 (moto's server) and on Google Cloud Storage (our own), over real HTTP."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import psutil
import pytest
from django.core.files.storage import default_storage
from moto.server import ThreadedMotoServer
from PIL import Image

from zupertry.core import storage
from zupertry.core.s3 import S3PictureStorage
from zupertry.settings import _storages
from zupertry.testing.gcs import GcsServer
from zupertry.testing.images import jpeg
from zupertry.testing.inside import Inside
from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.service import Service

BUCKET = "zupertry-pictures"
SUCCESS = "https://test.zupertry.com/success.jpg"
LARGE = 9 * 1024 * 1024  # bytes; above the 8 MB up to which both libraries send one request


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running store: the variables that lead a service to it, and how its links say when they end."""

    name: str
    environment: dict[str, str]
    expires: str


@pytest.fixture(scope="module")
def s3() -> Iterator[Cloud]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "an S3 secret of the tests"}
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=BUCKET)
    yield Cloud("s3", {**keys, "AWS_S3_ENDPOINT_URL": url, "STORAGE": "s3", "STORAGE_BUCKET": BUCKET}, "X-Amz-Expires")
    server.stop()


@pytest.fixture(scope="module")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with GcsServer() as server:
        own = server.environment(tmp_path_factory.mktemp("gcs") / "key.json")
        yield Cloud("gcs", {**own, "STORAGE": "gcs", "STORAGE_BUCKET": BUCKET}, "X-Goog-Expires")


@pytest.fixture(params=["s3", "gcs"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    chosen: Cloud = request.getfixturevalue(request.param)
    return chosen


on_google = pytest.mark.parametrize("cloud", ["gcs"], indirect=True)
on_s3 = pytest.mark.parametrize("cloud", ["s3"], indirect=True)


@pytest.fixture
def in_use(cloud: Cloud, settings, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Let this process store its pictures there, with the very options that a service has."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    options: dict[str, Any] = {"bucket_name": BUCKET}
    if cloud.name == "s3":
        options["endpoint_url"] = cloud.environment["AWS_S3_ENDPOINT_URL"]
    described = _storages[cloud.name]
    settings.STORAGES = {**settings.STORAGES, "default": {**described, "OPTIONS": {**described["OPTIONS"], **options}}}
    return cloud


def download(url: str) -> tuple[bytes, Any]:
    with urllib.request.urlopen(url) as answer:
        return answer.read(), answer.headers


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(("content_type", "data"), [("image/jpeg", jpeg()), ("image/png", b"\x89PNG" * (LARGE // 4))])
def test_what_is_written_is_handed_out_by_a_signed_link_with_its_type(in_use: Cloud, content_type, data) -> None:
    name = storage.new_name(content_type)
    storage.write(name, data)
    downloaded, headers = download(storage.signed_url(name))
    assert downloaded == data
    assert headers["Content-Type"] == content_type
    assert headers["Cache-Control"] == "private, max-age=3600"


def test_what_is_written_is_read_until_it_is_deleted(in_use: Cloud) -> None:
    name = storage.new_name("image/jpeg")
    storage.write(name, b"a picture")
    with default_storage.open(name) as file:
        assert file.read() == b"a picture"
    url = storage.signed_url(name)
    storage.delete(name)
    assert not default_storage.exists(name)
    assert status_of(url) == 404
    storage.delete(name)


def test_a_link_is_valid_for_an_hour(in_use: Cloud) -> None:
    query = parse_qs(urlsplit(storage.signed_url(storage.new_name("image/jpeg"))).query)
    assert query[in_use.expires] == ["3600"]


@on_google
def test_google_refuses_whoever_has_no_link_of_ours(in_use: Cloud) -> None:
    name, other = storage.new_name("image/jpeg"), storage.new_name("image/jpeg")
    storage.write(name, b"a picture")
    storage.write(other, b"another")
    url = storage.signed_url(name)
    assert status_of(url) == 200
    assert status_of(url.partition("?")[0]) == 403
    assert status_of(url.replace("X-Goog-Expires=3600", "X-Goog-Expires=7200")) == 403
    assert status_of(url.replace(name, other)) == 403


def test_nothing_is_stored_for_the_public(in_use: Cloud, settings) -> None:
    """No object is given an access list of its own: the bucket's is private, unless its owner says otherwise."""
    assert settings.STORAGES["default"]["OPTIONS"]["default_acl"] is None
    assert settings.STORAGES["default"]["OPTIONS"]["querystring_auth"] is True


@pytest.mark.parametrize("region", ["eu-central-1", "ap-south-1"])
def test_a_link_to_amazon_names_the_region_in_its_host(region: str) -> None:
    """The host without a region redirects, which breaks the signature."""
    bucket = S3PictureStorage(
        endpoint_url=None,
        max_connections=1,
        region_name=region,
        bucket_name=BUCKET,
        access_key="AKIAEXAMPLE",
        secret_key="a secret",
    )
    assert urlsplit(bucket.url("a.jpg")).hostname == f"{BUCKET}.s3.{region}.amazonaws.com"


@on_s3
def test_threads_share_one_client(in_use: Cloud) -> None:
    """One each would take 15 MB each: half a gigabyte in a web process."""
    links = [storage.signed_url("warm.jpg")]
    before = psutil.Process().memory_info().rss
    threads = [threading.Thread(target=lambda: links.append(storage.signed_url("a.jpg"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(links) == 17
    assert psutil.Process().memory_info().rss - before < 30 * 1024 * 1024


def test_a_whole_service_keeps_its_pictures_there(cloud: Cloud, inside: Inside, tmp_path: Path) -> None:
    environment = {**cloud.environment, "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with Service(tmp_path, environment) as service, WebhookReceiver() as receiver:
        alice = inside.bootstrap(service)
        request = {"model_image_url": SUCCESS, "garment_image_url": SUCCESS, "webhook_url": receiver.url()}
        accepted = service.call("POST", "/v1/tryon", alice.test_key, request)
        told = receiver.wait_for(1)[0].json["data"]["output_url"]
        job = service.call("GET", f"/v1/jobs/{accepted.body['job_id']}?wait=10", alice.test_key).body
    assert job["status"] == "completed"
    for url in (job["output_url"], told):
        data, headers = download(url)
        assert headers["Content-Type"] == "image/jpeg"
        assert Image.open(BytesIO(data)).size == (512, 600)
        assert BUCKET in url
        assert not url.startswith(service.url)
    assert not (tmp_path / "media").exists()
