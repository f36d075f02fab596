"""The local engine: a try-on preview from classic computer vision on the CPU, without a service or a GPU."""

from .engine import LocalEngine

__all__ = ["LocalEngine"]
