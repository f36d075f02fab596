import pytest
from cryptography.fernet import Fernet, InvalidToken

from zupertry.core.crypto import seal, unseal

SECRET = "whsec_" + "ä" * 40


def test_what_is_sealed_can_be_read_again_and_looks_different_each_time() -> None:
    first, second = seal(SECRET), seal(SECRET)
    assert first != second
    assert SECRET not in first
    assert unseal(first) == unseal(second) == SECRET


def test_keys_are_rotated_by_putting_the_new_one_first(settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    sealed_before = seal(SECRET)
    settings.ENCRYPTION_KEYS = [new, old]
    sealed_after = seal(SECRET)
    assert unseal(sealed_before) == SECRET
    settings.ENCRYPTION_KEYS = [new]
    assert unseal(sealed_after) == SECRET
    with pytest.raises(InvalidToken):
        unseal(sealed_before)


def test_a_changed_text_is_refused() -> None:
    sealed = seal(SECRET)
    with pytest.raises(InvalidToken):
        unseal(sealed[:-10] + ("A" * 10))
