"""Mails that become files."""

from pathlib import Path

import pytest
from django.core.mail import EmailMessage

from zupertry.testing.environments import settings_in


def test_the_log_says_where_each_mail_went(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with settings_in({"ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(tmp_path)}):
        for code in ("11111111", "22222222"):
            EmailMessage(f"{code} is your code", "Type it in.", to=["alice@example.com"]).send()
    written = [record.msg for record in caplog.records if "mail_in_file" in str(record.msg)]
    assert len(written) == 2
    for line, code in zip(written, ("11111111", "22222222"), strict=True):
        assert isinstance(line, dict)
        path = Path(line["file"])
        assert path.parent == tmp_path / "mail"
        assert f"Subject: {code} is your code" in path.read_text()
        assert code not in str(line), "who reads logs can't use it"
