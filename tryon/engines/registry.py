"""The engines that `TRYON_ENGINES` names, and which of them a job gets."""

from django.conf import settings

from accounts.models import Mode
from tryon.engines.base import Engine
from zupertry.core.backends import Backends

engines: Backends[Engine] = Backends("TRYON_ENGINES")


def alias_for(mode: str) -> str:
    """Return the name of the engine that jobs of this mode run on."""
    return str(settings.TRYON_ENGINE) if mode == Mode.LIVE else "mock"


def close_all() -> None:
    """Give back what the engines of this process hold."""
    for engine in engines.take_all():
        engine.close()
