"""Who is told to write to us is told where to; where no address is set, the sentences do without."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import mails
from accounts.models import Mail, Organisation, Role
from billing.gateways.base import GatewayError
from billing.gateways.registry import refuse, require
from billing.models import BillingDetails
from zupertry.core.errors import Refusal, internal_error
from zupertry.data import deletion
from zupertry.docs.site import pages
from zupertry.testing.api import ApiClient, refusal
from zupertry.testing.page import Element, parse
from zupertry.testing.service import ROOT
from zupertry.testing.world import World

ADDRESS = "help+shop@example.com"
TEXTS = [
    path
    for folder in ("accounts", "billing", "tryon", "zupertry", "templates", "docs/site")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".html", ".txt", ".md"} and not {"tests", "testing"} & set(path.parts)
]
TOLD = re.compile(
    r"(write to (us|support)|contact us)(?! ?({% at_support %}|{at_support\(\)}|{{ at_support }}|”))", re.IGNORECASE
)


@pytest.fixture
def made_anew() -> Iterator[None]:
    """The pages of the documentation are made once in a process: make them again for this test, and after it."""
    pages.cache_clear()
    yield
    pages.cache_clear()


@pytest.fixture(params=[ADDRESS, ""], ids=["set", "not-set"])
def address(request, settings, made_anew: None) -> str:
    settings.SUPPORT_EMAIL = request.param
    return str(request.param)


@pytest.fixture
def owner(world: World) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": "alice@example.com", "password": "alice-password"})
    client.post(reverse("account_reauthenticate"), {"password": "alice-password"})
    return client


def words(element: Element) -> str:
    return " ".join(element.text.split())


def says(client: Client, path: str, address: str, before: str, after: str) -> Element:
    """Check that a page says this sentence, with the address as a link amid it if there is one; return the page."""
    html = parse(client.get(path, follow=True).content.decode())
    assert f"{before}{f' at {address}' if address else ''}{after}" in words(html)
    assert bool(links(html)) is bool(address)
    return html


def links(html: Element) -> list[str]:
    found = [link.attributes.get("href", "") for link in html.all("a")]
    return [href for href in found if href.startswith("mailto:")]


def test_nobody_is_told_to_write_to_us_without_the_address() -> None:
    assert [str(path) for path in TEXTS if TOLD.search(path.read_text())] == []


@pytest.mark.django_db
def test_public_pages_name_it_at_their_foot(address: str) -> None:
    for path in ("/", "/pricing", "/docs/jobs", "/nothing-here"):
        foot = parse(Client().get(path).content.decode()).all("footer")[0]
        assert links(foot) == ([f"mailto:{address}"] if address else [])
        assert "Health" not in foot.text


@pytest.mark.django_db
def test_prices_the_documentation_and_an_account_that_is_switched_off_name_it(address: str) -> None:
    says(Client(), "/pricing", address, "Larger ones than these: write to us", ".")
    says(Client(), "/docs/rate-limits", address, "Need more? Write to us", ", and say what you are about to launch.")
    says(Client(), "/docs/errors", address, "name it when you write to us", " about a request.")
    says(Client(), reverse("account_inactive"), address, "or write to us", ", to have it switched on again.")


def test_the_dashboard_names_it(world: World, owner: Client, address: str) -> None:
    Organisation.objects.filter(pk=world.alice.org_id).update(suspended_at=timezone.now())
    banner = "You can still see everything and pay; write to us"
    html = says(owner, "/dashboard/", address, banner, " to have it restored.")
    assert ("Support" in words(html.all("nav", class_="side-nav")[0])) is bool(address)
    says(
        owner,
        "/dashboard/settings/delete",
        address,
        "The organisation is suspended. Write to us",
        ": our staff settle that first.",
    )


def test_a_field_that_only_staff_can_help_with_names_it(world: World, owner: Client, address: str) -> None:
    answer = owner.post("/dashboard/billing/details", {"legal_name": "Alice", "country": "US"})
    error = parse(answer.content.decode()).by_id("id_country_error")
    assert words(error).endswith(f"To change that, write to us{f' at {address}' if address else ''}.")
    assert links(error) == ([f"mailto:{address}"] if address else [])
    assert not BillingDetails.objects.exists()


def test_messages_of_the_api_name_it_in_plain_text(world: World, address: str) -> None:
    at = f" at {address}" if address else ""
    Organisation.objects.filter(pk=world.alice.org_id).update(suspended_at=timezone.now())
    error = refusal(ApiClient(world.alice.live_key).get("/v1/account"), 403, "account_suspended")
    assert error["message"] == f"This organisation is suspended. Write to us{at} to have it restored."
    assert internal_error().message.endswith(f"write to us{at} with the request id.")
    with pytest.raises(Refusal, match=re.escape(f"or write to us{at}.")):
        refuse("stripe", GatewayError("No.", permanent=True))
    with pytest.raises(Refusal, match=re.escape(f"Write to us{at}.")):
        require("a gateway that is gone")
    assert f"Write to us{at}: our staff" in deletion.obstacles(world.organisation)[0]


def test_mails_name_it_and_are_answered_there(world: World, address: str) -> None:
    mails.send(world.alice.org_id, "deletion_undone", "one", roles=[Role.OWNER])
    mails.deliver(Mail.objects.get().id)
    Client().post(reverse("account_reset_password"), {"email": "alice@example.com"})
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        assert isinstance(message, mail.EmailMultiAlternatives)
        assert message.reply_to == ([address] if address else [])
        html = str(message.alternatives[0][0])
        assert links(parse(html)) == ([f"mailto:{address}"] if address else [])
        assert ("Questions?" in html) is ("Questions?" in str(message.body)) is bool(address)
        assert str(message.body).rstrip().endswith(f"\nQuestions? Write to {address}") is bool(address)


def test_what_staff_write_is_answered_where_they_say(world: World, address: str) -> None:
    text = {"subject": "Hello", "text": "How are you?", "reply_to": "sam@example.com"}
    mails.send(world.alice.org_id, "staff_message", "one", roles=[Role.OWNER], **text)
    mails.deliver(Mail.objects.get().id)
    assert mail.outbox[0].reply_to == ["sam@example.com"]
    assert "Questions?" not in str(mail.outbox[0].body)


def test_a_laptop_has_none() -> None:
    assert django_settings.SUPPORT_EMAIL == ""
