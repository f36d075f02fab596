"""What has to hold before anything starts. Each problem is one line that says what is wrong and what to do."""

import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning


@checks.register("zupertry")
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Return every missing or incoherent setting."""
    del app_configs
    messages = [*settings.ENVIRONMENT.problems, *_secrets(), *_data(), *_engine(), *_folders()]
    errors: list[CheckMessage] = [
        Error(message, id=f"zupertry.E{number:03}") for number, message in enumerate(messages, 1)
    ]
    return [*errors, *_warnings()]


def refuse_to_start() -> None:
    """Print what is wrong and leave with status 1, unless nothing is. For processes that no command starts."""
    problems = [message for message in checks.run_checks() if message.is_serious() and not message.is_silenced()]
    if problems:
        raise SystemExit("Zupertry does not start:\n" + "\n".join(f"  - {problem.msg}" for problem in problems))


def _secrets() -> Iterator[str]:
    for number, key in enumerate(settings.ENCRYPTION_KEYS, 1):
        try:
            Fernet(key)
        except ValueError:
            yield (
                f"ENCRYPTION_KEYS: key {number} is not a Fernet key (32 bytes in URL-safe base64). Make one with: "
                'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            )
    if not settings.ON_ONE_MACHINE and len(settings.SECRET_KEY) < 32:
        yield "SECRET_KEY is shorter than 32 characters, and could be guessed. Make a longer one."


def _data() -> Iterator[str]:
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if sqlite and not settings.ON_ONE_MACHINE:
        yield (
            "REDIS_URL is set, which means several processes, but DATABASE_URL is SQLite. "
            "Set DATABASE_URL to a PostgreSQL, such as postgres://user:password@host:5432/zupertry, or unset REDIS_URL."
        )
    if settings.STORAGE != "file" and not settings.STORAGE_BUCKET:
        yield f"STORAGE is {settings.STORAGE}, but STORAGE_BUCKET is not set. Name the bucket that keeps the pictures."
    if settings.REDIS_URL and not settings.REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
        yield f"REDIS_URL is “{settings.REDIS_URL}”, but has to start with redis://, rediss:// or unix://."


def _engine() -> Iterator[str]:
    if settings.TRYON_ENGINE == "vertex":
        if not settings.VERTEX_PROJECT:
            yield "TRYON_ENGINE is vertex, but VERTEX_PROJECT is not set. Give the id of the Google Cloud project."
        credentials = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        if credentials and not Path(credentials).is_file():
            yield f"GOOGLE_APPLICATION_CREDENTIALS names “{credentials}”, which is no file. Point it at the key file."
    elif find_spec("cv2") is None:
        yield "TRYON_ENGINE is local, but OpenCV is not installed. Run: make install"


def _folders() -> Iterator[str]:
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        yield f"VAR_DIR is {settings.VAR_DIR}, which can't be made: {error.strerror}. Choose another folder."
    else:
        if not os.access(settings.VAR_DIR, os.W_OK):
            yield f"VAR_DIR is {settings.VAR_DIR}, which can't be written. Choose another folder or change its owner."


def _warnings() -> Iterator[CheckMessage]:
    if settings.DEBUG and not settings.ON_ONE_MACHINE:
        yield Warning("DEBUG is on, and shows settings and source to visitors. Unset it.", id="zupertry.W001")
