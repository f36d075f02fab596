"""Stored pictures: names nobody guesses, links that expire, and nothing without a link."""

import re
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from django.core.files.storage import default_storage
from django.test import Client, RequestFactory
from werkzeug.test import run_wsgi_app

from zupertry.core import storage
from zupertry.core.storage import SignedFileSystemStorage, _signature
from zupertry.wsgi import application

CONTENT = b"\xff\xd8\xff a picture"


@pytest.fixture(autouse=True)
def media(settings, tmp_path: Path) -> Path:
    """Keep files in a folder of this test's own, next to something that is nobody's business."""
    folder = tmp_path / "media"
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": folder}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return folder


@pytest.fixture
def link() -> str:
    name = storage.new_name("image/jpeg")
    storage.write(name, CONTENT)
    return storage.signed_url(name)


def follow(url: str, **changes: str | None):
    """Ask for a link, with other values in its query (None: without it)."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **changes}
    return Client().get(parts.path, {name: value for name, value in query.items() if value is not None})


@pytest.mark.django_db(transaction=True)
def test_head_tells_the_length_of_a_file_and_sends_nothing_of_it(link):
    """Asked of the application itself: Django's test client would take the body away."""
    parts = urlsplit(link)
    environ = RequestFactory().head(f"{parts.path}?{parts.query}").environ
    body, status, headers = run_wsgi_app(application, environ, buffered=True)
    assert (status, b"".join(body)) == ("200 OK", b"")
    assert headers["Content-Length"] == str(len(CONTENT))


def signed_path(name: str, lifetime: float = 60.0) -> str:
    """Return a link to any name, correctly signed, as only we can."""
    expires = str(int(time.time() + lifetime))
    return f"/files/{quote(name)}?{urlencode({'expires': expires, 'signature': _signature(name, expires)})}"


def test_names_are_random_and_say_the_type():
    names = {storage.new_name("image/png") for _ in range(1000)}
    assert len(names) == 1000
    assert all(re.fullmatch(r"pictures/[0-9a-f]{2}/[0-9a-f]{62}\.png", name) for name in names)
    assert storage.new_name("image/jpeg").endswith(".jpg")


def test_what_is_written_is_read_until_it_is_deleted():
    name = storage.new_name("image/jpeg")
    storage.write(name, CONTENT)
    assert default_storage.open(name).read() == CONTENT
    storage.delete(name)
    with pytest.raises(FileNotFoundError):
        default_storage.open(name).read()
    storage.delete(name)
    storage.delete("")


def test_files_are_their_owners_alone(media):
    name = storage.new_name("image/jpeg")
    storage.write(name, CONTENT)
    assert stat.S_IMODE((media / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((media / name).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(("type_", "suffix"), [("image/jpeg", "jpg"), ("image/png", "png")])
def test_a_link_hands_the_picture_out_with_its_type(type_, suffix):
    name = storage.new_name(type_)
    storage.write(name, CONTENT)
    response = follow(storage.signed_url(name))
    assert response.status_code == 200
    assert response.getvalue() == CONTENT
    assert response.headers["Content-Type"] == type_
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"].startswith("private")


def test_a_link_is_absolute_and_valid_for_an_hour(settings, link):
    assert link.startswith(f"{settings.PUBLIC_URL}/files/pictures/")
    expires = int(dict(parse_qsl(urlsplit(link).query))["expires"])
    assert abs(expires - time.time() - 3600) < 10
    settings.OUTPUT_URL_LIFETIME = timedelta(seconds=-1)
    name = urlsplit(link).path.removeprefix("/files/")
    assert follow(storage.signed_url(name)).status_code == 404


def test_a_link_works_after_a_restart_and_on_another_machine(link):
    """The signature depends on nothing but SECRET_KEY."""
    assert SignedFileSystemStorage().url("a").partition("?")[0] == SignedFileSystemStorage().url("a").partition("?")[0]
    assert follow(link).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": None},
        {"expires": None},
        {"signature": None, "expires": None},
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"expires": ""},
        {"expires": "9999999999"},
        {"expires": "1"},
        {"expires": "abc"},
        {"expires": "\x00"},
    ],
)
def test_a_link_that_was_tampered_with_is_404(link, changes):
    assert follow(link, **changes).status_code == 404


def test_every_character_of_the_signature_counts(link):
    signature = dict(parse_qsl(urlsplit(link).query))["signature"]
    for place in (0, 31, 63):
        other = "0" if signature[place] != "0" else "1"
        assert follow(link, signature=signature[:place] + other + signature[place + 1 :]).status_code == 404
    assert follow(link, signature=signature.upper()).status_code == 404
    assert follow(link, signature=signature[:-1]).status_code == 404


def test_the_link_of_one_picture_opens_no_other(link):
    other = storage.new_name("image/jpeg")
    storage.write(other, b"another")
    assert Client().get(f"/files/{other}?{urlsplit(link).query}").status_code == 404


def test_a_link_to_a_deleted_picture_is_404(link):
    storage.delete(urlsplit(link).path.removeprefix("/files/"))
    assert follow(link).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jpg",
        "pictures/../../secret.jpg",
        "/etc/passwd",
        "..",
        ".",
        "pictures",
        "pictures/",
    ],
)
def test_not_even_a_signed_name_leads_out_of_the_folder_or_lists_it(link, name):
    assert Client().get(signed_path(name)).status_code == 404


@pytest.mark.parametrize(
    "path", ["/files/", "/files", "/files/pictures/", "/files/pictures", "/media/", "/files/%2e%2e/"]
)
def test_nothing_is_listed(link, path):
    assert Client().get(path).status_code == 404


def test_what_has_an_unknown_suffix_is_never_shown(media):
    (media / "page.html").parent.mkdir(parents=True, exist_ok=True)
    (media / "page.html").write_text("<script>alert(1)</script>")
    response = Client().get(signed_path("page.html"))
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_pictures_can_only_be_read(link, method):
    parts = urlsplit(link)
    assert getattr(Client(), method)(f"{parts.path}?{parts.query}").status_code == 405
    assert follow(link).status_code == 200


def test_a_page_links_to_its_own_origin_and_the_link_stays_the_same_for_a_while(monkeypatch):
    name = storage.new_name("image/jpeg")
    storage.write(name, CONTENT)
    monkeypatch.setattr(time, "time", lambda: 1_800.0 * 1_000_000 + 1)
    first = storage.own_path(name)
    assert first.startswith("/files/pictures/")
    assert b"".join(follow(first).streaming_content) == CONTENT

    monkeypatch.setattr(time, "time", lambda: 1_800.0 * 1_000_001 - 1)
    assert storage.own_path(name) == first
    monkeypatch.setattr(time, "time", lambda: 1_800.0 * 1_000_000 + 3_601)
    assert follow(first).status_code == 200, "an hour later"
    assert storage.own_path(name) != first


def test_a_link_of_ours_names_its_file_while_it_is_valid():
    name = storage.new_name("image/png")
    now = datetime.now(UTC)
    for url in (storage.own_url(name), storage.signed_url(name)):
        assert storage.named_by(url, now) == name
        assert storage.named_by(url, now + timedelta(hours=2)) is None


@pytest.mark.parametrize(
    "broken",
    [
        lambda url: url.replace("signature=", "signature=0"),
        lambda url: url.replace("expires=", "expires=9"),
        lambda url: url.replace(".jpg", ".png"),
        lambda url: url.partition("?")[0],
        lambda url: url.replace("http://", "http://evil.example/"),
        lambda url: "https://example.com/files/a.jpg?expires=1&signature=2",
    ],
)
def test_a_url_that_we_did_not_sign_names_nothing(broken):
    url = storage.own_url(storage.new_name("image/jpeg"))
    assert storage.named_by(broken(url), datetime.now(UTC)) is None


def test_reading_stops_at_the_most_that_is_wanted():
    name = storage.new_name("image/jpeg")
    storage.write(name, CONTENT)
    assert storage.read(name, 3) == CONTENT[:3]
    storage.delete(name)
    with pytest.raises(FileNotFoundError):
        storage.read(name, 3)
