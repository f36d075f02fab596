"""Searches: what is typed is posted, and no whole key is ever in an address."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, AuditEntry
from accounts.staff.finding import as_last_four
from zupertry.testing.page import parse
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

KEYS = "/admin/accounts/apikey/"
ORGANISATIONS = "/admin/accounts/organisation/"


@pytest.fixture
def support() -> Client:
    return staff_client(make_staff("Support"))


def messages(answer) -> list[str]:
    html = answer.content.decode()
    return [item.text for item in parse(html[html.index("<html") :]).all("ul", class_="messagelist")[0].all("li")]


@pytest.mark.parametrize("listing", [KEYS, ORGANISATIONS])
def test_a_search_is_posted_and_keeps_the_filters(world: World, support: Client, listing: str) -> None:
    html = support.get(listing, {"q": "x", "when": "2026"}).content.decode()
    form = parse(html[html.index("<html") :]).by_id("changelist-search")
    assert (form.attributes["method"], form.attributes["action"]) == ("post", f"{listing}find/")
    sent = {
        field.attributes["name"]: field.attributes.get("value", "")
        for field in form.all("input")
        if field.attributes.get("name")
    }
    answer = support.post(f"{listing}find/", {**sent, "q": " Alice "})
    assert answer["Location"] == f"{listing}?q=Alice&when=2026"
    assert support.get(f"{listing}find/").status_code == 405


@pytest.mark.parametrize("listing", [KEYS, ORGANISATIONS])
def test_a_whole_key_is_searched_for_by_its_id(world: World, support: Client, listing: str, caplog) -> None:
    key = world.alice.live_key
    answer = support.post(f"{listing}find/", {"q": f"the key is {key}."}, follow=True)
    found = ApiKey.objects.get(organisation=world.alice.org_id, mode="live")
    assert answer.redirect_chain == [(f"{listing}?q={found.pk}", 302)]
    assert "should be revoked" in messages(answer)[0]
    assert (found.pk in answer.content.decode(), key in answer.content.decode()) == (True, False)
    assert key not in caplog.text


def test_a_key_that_is_none_of_ours_is_not_said_again(world: World, support: Client) -> None:
    answer = support.post(f"{KEYS}find/", {"q": f"{world.alice.live_key}x"}, follow=True)
    assert answer.redirect_chain == [(f"{KEYS}?q=", 302)]
    assert "No key is exactly this" in messages(answer)[0]


@pytest.mark.parametrize("path", [KEYS, f"{KEYS}csv/", ORGANISATIONS, "/admin/billing/payment/", "/admin/"])
def test_no_page_answers_at_an_address_with_a_whole_key(world: World, support: Client, path: str) -> None:
    before = AuditEntry.objects.count()
    for query in ({"q": world.alice.live_key, "o": "1"}, {"next": f"/admin/?q={world.alice.test_key}", "o": "1"}):
        answer = support.get(path, query)
        assert (answer.status_code, answer["Location"]) == (302, f"{path}?o=1")
    assert "Have the key revoked" in messages(support.get(KEYS))[0]
    assert AuditEntry.objects.count() == before


def test_a_stranger_is_not_led_to_the_login_with_a_key(world: World) -> None:
    answer = Client().get(KEYS, {"q": world.alice.live_key})
    assert (answer.status_code, answer["Location"]) == (302, KEYS)


def test_who_may_not_see_a_table_does_not_search_it(world: World) -> None:
    assert staff_client(make_staff()).post(f"{KEYS}find/", {"q": "x"}).status_code == 403
    assert Client().post(reverse("admin:accounts_apikey_find"), {"q": "x"}).status_code == 302


@pytest.mark.parametrize(
    "term", ["", "abc", "abcde", "zt_live_sk_", "zt_live_sk_…", "zt_prod_sk_abcd", "ab d", "zt_live_sk_…abc|"]
)
def test_what_shows_no_end_of_a_key(term: str) -> None:
    assert as_last_four(term) is None
