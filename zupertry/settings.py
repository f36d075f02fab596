"""Every setting, read from the environment. `.env.example` explains them; `checks.py` reports what is wrong."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kombu import Queue

from accounts.dashboard.form_classes import ACCOUNT_FORMS, MFA_FORMS  # noqa: F401  (allauth reads them here)
from zupertry.environment import Environment, env_file, make_encryption_key, make_secret_key
from zupertry.periodic import schedule

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = Environment(env_file(BASE_DIR / ".env"))
env = ENVIRONMENT

# Where it runs

HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", 8000, most=65_535)
WEB_THREADS = env.whole("WEB_THREADS", 32)
WORKER_CONCURRENCY = env.whole("WORKER_CONCURRENCY", 32)
PUBLIC_URL = env.base_url("PUBLIC_URL", f"http://localhost:{PORT}")
VAR_DIR = Path(env.text("VAR_DIR", "var"))
VAR_DIR = VAR_DIR if VAR_DIR.is_absolute() else BASE_DIR / VAR_DIR
REDIS_URL = env.server("REDIS_URL", ["redis", "rediss"], "redis://host:6379/0")
ON_ONE_MACHINE = not env.text("REDIS_URL")
DEBUG = env.flag("DEBUG", default=False)
ADMIN_PATH = env.text("ADMIN_PATH", "admin/").strip("/") + "/"
# Health checks come from the machine itself, whatever the outer name is.
ALLOWED_HOSTS = [str(urlsplit(PUBLIC_URL).hostname), *env.items("ALLOWED_HOSTS"), "localhost", "127.0.0.1", "[::1]"]

# Secrets

_secrets_folder = VAR_DIR if ON_ONE_MACHINE else None
SECRET_KEY = env.kept_secret("SECRET_KEY", _secrets_folder, make_secret_key)
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
ENCRYPTION_KEYS = env.kept_secret("ENCRYPTION_KEYS", _secrets_folder, make_encryption_key).replace(" ", "").split(",")

# Django

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "zupertry.staff.apps.StaffAdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "django_celery_beat",
    "accounts",
    "billing",
    "tryon",
    "zupertry",
]
MIDDLEWARE = [
    "zupertry.core.requests.TrustedProxyMiddleware",
    "zupertry.core.requests.RequestIdMiddleware",
    "zupertry.core.head.HeadMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "zupertry.core.requests.BrowserPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "zupertry.core.transport.TransportMiddleware",
    "zupertry.core.error_views.WrongMethodMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "zupertry.core.body_size.BodySizeMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.dashboard.sessions.FollowedSessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "zupertry.urls"
WSGI_APPLICATION = "zupertry.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "zupertry.public.context.visitor",
            ]
        },
    }
]
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "zupertry.formats"
APPEND_SLASH = False

# Accounts

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_ADAPTER = "accounts.dashboard.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# By a code, which is typed where the sign-up began, whatever device the mail is read on.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT = {"numeric": True, "length": 8}
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_CHANGE_EMAIL = True
# An address without an account is answered as one with an account, in as much time: both get a mail.
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
# The prefix binds a cookie to this host, and to TLS, which a laptop does without.
_https = PUBLIC_URL.startswith("https:")
MFA_ADAPTER = "accounts.dashboard.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Zupertry"
# One step before and after, as RFC 6238 (5.2) advises: a code that changes while it is typed is still right.
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _https
SESSION_COOKIE_NAME = "__Host-session" if _https else "session"
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "csrf"
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
# Behind a proxy that ends TLS a request itself says http, and its Origin https.
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# Messages in the session, and not in a cookie of their own without the prefix.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_HSTS_SECONDS = 31_536_000
# `check --deploy` asks for HSTS of subdomains (W005), which may be others' (core/requests.py), for the list that is
# made from it (W021), and for redirects to https (W008), which core/transport.py makes as trusted proxies tell.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
CSRF_FAILURE_VIEW = "zupertry.core.error_views.stale_form"

# Proxies and cache

TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
# What it counts must not be pushed out by a flood of other keys.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "zupertry.core.cache.SteadyRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    }

# Data

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'zupertry.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"] |= {
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
else:
    # The pool waits twice as long before each try to connect again, and begins anew after `reconnect_timeout` (5 min by
    # default): a database that was away for minutes would be away for as long again.
    _pool = {"min_size": 1, "max_size": 16, "timeout": 3, "reconnect_timeout": 3}
    DATABASES["default"].setdefault("OPTIONS", {}).update({"pool": _pool, "connect_timeout": 5})
    # Else, after a restart, each connection that lay in the pool fails somebody's request, or costs a job an attempt.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

STORAGE = env.choice("STORAGE", "file", ["file", "s3", "gcs"])
STORAGE_BUCKET = env.text("STORAGE_BUCKET")
GS_IAM_SIGN_BLOB = env.flag("GS_IAM_SIGN_BLOB", default=False)
OUTPUT_URL_LIFETIME = timedelta(hours=1)
# Names are random (core/storage.py): what overwrites need not ask first whether a name is taken.
_storages: dict[str, dict[str, Any]] = {
    "file": {
        "BACKEND": "zupertry.core.storage.SignedFileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "media", "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
    "s3": {
        "BACKEND": "zupertry.core.s3.S3PictureStorage",
        "OPTIONS": {
            "bucket_name": STORAGE_BUCKET,
            "endpoint_url": env.base_url("AWS_S3_ENDPOINT_URL", "") or None,
            "region_name": env.text("AWS_S3_REGION_NAME") or "us-east-1",
            "max_connections": max(WEB_THREADS, WORKER_CONCURRENCY),
            "default_acl": None,
            "querystring_auth": True,
            "querystring_expire": int(OUTPUT_URL_LIFETIME.total_seconds()),
            "file_overwrite": True,
            "object_parameters": {"CacheControl": "private, max-age=3600"},
        },
    },
    "gcs": {
        "BACKEND": "storages.backends.gcloud.GoogleCloudStorage",
        "OPTIONS": {
            "bucket_name": STORAGE_BUCKET,
            "default_acl": None,
            "querystring_auth": True,
            "expiration": OUTPUT_URL_LIFETIME,
            "iam_sign_blob": GS_IAM_SIGN_BLOB,
            "sa_email": env.text("GS_SA_EMAIL") or None,
            "file_overwrite": True,
            "object_parameters": {"cache_control": "private, max-age=3600"},
        },
    },
}
STORAGES = {
    "default": _storages[STORAGE],
    "staticfiles": {"BACKEND": "zupertry.core.static_files.CollectedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = None if ON_ONE_MACHINE else BASE_DIR / "static_collected"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
if ON_ONE_MACHINE:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

# Work in the background

JOB_LEASE_SECONDS = env.whole("JOB_LEASE_SECONDS", 60)
SWEEP_INTERVAL_SECONDS = env.whole("SWEEP_INTERVAL_SECONDS", 30)
_broker = env.server("CELERY_BROKER_URL", ["redis", "rediss", "amqp", "amqps"], "amqp://user:password@host:5672//")
CELERY_BROKER_URL = _broker or REDIS_URL or "memory://localhost/"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"polling_interval": 0.005}
    if CELERY_BROKER_URL.startswith("memory:")
    else {
        # Above the longest attempt (150 s), so that no message is handed out again while it is worked on.
        "visibility_timeout": 600,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 1,
        # A broker that hangs, or is away, delays an answer by these seconds once, and is not asked again at once.
        "socket_timeout": 2,
        "max_retries": 0,
        "socket_keepalive": True,
    }
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = [Queue("tryon"), Queue("webhooks"), Queue("default")]
CELERY_TASK_ROUTES = {"tryon.run": {"queue": "tryon"}, "accounts.deliver": {"queue": "webhooks"}}
CELERY_WORKER_CONCURRENCY = WORKER_CONCURRENCY
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BEAT_SCHEDULER = "zupertry.schedule:CheckedScheduler"
CELERY_BEAT_SCHEDULE = schedule(SWEEP_INTERVAL_SECONDS, [queue.name for queue in CELERY_TASK_QUEUES])

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.OrganisationActive"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttles.OrganisationThrottle"],
    "DEFAULT_SCHEMA_CLASS": "zupertry.core.schema.ErrorAwareSchema",
    "EXCEPTION_HANDLER": "zupertry.core.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Zupertry API",
    "DESCRIPTION": "Virtual try-on: two picture URLs in, a picture of that person wearing the garment out.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": PUBLIC_URL}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "WEBHOOKS": [
        "tryon.api.webhooks.JOB_COMPLETED",
        "tryon.api.webhooks.JOB_FAILED",
        "tryon.api.webhooks.WEBHOOK_TEST",
    ],
    "POSTPROCESSING_HOOKS": ["zupertry.core.schema.describe_conventions"],
}

# Money

_stripe_key = env.text("STRIPE_SECRET_KEY")
_razorpay_key = env.text("RAZORPAY_KEY_ID")
SELLER = {
    "name": env.text("SELLER_NAME"),
    "address": env.text("SELLER_ADDRESS"),
    "gstin": env.text("SELLER_GSTIN"),
    "sac": env.text("SELLER_SAC", "998319"),
}
STRIPE_AUTOMATIC_TAX = env.flag("STRIPE_AUTOMATIC_TAX", default=False)
# Only what is configured is here: an organisation whose gateway is missing can't buy, and is told so.
PAYMENT_GATEWAYS: dict[str, dict[str, Any]] = {}
if _stripe_key:
    PAYMENT_GATEWAYS["stripe"] = {
        "BACKEND": "billing.gateways.stripe.StripeGateway",
        "OPTIONS": {
            "secret_key": _stripe_key,
            "event_secrets": env.items("STRIPE_WEBHOOK_SECRET"),
            "api_base": env.base_url("STRIPE_API_BASE", "https://api.stripe.com"),
            "automatic_tax": STRIPE_AUTOMATIC_TAX,
        },
    }
if _razorpay_key:
    PAYMENT_GATEWAYS["razorpay"] = {
        "BACKEND": "billing.gateways.razorpay.RazorpayGateway",
        "OPTIONS": {
            "key_id": _razorpay_key,
            "key_secret": env.text("RAZORPAY_KEY_SECRET"),
            "event_secrets": env.items("RAZORPAY_WEBHOOK_SECRET"),
            "api_base": env.base_url("RAZORPAY_API_BASE", "https://api.razorpay.com"),
        },
    }

# Mail

globals().update(env.mail("EMAIL_URL", VAR_DIR / "mail"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Zupertry <hello@zupertry.com>")
SUPPORT_EMAIL = env.text("SUPPORT_EMAIL")
if SUPPORT_EMAIL:
    SPECTACULAR_SETTINGS["CONTACT"] = {"email": SUPPORT_EMAIL}

# Try-on

VERTEX_PROJECT = env.text("VERTEX_PROJECT")
GOOGLE_APPLICATION_CREDENTIALS = env.text("GOOGLE_APPLICATION_CREDENTIALS")
TRYON_ENGINE = env.choice("TRYON_ENGINE", "vertex" if VERTEX_PROJECT else "local", ["vertex", "local"])
# Test jobs are free, and must not keep live ones waiting for a thread.
MAX_TEST_JOBS = max(1, WORKER_CONCURRENCY // 2)
# Nor may webhooks, which hang where customers' servers do.
MAX_DELIVERIES = max(1, WORKER_CONCURRENCY * 3 // 4)
TRYON_ENGINES: dict[str, dict[str, Any]] = {
    "mock": {"BACKEND": "tryon.engines.mock.MockEngine", "OPTIONS": {"max_parallel": MAX_TEST_JOBS}},
    "local": {"BACKEND": "tryon.engines.local.engine.LocalEngine"},
    "vertex": {
        "BACKEND": "tryon.engines.vertex.VertexEngine",
        "OPTIONS": {
            "project": VERTEX_PROJECT,
            "location": env.text("VERTEX_LOCATION", "us-central1"),
            "model": env.text("VERTEX_MODEL", "virtual-try-on-001"),
            "api_endpoint": env.base_url("VERTEX_API_ENDPOINT", ""),
            "max_parallel": WORKER_CONCURRENCY,
        },
    },
}
OUTBOUND_ALLOWED_NETWORKS = env.networks("OUTBOUND_ALLOWED_NETWORKS")
WEBHOOK_RETRY_SCHEDULE = env.seconds("WEBHOOK_RETRY_SCHEDULE", "5,30,120,600,3600,10800,21600,43200")
RETENTION_INPUT = timedelta(hours=env.whole("RETENTION_INPUT_HOURS", 24, least=0))
RETENTION_OUTPUT = timedelta(days=env.whole("RETENTION_OUTPUT_DAYS", 30))
SIGNUP_CREDITS = env.whole("SIGNUP_CREDITS", 10, least=0)

# Logs, metrics, error reports

LOG_FORMAT = env.choice("LOG_FORMAT", "console" if ON_ONE_MACHINE else "json", ["console", "json"])
LOGGING_CONFIG = "zupertry.logs.configure"
LOGGING = {"format": LOG_FORMAT}
METRICS_TOKEN = env.text("METRICS_TOKEN")
METRICS_PORT = env.whole("METRICS_PORT", 0, least=0, most=65_535)
SENTRY_DSN = env.text("SENTRY_DSN")
