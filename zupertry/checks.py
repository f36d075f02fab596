"""What has to hold before anything starts. Each problem is one line that says what is wrong and what to do."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning
from django.urls import URLResolver, get_resolver

from billing import tax
from zupertry.environment import make_private_folder
from zupertry.misspelt import misspelt, unknown
from zupertry.shapes import misshapen

CALM_LEASE_SECONDS = 10

log = structlog.get_logger(__name__)


@checks.register("zupertry")
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Return every missing or incoherent setting."""
    del app_configs
    messages = [
        *settings.ENVIRONMENT.problems,
        *misspelt(),
        *misshapen(),
        *_admin(),
        *_secrets(),
        *_data(),
        *_pictures(),
        *_engine(),
        *_stripe(),
        *_razorpay(),
        *_monitoring(),
        *_folders(),
    ]
    errors: list[CheckMessage] = [
        Error(message, id=f"zupertry.E{number:03}") for number, message in enumerate(messages, 1)
    ]
    return [*errors, *_warnings()]


def refuse_to_start(*, alone: bool = False) -> None:
    """Print what is wrong and leave with status 1, unless nothing is. Warnings are logged.

    `alone` says that web, worker and beat are this one process; otherwise they need a broker between them.
    """
    problems, warnings = problems_and_warnings()
    if not alone and settings.ON_ONE_MACHINE and settings.CELERY_BROKER_URL.startswith("memory:"):
        problems.append(
            "REDIS_URL is not set, but web, worker and beat reach each other through it: no job would ever run. "
            "Set it to a Redis or Valkey, such as redis://host:6379/0, or run all in one process: manage.py up"
        )
    if problems:
        raise SystemExit("Zupertry does not start:\n" + "\n".join(f"  - {problem}" for problem in problems))
    for message in warnings:
        log.warning(message)


def problems_and_warnings() -> tuple[list[str], list[str]]:
    """Return what keeps every process from starting, and what does not."""
    found = [message for message in checks.run_checks() if not message.is_silenced()]
    problems = [str(message.msg) for message in found if message.is_serious()]
    return problems, [str(message.msg) for message in found if not message.is_serious()]


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
    if not settings.ON_ONE_MACHINE and any(len(key) < 32 for key in settings.SECRET_KEY_FALLBACKS):
        yield "SECRET_KEY_FALLBACKS has a key of less than 32 characters, which could be guessed. Leave that one out."


def _admin() -> Iterator[str]:
    """Say where other pages are at the address of staff's."""
    if settings.ADMIN_PATH.partition("/")[0] in {"static", *_first_segments(get_resolver().url_patterns)}:
        yield f"ADMIN_PATH is “{settings.ADMIN_PATH}”, where other pages are. Choose another path, such as staff-7f3a/"


def _first_segments(patterns: Iterable[Any]) -> Iterator[str]:
    """Give what the paths of all routes but the admin's begin with."""
    for pattern in patterns:
        if getattr(pattern, "app_name", "") == "admin":
            continue
        if path := str(pattern.pattern):
            yield path.partition("/")[0]
        else:
            yield from _first_segments(pattern.url_patterns if isinstance(pattern, URLResolver) else ())


def _data() -> Iterator[str]:
    if settings.ENVIRONMENT.text("CELERY_BROKER_URL") and not settings.REDIS_URL:
        yield (
            "CELERY_BROKER_URL is set, but REDIS_URL is not, in which processes count what they have to share. "
            "Set it to a Redis or Valkey, such as redis://host:6379/0, or unset CELERY_BROKER_URL."
        )
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if sqlite and not settings.ON_ONE_MACHINE:
        yield (
            "REDIS_URL is set, which means several processes, but DATABASE_URL is SQLite. "
            "Set DATABASE_URL to a PostgreSQL, such as postgres://user:password@host:5432/zupertry, or unset REDIS_URL."
        )


def _pictures() -> Iterator[str]:
    env = settings.ENVIRONMENT
    for name, storage in _OF_STORAGE.items():
        if env.text(name) and settings.STORAGE == "file":
            yield f"{name} is set, but STORAGE is file. Set STORAGE={storage}, or unset {name}."
    if env.text("GS_SA_EMAIL") and settings.STORAGE == "gcs" and not settings.GS_IAM_SIGN_BLOB:
        yield "GS_SA_EMAIL is set, but GS_IAM_SIGN_BLOB is not. Set GS_IAM_SIGN_BLOB=true, or unset GS_SA_EMAIL."
    if settings.STORAGE != "file" and not settings.STORAGE_BUCKET:
        yield f"STORAGE is {settings.STORAGE}, but STORAGE_BUCKET is not set. Name the bucket that keeps the pictures."
    if settings.STORAGE == "s3":
        yield from _s3()
    if settings.STORAGE == "gcs" and not settings.GS_IAM_SIGN_BLOB and _google_key().get("type") != "service_account":
        yield (
            "STORAGE is gcs, which signs links to pictures with the private key of a service account. "
            "Point GOOGLE_APPLICATION_CREDENTIALS at the key file of one, or set GS_IAM_SIGN_BLOB."
        )


_OF_STORAGE = {
    "STORAGE_BUCKET": "s3 or STORAGE=gcs",
    "AWS_S3_REGION_NAME": "s3",
    "AWS_S3_ENDPOINT_URL": "s3",
    "GS_SA_EMAIL": "gcs",
}


def _s3() -> Iterator[str]:
    env = settings.ENVIRONMENT
    if bool(env.text("AWS_ACCESS_KEY_ID")) != bool(env.text("AWS_SECRET_ACCESS_KEY")):
        yield "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set. Set both, or neither to use a role's."
    if not (env.text("AWS_S3_REGION_NAME") or env.text("AWS_S3_ENDPOINT_URL")):
        yield "STORAGE is s3, but AWS_S3_REGION_NAME is not set. Give the bucket's region, such as eu-central-1."


def _engine() -> Iterator[str]:
    env = settings.ENVIRONMENT
    if env.text("VERTEX_API_ENDPOINT") and not (settings.VERTEX_PROJECT or env.text("TRYON_ENGINE")):
        yield (
            "VERTEX_API_ENDPOINT is set, but VERTEX_PROJECT is not, so live jobs would get the local preview. "
            "Set VERTEX_PROJECT too, such as shop-pictures-417, or say TRYON_ENGINE=local."
        )
    if settings.TRYON_ENGINE == "vertex":
        if not settings.VERTEX_PROJECT:
            yield "TRYON_ENGINE is vertex, but VERTEX_PROJECT is not set. Give the id of the Google Cloud project."
        if settings.GOOGLE_APPLICATION_CREDENTIALS and not _google_key():
            yield (
                f"GOOGLE_APPLICATION_CREDENTIALS names “{settings.GOOGLE_APPLICATION_CREDENTIALS}”, "
                "which is no key file of Google's. Point it at one."
            )
    elif find_spec("cv2") is None:
        yield "TRYON_ENGINE is local, but OpenCV is not installed. Run: make install"


def _google_key() -> dict[str, Any]:
    """Return what the credentials' file says; nothing when there is none."""
    try:
        content = json.loads(Path(settings.GOOGLE_APPLICATION_CREDENTIALS).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _stripe() -> Iterator[str]:
    env = settings.ENVIRONMENT
    key, publishable = env.text("STRIPE_SECRET_KEY"), env.text("STRIPE_PUBLISHABLE_KEY")
    yield from _missing_half("STRIPE_SECRET_KEY", {"STRIPE_WEBHOOK_SECRET": env.text("STRIPE_WEBHOOK_SECRET")})
    if settings.STRIPE_AUTOMATIC_TAX and not key:
        yield "STRIPE_AUTOMATIC_TAX is on, but STRIPE_SECRET_KEY is not set. Set it, such as sk_live_…, or unset it."
    mode = re.match(r"[sr]k_(test|live)_.", key)
    if key and not mode:
        yield (
            "STRIPE_SECRET_KEY is no secret key of Stripe's. Copy one from Stripe's dashboard, under Developers, "
            "API keys: it begins with sk_live_, rk_live_, sk_test_ or rk_test_."
        )
    if publishable and (not mode or not publishable.startswith(f"pk_{mode[1]}_")):
        yield (
            "STRIPE_PUBLISHABLE_KEY does not go with STRIPE_SECRET_KEY. Copy the one that stands beside it: "
            "pk_live_… with a live key, pk_test_… with a test key. Or unset it."
        )
    if not all(secret.startswith("whsec_") for secret in env.items("STRIPE_WEBHOOK_SECRET")):
        yield (
            "STRIPE_WEBHOOK_SECRET is no signing secret of Stripe's. Copy the one of the event destination "
            f"{settings.PUBLIC_URL}/gateway-events/stripe: it begins with whsec_. Two are separated by a comma."
        )


def _razorpay() -> Iterator[str]:
    env = settings.ENVIRONMENT
    key = env.text("RAZORPAY_KEY_ID")
    secrets = {name: env.text(name) for name in ("RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET")}
    yield from _missing_half("RAZORPAY_KEY_ID", secrets)
    if key and not re.match(r"rzp_(test|live)_.", key):
        yield (
            "RAZORPAY_KEY_ID is no key id of Razorpay's. Copy it from Razorpay's dashboard, under API keys: "
            "it begins with rzp_live_ or rzp_test_."
        )
    if key:
        yield from _seller()


def _missing_half(key: str, secrets: Mapping[str, str]) -> Iterator[str]:
    """Say which secrets of a gateway are missing beside its key, and which are set without it."""
    given = settings.ENVIRONMENT.text(key)
    for name, secret in secrets.items():
        if given and not secret:
            yield f"{key} is set, but {name} is not. {_WHERE_SECRETS_ARE[name].format(settings.PUBLIC_URL)}"
        if secret and not given:
            yield f"{name} is set, but {key} is not. Set {key} too, or unset {name}."


_WHERE_SECRETS_ARE = {
    "STRIPE_WEBHOOK_SECRET": (
        "In Stripe's dashboard add the event destination {}/gateway-events/stripe, and copy its signing secret: whsec_…"
    ),
    "RAZORPAY_KEY_SECRET": "Copy it from Razorpay's dashboard, where it is shown once, when the key is made.",
    "RAZORPAY_WEBHOOK_SECRET": (
        "In Razorpay's dashboard add the webhook {}/gateway-events/razorpay, "
        "with a long random secret, and set the same here."
    ),
}


def _seller() -> Iterator[str]:
    """Say what is missing or wrong of what tax invoices in India have to name."""
    for name, what in _SELLER.items():
        if not settings.SELLER[name]:
            yield f"RAZORPAY_KEY_ID is set, but SELLER_{name.upper()} is not, which tax invoices have to name. {what}"
    gstin, sac = settings.SELLER["gstin"], settings.SELLER["sac"]
    if gstin and not _is_gstin(gstin):
        yield (
            f"SELLER_GSTIN is “{gstin}”, which is no GSTIN: its state, its form or its check digit is wrong. "
            "Copy it from the registration certificate: 15 characters, such as 27AAPFU0939F1ZV."
        )
    if not re.fullmatch("[0-9]{6}", sac):
        yield f"SELLER_SAC is “{sac}”, but has to be a service accounting code of six digits, such as 998319."


_SELLER = {
    "name": "Give the legal name, as on the GST registration.",
    "address": "Give the registered address in one line, such as 12 MG Road, Bengaluru 560001, Karnataka, India.",
    "gstin": "Give the GSTIN: 15 characters, such as 27AAPFU0939F1ZV.",
}


def _is_gstin(text: str) -> bool:
    try:
        return tax.clean_gstin(text) == text
    except ValueError:
        return False


def _monitoring() -> Iterator[str]:
    if settings.METRICS_PORT and settings.METRICS_PORT == settings.PORT:
        yield f"METRICS_PORT and PORT are both {settings.PORT}. Give METRICS_PORT another one, such as 9100."


def _folders() -> Iterator[str]:
    try:
        make_private_folder(settings.VAR_DIR)
    except OSError as error:
        yield f"VAR_DIR is {settings.VAR_DIR}, which can't be made: {error.strerror}. Choose another folder."
    else:
        if not os.access(settings.VAR_DIR, os.W_OK):
            yield f"VAR_DIR is {settings.VAR_DIR}, which can't be written. Choose another folder or change its owner."


def _warnings() -> Iterator[CheckMessage]:
    for message in unknown():
        yield Warning(message, id="zupertry.W005")
    if settings.DEBUG and not settings.ON_ONE_MACHINE:
        yield Warning("DEBUG is on, and shows settings and source to visitors. Unset it.", id="zupertry.W001")
    on_this_machine = urlsplit(settings.PUBLIC_URL).hostname in ("localhost", "127.0.0.1", "::1")
    if settings.PUBLIC_URL.startswith("http:") and not settings.ON_ONE_MACHINE and not on_this_machine:
        yield Warning(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: keys and pictures travel in the clear. Make it https://…",
            id="zupertry.W002",
        )
    if settings.JOB_LEASE_SECONDS < CALM_LEASE_SECONDS:
        yield Warning(
            f"JOB_LEASE_SECONDS is {settings.JOB_LEASE_SECONDS}: a worker that pauses for as long loses its jobs "
            f"to another. Make it {CALM_LEASE_SECONDS} or more.",
            id="zupertry.W003",
        )
    if not settings.ON_ONE_MACHINE and not settings.ENVIRONMENT.text("EMAIL_URL"):
        yield Warning(
            "EMAIL_URL is not set: mails go to files in VAR_DIR that nobody reads. "
            "Give the server that sends them, such as smtp+tls://user:password@host:587",
            id="zupertry.W004",
        )
    if not settings.ON_ONE_MACHINE and not settings.SUPPORT_EMAIL:
        yield Warning(
            "SUPPORT_EMAIL is not set: customers are told to write, and not where to. "
            "Give an address that somebody reads, such as support@example.com",
            id="zupertry.W006",
        )
