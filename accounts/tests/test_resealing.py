"""Encryption keys change without a secret getting lost."""

from collections.abc import Iterator
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import call_command

from accounts import resealing
from accounts.models import Mail, Organisation, User, WebhookEndpoint
from accounts.webhooks import endpoint, signing
from zupertry.core.crypto import reseal, seal, unseal
from zupertry.testing.world import World

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def old_secrets(settings, world: World) -> list[str]:
    """Secrets of each kind that the old key sealed, when the new one stands before it; in the order of `read_all`."""
    settings.ENCRYPTION_KEYS = [OLD]
    for organisation in Organisation.objects.all():
        WebhookEndpoint.objects.filter(organisation=organisation).update(sealed_secret=seal(signing.generate_secret()))
        endpoint.rotate(organisation, actor="system")
    Mail.objects.create(organisation=world.organisation, kind="a", reference="a", sealed_secrets=seal("in a mail"))
    Mail.objects.create(organisation=world.organisation, kind="b", reference="b")
    alice = User.objects.get(email="alice@example.com")
    for type_, data in {
        Authenticator.Type.TOTP: {"secret": seal("of an app")},
        Authenticator.Type.RECOVERY_CODES: {"migrated_codes": [seal("one"), seal("two")], "used_mask": 1},
        Authenticator.Type.WEBAUTHN: {"name": "Laptop", "passwordless": True},
    }.items():
        Authenticator.objects.create(user=alice, type=type_, data=data)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    return list(read_all())


def read_all() -> Iterator[str]:
    for row in WebhookEndpoint.objects.order_by("pk"):
        yield unseal(row.sealed_secret)
        yield unseal(row.sealed_previous_secret)
    yield unseal(Mail.objects.get(kind="a").sealed_secrets)
    yield unseal(Authenticator.objects.get(type=Authenticator.Type.TOTP).data["secret"])
    codes = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).data
    yield from map(unseal, codes["migrated_codes"])
    yield str(codes["used_mask"])


def rotate(*options: str) -> tuple[int, str]:
    """Run the command, and return its exit status with what it printed."""
    printed = StringIO()
    try:
        call_command("rotate_encryption_keys", *options, stdout=printed)
    except SystemExit as exit_:
        return int(exit_.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def test_afterwards_the_new_key_alone_reads_every_secret(settings, old_secrets):
    assert rotate()[0] == 0
    settings.ENCRYPTION_KEYS = [NEW]
    assert list(read_all()) == old_secrets
    assert Mail.objects.get(kind="b").sealed_secrets == ""
    assert Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN).data == {"name": "Laptop", "passwordless": True}


def test_looking_counts_what_is_left_and_changes_nothing(settings, old_secrets):
    status, printed = rotate("--check")
    assert status == 1
    assert "second factors: 0 sealed anew, 2 left" in printed
    settings.ENCRYPTION_KEYS = [OLD]
    assert list(read_all()) == old_secrets


def test_a_second_time_there_is_nothing_to_do(old_secrets, monkeypatch):
    monkeypatch.setattr(resealing, "BATCH", 1)
    rotate()
    before = list(WebhookEndpoint.objects.values_list("sealed_secret", flat=True).order_by("pk"))
    status, printed = rotate()
    assert status == 0
    assert "the others can be taken out" in printed
    assert "webhook secrets: 0 sealed anew, 0 left" in printed
    assert before == list(WebhookEndpoint.objects.values_list("sealed_secret", flat=True).order_by("pk"))


def test_what_no_key_reads_is_named_and_stays(settings, old_secrets):
    settings.ENCRYPTION_KEYS = [NEW]
    status, printed = rotate()
    assert status == 1
    assert all(str(row.pk) in printed for row in WebhookEndpoint.objects.all())
    assert "no key reads 1: " + Mail.objects.get(kind="a").id in printed
    settings.ENCRYPTION_KEYS = [OLD]
    assert list(read_all()) == old_secrets


def test_a_code_that_is_used_meanwhile_stays_used(old_secrets, monkeypatch):
    """Recovery codes and their seed are one value: writing it back would make a used code usable again."""
    codes = Authenticator.objects.filter(type=Authenticator.Type.RECOVERY_CODES)

    def used_just_now(sealed: str) -> str:
        data = codes.get().data
        if sealed in data["migrated_codes"]:
            codes.update(data={**data, "used_mask": 3})
        return reseal(sealed)

    monkeypatch.setattr(resealing, "reseal", used_just_now)
    status, printed = rotate()
    assert (status, codes.get().data["used_mask"]) == (1, 3)
    assert "Run this again" in printed
    monkeypatch.undo()
    assert rotate()[0] == 0
    assert codes.get().data["used_mask"] == 3


def test_every_sealed_column_is_known():
    sealed = {
        (model, column.name)
        for model in apps.get_models()
        for column in model._meta.get_fields()
        if column.name.startswith("sealed")
    }
    assert sealed
    assert sealed <= {(kind.model, kind.column) for kind in resealing.KINDS}
