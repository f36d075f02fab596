"""A row for each setting: wrong or half set, it is one line that says what, where, and what would be right."""

import os
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings

from zupertry.checks import check_settings
from zupertry.misspelt import known
from zupertry.testing.environments import settings_in
from zupertry.tests.test_settings import PRODUCTION, explained

STRIPE = {"STRIPE_SECRET_KEY": "sk_test_abc", "STRIPE_WEBHOOK_SECRET": "whsec_abc"}
RAZORPAY = {
    "RAZORPAY_KEY_ID": "rzp_test_abc",
    "RAZORPAY_KEY_SECRET": "hunter2",
    "RAZORPAY_WEBHOOK_SECRET": "hunter2",
    "SELLER_NAME": "Zupertry Ltd",
    "SELLER_ADDRESS": "12 MG Road, Bengaluru",
    "SELLER_GSTIN": "29AAPFU0939F1ZR",
}
S3 = {"STORAGE": "s3", "STORAGE_BUCKET": "pictures", "AWS_S3_REGION_NAME": "eu-central-1"}
GCS = {"STORAGE": "gcs", "STORAGE_BUCKET": "pictures", "GS_IAM_SIGN_BLOB": "true"}
VERTEX = {"VERTEX_PROJECT": "a-project"}

# name, what is wrong with it, what else is set, what the line says
ROWS: list[tuple[str, str, dict[str, str], str]] = [
    ("HOST", "0.0.0.0:8000", {}, "such as 127.0.0.1"),
    ("HOST", "http://localhost", {}, "such as 127.0.0.1"),
    ("PORT", "http", {}, "a whole number from 1 to 65535, such as 8000"),
    ("WEB_THREADS", "0", {}, "such as 32"),
    ("PUBLIC_URL", "https://example.com/shop", {}, "such as https://app.example.com"),
    ("PUBLIC_URL", "app.example.com", {}, "such as https://app.example.com"),
    ("ALLOWED_HOSTS", "https://shop.example.com", {}, "such as shop.example.com"),
    ("ALLOWED_HOSTS", "shop.example.com:443", {}, "without scheme and port"),
    ("TRUSTED_PROXIES", "10.0.0.1/8", {}, "such as 10.0.0.0/8"),
    ("TRUSTED_PROXIES", "proxy.example.com", {}, "such as 10.0.0.0/8"),
    ("ADMIN_PATH", "staff pages", {}, "such as staff-7f3a/"),
    ("ADMIN_PATH", "<int:x>", {}, "such as staff-7f3a/"),
    ("ADMIN_PATH", "https://example.com/admin", {}, "such as staff-7f3a/"),
    ("DEBUG", "sometimes", {}, "true or false"),
    ("LOG_FORMAT", "xml", {}, "one of console, json"),
    ("SECRET_KEY", "short", PRODUCTION, "Make a longer one"),
    ("SECRET_KEY", "", PRODUCTION, "python -c"),
    ("ENCRYPTION_KEYS", "short", {}, "python -c"),
    ("ENCRYPTION_KEYS", "", PRODUCTION, "python -c"),
    ("DATABASE_URL", "mysql://user:hunter2@host/db", {}, "such as postgres://user:"),  # pragma: allowlist secret
    ("DATABASE_URL", "", PRODUCTION, "such as postgres://user:password@host:5432/zupertry"),
    ("REDIS_URL", "http://host:6379", PRODUCTION, "such as redis://host:6379/0"),
    ("REDIS_URL", "redis://host:6379/cache", PRODUCTION, "such as redis://host:6379/0"),
    ("CELERY_BROKER_URL", "kafka://host", PRODUCTION, "such as amqp://user:password@host:5672//"),
    ("CELERY_BROKER_URL", "amqp://host", {}, "such as redis://host:6379/0"),
    ("STORAGE", "floppy", {}, "one of file, s3, gcs"),
    ("STORAGE_BUCKET", "", S3, "Name the bucket"),
    ("STORAGE_BUCKET", "s3://pictures", S3, "such as shop-pictures"),
    ("STORAGE_BUCKET", "pictures", {}, "Set STORAGE=s3 or STORAGE=gcs"),
    ("AWS_S3_REGION_NAME", "", S3, "such as eu-central-1"),
    ("AWS_S3_REGION_NAME", "Frankfurt am Main", S3, "such as eu-central-1"),
    ("AWS_S3_REGION_NAME", "eu-central-1", {}, "Set STORAGE=s3"),
    ("AWS_S3_ENDPOINT_URL", "minio:9000", S3, "such as https://app.example.com"),
    ("AWS_S3_ENDPOINT_URL", "https://minio.example.com", {}, "Set STORAGE=s3"),
    ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE", S3, "Set both, or neither"),
    ("AWS_ACCESS_KEY_ID", "AKIA EXAMPLE", {**S3, "AWS_SECRET_ACCESS_KEY": "hunter2"}, "such as AKIAIO"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2", S3, "Set both, or neither"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json", VERTEX, "Point it at one"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "", {**GCS, "GS_IAM_SIGN_BLOB": ""}, "the key file of one"),
    ("GS_IAM_SIGN_BLOB", "maybe", {}, "true or false"),
    ("GS_SA_EMAIL", "somebody", GCS, "such as shop@project.iam.gserviceaccount.com"),
    ("GS_SA_EMAIL", "a@b.iam.gserviceaccount.com", {}, "Set STORAGE=gcs"),
    ("TRYON_ENGINE", "steam", {}, "one of vertex, local"),
    ("VERTEX_PROJECT", "", {"TRYON_ENGINE": "vertex"}, "the id of the Google Cloud project"),
    ("VERTEX_PROJECT", "Shop Pictures", {}, "such as shop-pictures-417"),
    ("VERTEX_LOCATION", "US Central", VERTEX, "such as us-central1"),
    ("VERTEX_MODEL", "publishers/google/models/virtual-try-on-001", VERTEX, "such as virtual-try-on-001"),
    ("VERTEX_API_ENDPOINT", "us-central1-aiplatform.googleapis.com", VERTEX, "such as https://app.example.com"),
    ("VERTEX_API_ENDPOINT", "https://10.0.0.7", {}, "Set VERTEX_PROJECT too, such as shop-pictures-417"),
    ("OUTBOUND_ALLOWED_NETWORKS", "localhost", {}, "such as 10.0.0.0/8"),
    ("WEBHOOK_RETRY_SCHEDULE", "soon", {}, "such as 5,30,120"),
    ("RETENTION_INPUT_HOURS", "-1", {}, "such as 24"),
    ("RETENTION_OUTPUT_DAYS", "0", {}, "such as 30"),
    ("SIGNUP_CREDITS", "ten", {}, "such as 10"),
    ("STRIPE_SECRET_KEY", "pk_test_abc", STRIPE, "it begins with sk_live_"),
    ("STRIPE_SECRET_KEY", "", STRIPE, "Set STRIPE_SECRET_KEY too"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_live_abc", STRIPE, "pk_test_… with a test key"),
    ("STRIPE_WEBHOOK_SECRET", "", STRIPE, "whsec_…"),
    ("STRIPE_WEBHOOK_SECRET", "hunter2", STRIPE, "it begins with whsec_"),
    ("STRIPE_AUTOMATIC_TAX", "of course", {}, "true or false"),
    ("STRIPE_AUTOMATIC_TAX", "true", {}, "such as sk_live_…"),
    ("STRIPE_API_BASE", "api.stripe.com", STRIPE, "such as https://app.example.com"),
    ("RAZORPAY_KEY_ID", "key", RAZORPAY, "it begins with rzp_live_"),
    ("RAZORPAY_KEY_SECRET", "", RAZORPAY, "where it is shown once"),
    ("RAZORPAY_WEBHOOK_SECRET", "", RAZORPAY, "with a long random secret"),
    ("RAZORPAY_API_BASE", "api.razorpay.com", RAZORPAY, "such as https://app.example.com"),
    ("SELLER_NAME", "", RAZORPAY, "Give the legal name"),
    ("SELLER_ADDRESS", "", RAZORPAY, "such as 12 MG Road"),
    ("SELLER_GSTIN", "", RAZORPAY, "such as 27AAPFU0939F1ZV"),
    ("SELLER_GSTIN", "29AAPFU0939F1ZS", RAZORPAY, "such as 27AAPFU0939F1ZV"),
    ("SELLER_SAC", "9983", RAZORPAY, "such as 998319"),
    ("EMAIL_URL", "mail.example.com", {}, "such as smtp+tls://user:password@host:587"),
    ("EMAIL_URL", "sendgrid://hunter2@host", {}, "such as smtp+tls://user:password@host:587"),
    ("EMAIL_URL", "smtp://", {}, "such as smtp+tls://user:password@host:587"),
    ("EMAIL_URL", "smtp+tls://user@host:587", {}, "user:password"),
    ("EMAIL_URL", "smtp+tls://user:hunter2@host:587/?timeout=3", {}, "such as smtp+tls://"),  # pragma: allowlist secret
    ("EMAIL_URL", "filemail://var/mail", {}, "filemail:///srv/mail"),
    ("DEFAULT_FROM_EMAIL", "Zupertry", {}, "such as Shop <hello@example.com>"),
    ("SUPPORT_EMAIL", "help", {}, "such as support@example.com"),
    ("SUPPORT_EMAIL", "Shop <help@example.com>", {}, "a bare address"),
    ("SUPPORT_EMAIL", "help@example.com?subject=x", {}, "a bare address"),
    ("WORKER_CONCURRENCY", "many", {}, "such as 32"),
    ("JOB_LEASE_SECONDS", "1 minute", {}, "such as 60"),
    ("SWEEP_INTERVAL_SECONDS", "0.5", {}, "such as 30"),
    ("METRICS_TOKEN", "hunter2", {}, "openssl rand -hex 32"),
    ("METRICS_PORT", "prometheus", {}, "a whole number from 0 to 65535"),
    ("SECRET_KEY_FALLBACKS", "hunter2", PRODUCTION, "Leave that one out"),
    ("SENTRY_DSN", "hunter2.ingest.sentry.io", {}, "such as https://key@o1.ingest.sentry.io/2"),
]
# Of docker-compose.yml alone, which asks for it by itself; a folder, which other tests take away; any text will do.
NO_ROW = {"POSTGRES_PASSWORD", "VAR_DIR", "SENTRY_ENVIRONMENT", "SENTRY_RELEASE"}


def problems(var_dir: Path, **environment: str) -> list[str]:
    """Return what a process says that starts with this environment and no other."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (
        settings_in({**kept, "ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(var_dir), **environment}) as made,
        mock.patch.dict(settings.DATABASES, {"default": made["DATABASES"]["default"]}),
    ):
        return [str(message.msg) for message in check_settings(None) if message.is_serious()]


@pytest.mark.parametrize(("name", "value", "others", "says"), ROWS)
def test_a_wrong_one_is_one_line(tmp_path: Path, name: str, value: str, others: dict[str, str], says: str) -> None:
    (problem,) = problems(tmp_path, **{**others, name: value})
    assert name in problem
    assert says in problem
    assert "\n" not in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("others", [{}, PRODUCTION, STRIPE, RAZORPAY, S3, GCS, VERTEX])
def test_what_the_rows_are_made_of_is_right(tmp_path: Path, others: dict[str, str]) -> None:
    assert problems(tmp_path, **others) == []


def test_there_is_a_row_for_each_setting() -> None:
    assert {name for name, *_ in ROWS} >= explained().keys() - NO_ROW


@pytest.mark.parametrize(
    "right",
    [
        {"HOST": "::1"},
        {"HOST": "web.internal"},
        {"ALLOWED_HOSTS": ".example.com, shop.example.org, 10.0.0.7, [::1]"},
        {"ADMIN_PATH": "/staff/7f3a"},
        {"EMAIL_URL": "filemail:///srv/mail"},
        {"EMAIL_URL": "consolemail://"},
        {"EMAIL_URL": "smtps://user:p%40ss@host"},
        {"DEFAULT_FROM_EMAIL": "hello@example.com", "SUPPORT_EMAIL": "first.last+shop@mail.example.co.uk"},
        {"REDIS_URL": "redis://host", **{name: value for name, value in PRODUCTION.items() if name != "REDIS_URL"}},
        {"VERTEX_PROJECT": "example.com:shop", "VERTEX_LOCATION": "global"},
        {"METRICS_TOKEN": "0123456789abcdef", "SENTRY_DSN": "https://abc@sentry.example.com/under/7"},
        {"AWS_PROFILE": "shop", "AWS_REGION": "eu-central-1", "SENTRY_RELEASE": "7"},
        {
            "WEB_CONCURRENCY": "4",
            "SECRET_KEY_BASE": "x",
            "AWS_SECRET_KEY": "x",
            "POSTGRES_USER": "x",
            "REDIS_HOST": "x",
        },
        {"GOOGLE_CLOUD_PROJECT": "x", "TEST_DATABASE_URL": "x", "AWS_SESSION_TOKEN": "x", "CELERY_LOG_LEVEL": "x"},
        {"STRIPE_PORT": "tcp://10.0.0.7:80", "STRIPE_PORT_80_TCP": "x", "WEBHOOK_SERVICE_HOST": "10.0.0.7"},
    ],
)
def test_a_right_one_is_no_problem(tmp_path: Path, right: dict[str, str]) -> None:
    assert problems(tmp_path, **right) == []


@pytest.mark.parametrize("path", ["dashboard", "v1", "docs/staff", "static", "login", "healthz", "llms.txt"])
def test_staffs_pages_are_where_no_other_is(tmp_path: Path, path: str) -> None:
    (problem,) = problems(tmp_path, ADMIN_PATH=path)
    assert problem.startswith(f"ADMIN_PATH is “{path}/”, where other pages are.")


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("STRIPE_SECRETKEY", "STRIPE_SECRET_KEY"),
        ("RAZORPAY_SECRET", "RAZORPAY_KEY_SECRET"),
        ("VERTEX_PROJECT_ID", "VERTEX_PROJECT"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("REDIS_URI", "REDIS_URL"),
        ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
        ("ENCRYPTION_KEY", "ENCRYPTION_KEYS"),
        ("METRICS_TOKENS", "METRICS_TOKEN"),
        ("SENTRY_DNS", "SENTRY_DSN"),
    ],
)
def test_a_misspelt_one_is_told_what_was_meant(tmp_path: Path, misspelt: str, meant: str) -> None:
    problem = f"{misspelt} is not a setting. Did you mean {meant}? Correct its name, or unset it."
    assert problems(tmp_path, **{misspelt: "anything"}) == [problem]
    assert problems(tmp_path, **{misspelt: ""}) == []


def test_one_that_is_like_none_is_a_warning(tmp_path: Path) -> None:
    environment = {"ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(tmp_path), "EMAIL_HOST": "mail", "SOMEBODY_ELSES": "x"}
    with settings_in(environment):
        (warning,) = [str(message.msg) for message in check_settings(None)]
    assert warning.startswith("EMAIL_HOST is not a setting, and is read by nobody.")


def test_every_setting_that_is_explained_is_known(tmp_path: Path) -> None:
    with settings_in({"ZUPERTRY_ENV_FILE": "", "VAR_DIR": str(tmp_path)}):
        assert explained().keys() <= known()
