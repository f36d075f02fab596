"""Reads settings from the environment, and remembers what is wrong with them instead of raising.

`checks.py` reports the problems, in words, before anything starts.
"""

import io
import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import environ
from cryptography.fernet import Fernet

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST = 1_000_000
_LINE = re.compile(r"\s*(#.*)?|(export )?[A-Za-z_][A-Za-z_0-9]*=.*")


def env_file(default: Path) -> Path | None:
    """Return the file that `ZUPERTRY_ENV_FILE` names (none if that is empty), else `default` where it exists."""
    named = os.environ.get("ZUPERTRY_ENV_FILE")
    if named is None:
        return default if default.exists() else None
    return Path(named) if named else None


class Environment:
    """The process's environment, with what a `.env` file adds to it."""

    def __init__(self, file: Path | None) -> None:
        self.problems: list[str] = []
        self.asked: set[str] = set()
        """The names of all settings that were read."""
        if file:
            self._read(file)

    def text(self, name: str, default: str = "") -> str:
        """Return the value as it stands; an empty one counts as missing, and hides the file's."""
        self.asked.add(name)
        return os.environ.get(name, "").strip() or default

    def items(self, name: str, default: str = "") -> list[str]:
        """Return a comma-separated list, blanks dropped."""
        return [item.strip() for item in self.text(name, default).split(",") if item.strip()]

    def whole(self, name: str, default: int, *, least: int = 1, most: int = MOST) -> int:
        """Return a whole number from `least` to `most`."""

        def parse(text: str) -> int:
            if not least <= (number := int(text)) <= most:
                raise ValueError(text)
            return number

        wanted = f"a whole number from {least} to {most}, such as {default}"
        return self._parse(name, str(default), parse, wanted, default)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        words = {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }
        return self._parse(name, str(default), lambda text: words[text.lower()], "true or false", default)

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """Return one of `choices`."""

        def parse(text: str) -> str:
            return choices[choices.index(text)]

        return self._parse(name, default, parse, "one of " + ", ".join(choices), default)

    def seconds(self, name: str, default: str) -> list[int]:
        """Return a comma-separated list of delays in seconds."""

        def parse(text: str) -> list[int]:
            delays = [int(item) for item in text.split(",")]
            if min(delays) < 1:
                raise ValueError(text)
            return delays

        return self._parse(name, default, parse, f"seconds separated by commas, such as {default}", parse(default))

    def networks(self, name: str) -> list[Network]:
        """Return a comma-separated list of CIDRs."""

        def parse(text: str) -> list[Network]:
            return [ipaddress.ip_network(item.strip()) for item in text.split(",") if item.strip()]

        return self._parse(name, "", parse, "CIDRs separated by commas, such as 10.0.0.0/8,127.0.0.1/32", [])

    def base_url(self, name: str, default: str) -> str:
        """Return an http(s) address with no user, path, query or trailing slash."""

        def parse(text: str) -> str:
            parts = _server(text, ["http", "https"])
            if parts.username or parts.path.strip("/") or parts.query or parts.fragment:
                raise ValueError(text)
            return text.rstrip("/")

        return self._parse(name, default, parse, "an address such as https://app.example.com", default)

    def server(self, name: str, schemes: Sequence[str], example: str) -> str:
        """Return the address of a server that speaks one of `schemes`; empty when it is not set."""

        def parse(text: str) -> str:
            parts = _server(text, schemes)
            if parts.scheme.startswith("redis") and not re.fullmatch("/?[0-9]*", parts.path):
                raise ValueError(text)
            return parts.geturl()

        return self._parse(name, "", parse, f"an address such as {example}", "")

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's settings for a `sqlite:///…` or `postgres://…` address; for a wrong one those of no database.

        What was meant for one database must not go to another, not even to the default.
        """
        none: dict[str, Any] = {"ENGINE": "django.db.backends.dummy", "NAME": ""}

        def parse(text: str) -> dict[str, Any]:
            if not text.startswith(("sqlite://", "postgres://", "postgresql://")):
                raise ValueError(text)
            config: dict[str, Any] = environ.Env.db_url_config(text)
            if config["NAME"] in {"", ":memory:"}:  # nothing that threads and processes could share
                raise ValueError(text)
            return config

        return self._parse(name, default, parse, "an address such as postgres://user:password@host:5432/zupertry", none)

    def mail(self, name: str, default: Path) -> dict[str, Any]:
        """Return Django's `EMAIL_…` settings for a server's or a folder's address; of the folder `default` without one.

        `smtp://` is in the clear, `smtp+tls://` by STARTTLS, `smtps://` and `smtp+ssl://` TLS from the first byte.
        """

        def parse(text: str) -> dict[str, Any]:
            parts = urlsplit(text)
            if parts.scheme == "consolemail":
                return _MAIL | {"EMAIL_BACKEND": f"{_MAIL_BACKENDS}.console.EmailBackend"}
            if parts.scheme == "filemail" and not parts.netloc and parts.path.strip("/"):
                return _mail_folder(Path("/" + unquote(parts.path).lstrip("/")))
            return _mail_server(_server(text, [*_MAIL_PORTS]))

        wanted = "an address such as smtp+tls://user:password@host:587 or filemail:///srv/mail"
        return self._parse(name, "", parse, wanted, _mail_folder(default))

    def kept_secret(self, name: str, folder: Path | None, make: Callable[[], str]) -> str:
        """Return a secret; when it is not set, make one and keep it in `folder` (None: it has to be set)."""
        if value := self.text(name):
            return value
        if folder is None:
            self.problems.append(f"{name} is not set. Make one with: {_HOW_TO_MAKE[name]}")
            return make()
        path = folder / name.lower()
        try:
            return _kept(path, make)
        except OSError as error:
            self.problems.append(f"{name} can't be kept in {path}: {error.strerror}. Set it, or another VAR_DIR.")
            return make()

    def _read(self, file: Path) -> None:
        """Add what the file says to the environment, which wins."""
        try:
            text = file.read_text("utf-8")
        except OSError as error:
            self.problems.append(f"{file} can't be read: {error.strerror}.")
        except UnicodeDecodeError:
            self.problems.append(f"{file} can't be read: it is not in UTF-8.")
        else:
            environ.Env.read_env(io.StringIO(text))
            wrong = [str(number) for number, line in enumerate(text.splitlines(), 1) if not _LINE.fullmatch(line)]
            if wrong:
                self.problems.append(f"{file}: line {', '.join(wrong)} is not NAME=value, without spaces around the =.")

    def _parse(self, name: str, default: str, parse: Callable[[str], T], wanted: str, fallback: T) -> T:
        text = self.text(name, default)
        if not text:
            return fallback
        try:
            return parse(text)
        except (ValueError, KeyError, IndexError):
            self.problems.append(f"{name} is “{_without_password(text)}”, but has to be {wanted}.")
            return fallback


def _server(text: str, schemes: Sequence[str]) -> SplitResult:
    """Return the parts of a server's address. Raises `ValueError`."""
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname or parts.port == 0:
        raise ValueError(text)
    return parts


_MAIL_BACKENDS = "django.core.mail.backends"
_MAIL: dict[str, Any] = {"EMAIL_USE_TLS": False, "EMAIL_USE_SSL": False}
_MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465, "smtps": 465}


def _mail_folder(folder: Path) -> dict[str, Any]:
    return _MAIL | {"EMAIL_BACKEND": "zupertry.core.mail_folder.EmailBackend", "EMAIL_FILE_PATH": str(folder)}


def _mail_server(parts: SplitResult) -> dict[str, Any]:
    """Return the settings for a mail server. Raises `ValueError` for an address with more than server and user."""
    if parts.path.strip("/") or parts.query or parts.fragment or bool(parts.username) != bool(parts.password):
        raise ValueError(parts.geturl())
    return _MAIL | {
        "EMAIL_BACKEND": f"{_MAIL_BACKENDS}.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or _MAIL_PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme in ("smtp+ssl", "smtps"),
    }


def make_private_folder(path: Path) -> None:
    """Make a folder that nobody but its owner looks into, unless there is one already. Raises `OSError`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _without_password(text: str) -> str:
    return re.sub("//.*@", "//…@", text)


_HOW_TO_MAKE = {
    "SECRET_KEY": 'python -c "import secrets; print(secrets.token_urlsafe(50))"',
    "ENCRYPTION_KEYS": 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
}


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read the secret in `path`, or write a new one there. Of two processes at once, both end with the same."""
    make_private_folder(path.parent)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def make_secret_key() -> str:
    """Return a new `SECRET_KEY`."""
    return secrets.token_urlsafe(50)


def make_encryption_key() -> str:
    """Return a new Fernet key for `ENCRYPTION_KEYS`."""
    return Fernet.generate_key().decode()
