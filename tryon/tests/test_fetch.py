"""Downloading pictures over real HTTP: what is followed, what is tried again, and what is final."""

import re
from ipaddress import ip_network
from time import monotonic

import pytest

from tryon import pictures
from tryon.pictures import PictureError, fetch
from zupertry.testing import pictures as behave
from zupertry.testing.images import jpeg, png
from zupertry.testing.pictures import PictureServer


@pytest.fixture
def server(settings, monkeypatch):
    settings.OUTBOUND_ALLOWED_NETWORKS = [ip_network("127.0.0.1/32")]
    monkeypatch.setattr(pictures, "PAUSE_SECONDS", 0.01)
    with PictureServer() as server:
        yield server


def failure(url):
    with pytest.raises(PictureError) as caught:
        fetch(url, role="garment")
    assert caught.value.message.startswith("The garment image ")
    return caught.value


def test_the_type_comes_from_the_content(server):
    url = server.add("/a.gif", behave.content(jpeg(), "text/html"))
    assert fetch(url, role="model").content_type == "image/jpeg"


def test_three_redirects_are_followed_and_a_fourth_is_not(server):
    for number in range(4):
        server.add(f"/{number}", behave.redirect(f"/{number + 1}"))
    server.add("/4", behave.content(png(), "image/png"))
    assert fetch(server.url("/1"), role="model").content_type == "image/png"
    error = failure(server.url("/0"))
    assert (error.code, error.permanent) == ("image_unreachable", True)


@pytest.mark.parametrize(
    "once",
    [behave.status(503), behave.close_early(), behave.wrong_length(jpeg()[:99], 999)],
    ids=["busy", "closed", "cut"],
)
def test_what_may_pass_is_tried_again(server, once):
    url = server.add("/a", behave.in_turn(once, behave.content(jpeg(), "image/jpeg")))
    assert fetch(url, role="model").width == 60
    assert server.requests["/a"] == 2


def test_two_failures_are_enough(server):
    error = failure(server.add("/a", behave.status(503)))
    assert (error.code, error.permanent) == ("image_unreachable", False)
    assert "status 503" in error.message
    assert server.requests["/a"] == 2


@pytest.mark.parametrize("code", [304, 401, 404, 410, 429])
def test_other_statuses_are_final(server, code):
    error = failure(server.add("/a", behave.status(code)))
    assert (error.code, error.permanent) == ("image_unreachable", True)
    assert server.requests["/a"] == 1


def test_both_tries_share_the_budget(server, monkeypatch):
    monkeypatch.setattr(pictures, "DOWNLOAD_SECONDS", 0.5)
    monkeypatch.setattr(pictures, "TRY_SECONDS", 0.3)
    started = monotonic()
    error = failure(server.add("/a", behave.trickled_body()))
    assert (error.code, error.permanent) == ("image_unreachable", False)
    assert re.search(r"within 0\.\d seconds", error.message), error.message
    assert server.requests["/a"] == 2
    assert monotonic() - started < 1.5


@pytest.mark.parametrize("length", [pictures.MAX_BYTES + 1, 10**12])
def test_a_file_that_says_it_is_too_large_is_not_downloaded(server, length):
    error = failure(server.add("/a", behave.wrong_length(b"", length)))
    assert (error.code, error.permanent) == ("image_too_large", True)
    assert server.requests["/a"] == 1


def test_an_endless_file_is_too_large(server):
    assert failure(server.add("/a", behave.endless_body())).code == "image_too_large"


def test_an_empty_answer_is_corrupt(server):
    assert failure(server.add("/a", behave.status(200))).code == "image_corrupt"


def test_a_web_page_is_no_picture(server):
    url = server.add("/a.jpg", behave.content(b"<!doctype html><p>Log in", "image/jpeg"))
    assert failure(url).code == "image_type_unsupported"


def test_a_forbidden_address_is_final(server, settings):
    url = server.add("/a", behave.redirect("http://169.254.169.254/latest/meta-data/"))
    error = failure(url)
    assert (error.code, error.permanent) == ("image_url_forbidden", True)
    settings.OUTBOUND_ALLOWED_NETWORKS = []
    assert failure(url).code == "image_url_forbidden"
    assert server.connections == 1


def test_nobody_listening_may_pass():
    error = failure("http://nowhere.invalid/a.jpg")
    assert (error.code, error.permanent) == ("image_unreachable", False)
