"""The demo organisation, whose keys stay in `VAR_DIR/demo.json` (mode 0600)."""

import json
from pathlib import Path

from django.conf import settings

from accounts.models import Organisation
from zupertry.bootstrap import Bootstrapped, bootstrap, random_password

CREDITS = 100


def demo_organisation() -> Bootstrapped:
    """Return the demo organisation, which is made at the first call."""
    path: Path = settings.VAR_DIR / "demo.json"
    if path.exists():
        known = Bootstrapped(**json.loads(path.read_text()))
        if Organisation.objects.filter(pk=known.org_id).exists():
            return known
    made = bootstrap("Demo", "demo@example.com", random_password(), "GLOBAL", "starter", CREDITS)
    path.touch(mode=0o600)
    path.write_text(json.dumps(made.as_dict(), indent=2))
    return made
