"""The form of API keys, what is kept of them, and how many there may be."""

import re

import pytest
from django.utils import timezone

from accounts import api_keys
from accounts.models import MAX_API_KEYS, ApiKey, AuditEntry, Mode, Organisation
from zupertry.core.errors import Refusal


@pytest.mark.parametrize("mode", list(Mode))
def test_a_key_names_its_mode_and_is_well_formed(mode):
    key = api_keys.generate(mode)
    assert re.fullmatch(rf"zt_{mode.value}_sk_[0-9A-Za-z]{{49}}", key)
    assert api_keys.is_well_formed(key)


def test_keys_differ():
    assert len({api_keys.generate(Mode.LIVE) for _ in range(1000)}) == 1000


def test_any_single_mistyped_character_spoils_the_checksum():
    key = api_keys.generate(Mode.LIVE)
    start = len("zt_live_sk_")
    for place in range(start, len(key)):
        other = "a" if key[place] != "a" else "b"
        assert not api_keys.is_well_formed(key[:place] + other + key[place + 1 :])


def test_a_key_of_one_mode_is_none_of_the_other():
    assert not api_keys.is_well_formed(api_keys.generate(Mode.TEST).replace("_test_", "_live_"))


def test_only_a_digest_and_four_characters_are_kept(world):
    key, text = api_keys.create(world.organisation, Mode.TEST, "Shop", actor="user:test")
    row = ApiKey.objects.filter(id=key.id).values().get()
    assert text not in str(row)
    assert text[:-4] not in str(row)
    assert bytes(row["digest"]) != text.encode()
    assert row["last_four"] == text[-4:]
    assert api_keys.find(text) == key


def test_making_a_key_is_written_down_without_the_key(world):
    key, text = api_keys.create(world.organisation, Mode.TEST, "Shop", actor="user:test")
    entry = AuditEntry.objects.get(action="api_key.created", subject=key.id)
    assert (entry.actor, entry.details) == ("user:test", {"mode": "test", "name": "Shop"})
    assert text not in str(entry.details)


def test_there_are_at_most_10_keys_that_are_not_revoked(world):
    keys = [api_keys.create(world.organisation, Mode.TEST, f"{n}", actor="user:test")[0] for n in range(8)]
    assert ApiKey.objects.filter(organisation=world.organisation).count() == MAX_API_KEYS == 10
    with pytest.raises(Refusal) as refused:
        api_keys.create(world.organisation, Mode.LIVE, "one too many", actor="user:test")
    assert (refused.value.code, refused.value.status) == ("api_key_limit_reached", 429)

    ApiKey.objects.filter(id=keys[0].id).update(status=ApiKey.Status.DISABLED)
    with pytest.raises(Refusal):
        api_keys.create(world.organisation, Mode.LIVE, "a disabled one still counts", actor="user:test")
    ApiKey.objects.filter(id=keys[0].id).update(status=ApiKey.Status.REVOKED)
    api_keys.create(world.organisation, Mode.LIVE, "a revoked one does not", actor="user:test")


def test_a_request_that_was_in_flight_makes_no_key_for_an_organisation_that_is_closed(world):
    Organisation.objects.filter(pk=world.organisation.pk).update(closed_at=timezone.now())
    with pytest.raises(Refusal) as refused:
        api_keys.create(world.organisation, Mode.LIVE, "late", actor="user:test")
    assert refused.value.code == "forbidden"
