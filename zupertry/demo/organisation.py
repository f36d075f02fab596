"""The demo organisation, whose keys and login stay in `VAR_DIR/demo.json` (mode 0600)."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from accounts.models import Organisation
from zupertry.bootstrap import Bootstrapped, bootstrap, random_password

CREDITS = 100
EMAIL = "demo@example.com"


@dataclass(frozen=True, slots=True)
class Demo(Bootstrapped):
    """What the demo organisation was given, and how its owner logs in."""

    email: str
    password: str


def demo_organisation() -> Demo:
    """Return the demo organisation, which is made at the first call."""
    path: Path = settings.VAR_DIR / "demo.json"
    if path.exists():
        known = Demo(**json.loads(path.read_text()))
        if Organisation.objects.filter(pk=known.org_id).exists():
            return known
    password = random_password()
    made = Demo(
        **bootstrap("Demo", EMAIL, password, "GLOBAL", "starter", CREDITS).as_dict(), email=EMAIL, password=password
    )
    path.touch(mode=0o600)
    path.write_text(json.dumps(made.as_dict(), indent=2))
    return made
