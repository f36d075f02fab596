"""The pages of API keys."""

import re

import pytest
from django.urls import reverse

from accounts import api_keys
from accounts.models import ApiKey, AuditEntry, Mode, Organisation
from zupertry.testing.api import ApiClient, refusal
from zupertry.testing.page import Element, parse

KEYS = reverse("developers:keys")


def page(answer, status=200) -> Element:
    assert answer.status_code == status
    return parse(answer.content.decode())


def key_of(organisation: Organisation, mode="live") -> ApiKey:
    return organisation.api_keys.get(mode=mode)


def do(client, what: str, key: ApiKey):
    return client.post(reverse(f"developers:{what}-key", args=[key.id]), follow=True)


def account(text: str):
    return ApiClient(text).get("/v1/account")


def test_a_new_key_is_shown_once_with_a_way_to_copy_it_and_works_at_once(developer, alice):
    made = developer.post(KEYS, {"name": "Shop", "mode": "test"}, follow=True)

    text = page(made).by_id("new-key").text
    assert page(made).all("button", class_="small")[-1].attributes["data-copy"] == "new-key"
    assert "no-store" in made["Cache-Control"]
    assert account(text).json()["org_id"] == alice.id
    listed = page(developer.get(KEYS)).text
    assert f"zt_test_sk_…{text[-4:]}" in listed
    assert text not in listed
    entry = AuditEntry.objects.get(action="api_key.created", details__name="Shop")
    assert re.fullmatch(r"user:usr_\w+", entry.actor)


def test_a_reload_of_the_new_key_makes_no_other_and_does_not_show_it_again(developer, alice):
    made = developer.post(KEYS, {"name": "Shop", "mode": "test"})
    text = page(developer.get(made["Location"])).by_id("new-key").text

    again = page(developer.get(made["Location"])).text

    assert "shown already" in again
    assert text not in again
    assert alice.api_keys.filter(name="Shop").count() == 1


def test_the_text_of_a_key_lies_sealed_in_the_session_and_only_until_it_is_shown(developer):
    made = developer.post(KEYS, {"name": "Shop", "mode": "test"})
    assert "zt_test_sk_" not in str(dict(developer.session))
    developer.get(made["Location"])
    assert "new_key" not in developer.session


def test_a_key_without_a_name_is_asked_for_one_and_the_mode_stays_chosen(owner):
    html = page(owner.post(KEYS, {"name": " ", "mode": "live"}), 422)
    assert html.by_id("id_name_error").text == "Give it a name."
    assert [o.attributes["value"] for o in html.all("option") if "selected" in o.attributes] == ["live"]


def test_the_eleventh_key_is_refused_in_words_and_the_form_goes(owner, alice):
    for number in range(8):
        api_keys.create(alice, Mode.TEST, f"{number}", actor="system")
    assert "There are 10 keys already" in page(owner.get(KEYS)).text
    html = page(owner.post(KEYS, {"name": "One more", "mode": "test"}), 429)
    assert "There are 10 keys already" in html.all("div", class_="bad")[0].text
    assert html.by_id("id_name").attributes["value"] == "One more"


def test_a_key_is_off_on_and_revoked_from_the_next_request_on(owner, world, alice):
    key = key_of(alice)
    assert account(world.alice.live_key).status_code == 200

    assert "is off" in page(do(owner, "disable", key)).text
    refusal(account(world.alice.live_key), 401, "api_key_disabled")
    assert "is on again" in page(do(owner, "enable", key)).text
    assert account(world.alice.live_key).status_code == 200
    assert "revoked, for good" in page(do(owner, "revoke", key)).text
    refusal(account(world.alice.live_key), 401, "api_key_revoked")

    actions = AuditEntry.objects.filter(subject=key.id).exclude(action="api_key.created").order_by("pk")
    assert [entry.action for entry in actions] == ["api_key.disabled", "api_key.enabled", "api_key.revoked"]


def test_revoking_asks_first(owner, alice):
    key = key_of(alice)
    html = page(owner.get(reverse("developers:revoke-key", args=[key.id])))
    assert "Revoke “First live key”?" in html.all("h1")[0].text
    assert ApiKey.objects.get(pk=key.pk).status == "active"


@pytest.mark.parametrize("what", ["disable", "enable", "revoke"])
def test_a_revoked_key_never_changes_again(owner, alice, what):
    key = key_of(alice)
    api_keys.revoke(key, actor="system")
    before = AuditEntry.objects.count()

    do(owner, what, key)

    assert ApiKey.objects.get(pk=key.pk).status == "revoked"
    assert AuditEntry.objects.count() == before


def test_when_a_key_was_used_last_is_shown(owner, world):
    assert page(owner.get(KEYS)).text.count("never used") == 2
    account(world.alice.live_key)
    html = page(owner.get(KEYS))
    assert "last used" in html.text
    assert html.text.count("never used") == 1


def test_the_list_takes_as_many_queries_for_one_key_as_for_all(owner, alice, django_assert_num_queries):
    with django_assert_num_queries(5):  # session, user, memberships, keys, revoked keys
        owner.get(KEYS)
    for number in range(50):
        key, _ = api_keys.create(alice, Mode.TEST, f"{number}", actor="system")
        if number < 45:
            api_keys.revoke(key, actor="system")
    with django_assert_num_queries(5):
        owner.get(KEYS)
