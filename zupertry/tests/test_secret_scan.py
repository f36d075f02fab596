"""`make lint` finds keys that were committed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from accounts import api_keys
from accounts.models import Mode
from zupertry.environment import make_encryption_key, make_secret_key
from zupertry.testing.service import ROOT

BASELINE = ROOT / ".secrets.baseline"
HOOK = [str(Path(sys.executable).parent / "detect-secrets-hook"), "--no-verify", "--baseline", str(BASELINE)]


@pytest.mark.parametrize(
    "secret",
    [
        api_keys.generate(Mode.LIVE),
        make_secret_key(),
        make_encryption_key(),
        "AKIA" + "Q2W3E4R5T6Y7U8I9",
        "sk_live_" + "51H8xYzKqWeRtYuIoPaSdFgHj",
        "-----BEGIN " + "PRIVATE KEY-----",
        "postgres://zupertry:" + "hunter-two@db.internal/zupertry",
    ],
    ids=["live key", "secret key", "encryption key", "aws", "stripe", "private key", "database"],
)
def test_a_key_is_found(tmp_path: Path, secret: str) -> None:
    (tmp_path / "settings.py").write_text(f'KEY = "{secret}"\n')
    done = subprocess.run([*HOOK, "settings.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "settings.py:1" in done.stdout


def test_nothing_that_was_found_is_kept_as_known() -> None:
    """What is no secret is left out by what it looks like: a list by line would have to follow every edit."""
    assert json.loads(BASELINE.read_text())["results"] == {}
