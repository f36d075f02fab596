"""What this machine has to have: room, and the static files of this version."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import storages

from zupertry.core.static_files import CollectedStaticFilesStorage
from zupertry.doctor.finding import Finding, broken, ok, warning

LITTLE_BYTES = 2 * 1024**3
TOO_LITTLE_BYTES = 200 * 1024**2
FULL = 0.97
"""Of the inodes."""


def try_to_write(folder: Path) -> None:
    """Raise `OSError` where a file can't be written."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"ok")
        file.flush()


def disk() -> Iterator[Finding]:
    """Look at how much room there is where files are written."""
    folder = settings.VAR_DIR
    try_to_write(folder)
    free = shutil.disk_usage(folder).free
    found = f"{folder} has {free / 1024**3:.1f} GB left"
    advice = "Make room, or move VAR_DIR to a larger disk."
    if free < TOO_LITTLE_BYTES:
        yield broken(f"{found}.", advice)
    elif free < LITTLE_BYTES:
        yield warning(f"{found}.", advice)
    else:
        yield ok(found)
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < (1 - FULL) * inodes.f_files:
        yield warning(f"{folder} has {inodes.f_favail} inodes left: no more files than that.", advice)


def static_files() -> Iterator[Finding]:
    """Compare the collected files with those of this version."""
    if not isinstance(storages["staticfiles"], CollectedStaticFilesStorage):
        yield ok("they are served from where they are")
        return
    storage = CollectedStaticFilesStorage()  # reads the manifest as it is now
    advice = "Collect those of this version: manage.py collectstatic --noinput"
    if not storage.hashed_files:
        yield broken(f"none are collected in {settings.STATIC_ROOT}.", advice)
        return
    if stale := list(_stale(storage)):
        yield broken(f"{len(stale)} are missing or not this version's, such as {stale[0]}.", advice)
    else:
        yield ok(f"{len(storage.hashed_files)} are collected, as this version has them")


def _stale(storage: CollectedStaticFilesStorage) -> Iterator[str]:
    """Give the names of files that are not collected, or were collected with another content."""
    for finder in get_finders():
        for name, source in finder.list(ignore_patterns=[]):
            hashed = storage.hashed_files.get(storage.hash_key(storage.clean_name(name)))
            if hashed is None or not storage.exists(hashed) or not storage.exists(name):
                yield name
                continue
            with source.open(name) as file, storage.open(name) as collected:
                if file.read() != collected.read():
                    yield name
