"""Variables in the environment that look like settings of ours and are none."""

import difflib
import os
import re
from collections.abc import Iterator

from django.conf import settings

ALIKE = 0.85
# Read under a condition, by a library, by other files than settings.py, or by tests.
_ALSO_KNOWN = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"),
    *("STRIPE_API_BASE", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET", "RAZORPAY_API_BASE"),
    *("SENTRY_ENVIRONMENT", "SENTRY_RELEASE", "POSTGRES_PASSWORD"),
    *("ZUPERTRY_ENV_FILE", "ZUPERTRY_TEST_STACK", "ZUPERTRY_TEST_TEMPLATES"),
}
_OUR_PREFIXES = (
    *("STRIPE_", "RAZORPAY_", "SELLER_", "VERTEX_", "TRYON_", "STORAGE_", "AWS_S3_", "EMAIL_", "WEBHOOK_"),
    *("RETENTION_", "SIGNUP_", "OUTBOUND_", "METRICS_", "ZUPERTRY_", "TRUSTED_PROX", "ENCRYPTION_KEY"),
)
# Kubernetes sets these for every service beside ours, whatever it is called.
_OF_KUBERNETES = re.compile(r".*_(SERVICE_(HOST|PORT).*|PORT(_\d+_.*)?)")
_SHORTEST = 8
"""Of the names without a prefix of ours that are compared: short words are like many others."""


def known() -> set[str]:
    """Return the names of every setting."""
    return {*settings.ENVIRONMENT.asked, *_ALSO_KNOWN}


def misspelt() -> Iterator[str]:
    """Say which variables are nearly settings, where the setting itself is missing."""
    for name, meant in _unknown():
        if meant and not settings.ENVIRONMENT.text(meant):
            yield f"{name} is not a setting. Did you mean {meant}? Correct its name, or unset it."


def unknown() -> Iterator[str]:
    """Say which variables nobody reads although they are called like settings."""
    for name, meant in _unknown():
        if not meant or settings.ENVIRONMENT.text(meant):
            yield f"{name} is not a setting, and is read by nobody. Unset it; .env.example lists those that there are."


def _unknown() -> Iterator[tuple[str, str]]:
    """Give each unknown name, and the setting it is most like, if it is like one."""
    names = known()
    for name in sorted(os.environ.keys() - names):
        ours = name.startswith(_OUR_PREFIXES)
        if not os.environ[name].strip() or _OF_KUBERNETES.fullmatch(name) or not (ours or len(name) >= _SHORTEST):
            continue
        alike = difflib.get_close_matches(name, names, n=1, cutoff=ALIKE)
        if alike or ours:
            yield name, alike[0] if alike else ""
