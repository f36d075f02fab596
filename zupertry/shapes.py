"""What the text of a setting has to look like, where it is not a number, an address or one of a few words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Shape:
    """A pattern for the whole text, and in words what it has to be, with an example. Secrets are not shown."""

    pattern: str
    wanted: str
    secret: bool = False


_ADDRESS = r"[^@\s<>]+@[^@\s<>]+"
SHAPES = {
    "HOST": Shape(
        r"[A-Za-z0-9][A-Za-z0-9.-]*|\[?[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*\]?",
        "the address to listen on, without a port, such as 127.0.0.1 or 0.0.0.0",
    ),
    "ADMIN_PATH": Shape(r"/?([A-Za-z0-9_~-][A-Za-z0-9._~-]*/?)+", "a path of letters and digits, such as staff-7f3a/"),
    "STORAGE_BUCKET": Shape(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", "the bare name of a bucket, such as shop-pictures"),
    "AWS_S3_REGION_NAME": Shape(r"[A-Za-z0-9_-]+", "the name of a region, such as eu-central-1"),
    "AWS_ACCESS_KEY_ID": Shape(r"\S+", "one word, such as AKIAIOSFODNN7EXAMPLE"),
    "GS_SA_EMAIL": Shape(_ADDRESS, "a service account's address, such as shop@project.iam.gserviceaccount.com"),
    "VERTEX_PROJECT": Shape(r"[a-z0-9][a-z0-9:.-]+", "the id of a project and not its name, such as shop-pictures-417"),
    "VERTEX_LOCATION": Shape(r"[a-z]+(-[a-z]+[0-9]+)?", "a region of Google Cloud or global, such as us-central1"),
    "VERTEX_MODEL": Shape(r"[a-z0-9.@-]+", "the bare id of a model, such as virtual-try-on-001"),
    "DEFAULT_FROM_EMAIL": Shape(rf"{_ADDRESS}|[^<>\r\n]*<{_ADDRESS}>", "an address such as Shop <hello@example.com>"),
    "SUPPORT_EMAIL": Shape(
        r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "a bare address, such as support@example.com"
    ),
    "METRICS_TOKEN": Shape(
        r"[\x21-\x7e]{16,}", "16 letters and digits or more, such as openssl rand -hex 32 gives", True
    ),
    "SENTRY_DSN": Shape(
        r"https?://[A-Za-z0-9]+(:[A-Za-z0-9]+)?@[^/\s]+/(\S+/)?[0-9]+",
        "the client key's address, such as https://key@o1.ingest.sentry.io/2",
        True,
    ),
}
_HOST = re.compile(r"\*|\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


def misshapen() -> Iterator[str]:
    """Say which settings do not look like what they have to be."""
    env = settings.ENVIRONMENT
    for name, shape in SHAPES.items():
        text = env.text(name)
        if text and not re.fullmatch(shape.pattern, text):
            found = "does not look right: it" if shape.secret else f"is “{text}”, but"
            yield f"{name} {found} has to be {shape.wanted}."
    for host in env.items("ALLOWED_HOSTS"):
        if not _HOST.fullmatch(host):
            yield f"ALLOWED_HOSTS has “{host}”, but has to be names without scheme and port, such as shop.example.com."
