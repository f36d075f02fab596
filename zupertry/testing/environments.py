"""The settings that an environment leads to, in this very process."""

import os
import runpy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.conf import settings
from django.test.utils import override_settings

from zupertry.testing.service import ROOT

# What Django can't be given anew in a process that runs.
_LEFT_ALONE = {"DATABASES", "INSTALLED_APPS", "LOGGING_CONFIG", "PASSWORD_HASHERS", "TEMPLATES"}


@contextmanager
def settings_in(environment: Mapping[str, str], **instead: Any) -> Iterator[dict[str, Any]]:
    """Let this process have that environment and no other, and the settings that follow from it, but for `instead`.

    Gives everything that settings.py makes, `DATABASES` too, which stay as they are.
    """
    with mock.patch.dict(os.environ, environment, clear=True):
        made = runpy.run_path(str(ROOT / "zupertry" / "settings.py"))
        named = {name: value for name, value in made.items() if name.isupper() and name not in _LEFT_ALONE} | instead
        changed = {name: value for name, value in named.items() if value != getattr(settings, name, None)}
        with override_settings(**changed):
            yield made
