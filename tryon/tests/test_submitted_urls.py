"""Which picture and webhook URLs `POST /v1/tryon` accepts, as far as that can be told without the network."""

from ipaddress import ip_network

import pytest

from accounts.models import WebhookEndpoint
from tryon.tests.conftest import PICTURES, URLS
from zupertry.testing.api import refusal, refused_field


@pytest.mark.parametrize(
    "url",
    [
        "ftp://pictures.example.com/a.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "//pictures.example.com/a.jpg",
        "pictures.example.com/a.jpg",
        "http://",
        "http:///a.jpg",
        "https://:443/a.jpg",
        "https://user@pictures.example.com/a.jpg",
        "https://user:password@pictures.example.com/a.jpg",
        "https://pictures.example.com:99999/a.jpg",
        "https://pictures.example.com:0/a.jpg",
        "https://pictures.example.com/a b.jpg",
        "https://pictures.example.com/\n",
        "https://pictures.example.com\\@10.0.0.1/",
        "http://localhost/a.jpg",
        "http://localhost./a.jpg",
        "http://LOCALHOST:8000/a.jpg",
        "http://db.localhost/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://127.1/a.jpg",
        "http://2130706433/a.jpg",
        "http://0x7f000001/a.jpg",
        "http://0177.0.0.1/a.jpg",
        "http://0/a.jpg",
        "http://10.0.0.1/a.jpg",
        "http://172.16.0.1/a.jpg",
        "http://192.168.1.1/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://168.63.129.16/a.jpg",
        "http://192.0.0.192/a.jpg",
        "http://100.64.0.1/a.jpg",
        "http://224.0.0.1/a.jpg",
        "http://255.255.255.255/a.jpg",
        "http://[::1]/a.jpg",
        "http://[::]/a.jpg",
        "http://[::ffff:10.0.0.1]/a.jpg",
        "http://[::7f00:1]/a.jpg",
        "http://[64:ff9b::a00:1]/a.jpg",
        "http://[2002:a00:1::]/a.jpg",
        "http://[fec0::1]/a.jpg",
        "http://[fd00::1]/a.jpg",
        "http://[fe80::1]/a.jpg",
        "http://[ff02::1]/a.jpg",
        "http://[::1/a.jpg",
    ],
)
def test_urls_that_are_never_reached_are_refused_at_once(test, url):
    error = refusal(test.submit(**dict.fromkeys(URLS, url)), 422, "validation_error")
    assert set(error["fields"]) == set(URLS)


@pytest.mark.parametrize(
    "url",
    [
        "https://pictures.example.com/a.jpg",
        "HTTPS://PICTURES.EXAMPLE.COM/a.jpg",
        "http://8.8.8.8/a.jpg",
        "http://[2606:4700::1111]:8443/a.webp?size=large#top",
        "https://pictures.example.com",
        "https://pictures.example.com/gif",
        "https://pictures.example.com/a.gif.jpg",
        "https://pictures.example.com/a.jpg?from=a.gif",
        "https://pictures.example.com/%E2%82%AC/a.jpg",
    ],
)
def test_urls_on_the_public_internet_are_accepted(live, url):
    live.submit_job(**dict.fromkeys(URLS, url))


def test_private_addresses_are_accepted_inside_the_allowed_networks(settings, live):
    settings.OUTBOUND_ALLOWED_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("127.0.0.0/8")]
    for name in URLS:
        live.submit_job(**{name: "http://10.1.2.3:8080/a.jpg"})
        live.submit_job(**{name: "http://localhost:8080/a.jpg"})
        refused_field(live.submit(**{name: "http://10.2.0.1/a.jpg"}), name)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    "suffix",
    [".gif", ".bmp", ".tif", ".tiff", ".svg", ".heic", ".heif", ".avif", ".ico", ".psd", ".pdf", ".GIF", ".%67if"],
)
def test_pictures_whose_name_says_that_they_cannot_be_used_are_refused(live, name, suffix):
    assert "not supported" in refused_field(live.submit(**{name: f"https://a.example.com/person{suffix}"}), name)
    refused_field(live.submit(**{name: f"https://a.example.com/person{suffix}?size=2#x"}), name)


def test_a_webhook_may_end_in_anything(test):
    test.submit_job(webhook_url="https://shop.example.com/hook.pdf")


def test_the_webhook_defaults_to_the_organisations(world, test):
    WebhookEndpoint.objects.filter(organisation_id=world.alice.org_id).update(url="https://shop.example.com/all")
    assert test.get(f"/v1/jobs/{test.submit_job()}").json()["webhook_url"] == "https://shop.example.com/all"
    own = test.submit_job(webhook_url="https://shop.example.com/own")
    assert test.get(f"/v1/jobs/{own}").json()["webhook_url"] == "https://shop.example.com/own"
