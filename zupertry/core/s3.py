"""Pictures on S3, or on a store that speaks its protocol."""

from types import SimpleNamespace
from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage


class S3PictureStorage(S3Storage):  # type: ignore[misc]
    """django-storages' S3, with one client for all threads, and with time limits of seconds instead of minutes.

    A client of its own, as the library gives to each thread, takes 15 MB and up to a second of two cores.
    Clients may be shared: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
    """

    def __init__(self, *, endpoint_url: str | None, max_connections: int, **options: Any) -> None:
        # Amazon's links name bucket and region in the host; the shared host redirects, which breaks a signature.
        style = "path" if endpoint_url else "virtual"
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            connect_timeout=3,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=max_connections,
        )
        super().__init__(endpoint_url=endpoint_url, client_config=config, **options)
        self._connections = SimpleNamespace()
