"""alias → BACKEND and OPTIONS, as Django's STORAGES: one instance of each per process, made when first asked for."""

import threading
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

T = TypeVar("T")


class Backends(Generic[T]):
    """The backends that one setting names. Thread safe."""

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self._made: dict[str, T] = {}
        self._lock = threading.Lock()

    def __getitem__(self, alias: str) -> T:
        with self._lock:
            if alias not in self._made:
                self._made[alias] = self._make(alias)
            return self._made[alias]

    def _make(self, alias: str) -> T:
        entry: Mapping[str, Any] = getattr(settings, self._setting)[alias]
        backend: T = import_string(entry["BACKEND"])(**entry.get("OPTIONS", {}))
        return backend

    def take_all(self) -> list[T]:
        """Forget every instance made so far and return them, so that the caller can close them."""
        with self._lock:
            made, self._made = list(self._made.values()), {}
        return made
