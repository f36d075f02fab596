"""How static files are named: with a hash of what is in them, once `collectstatic` has made such copies."""

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class CollectedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Hashed names that browsers keep for ever. Where nothing has been collected, names as they are, so pages work."""

    def stored_name(self, name: str) -> str:
        """Return the name under which a file is served."""
        if not self.hashed_files:
            return name
        stored: str = super().stored_name(name)
        return stored
