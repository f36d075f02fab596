"""Database connections, of which there are fewer than threads."""

from django.db import connection


def release_connection() -> None:
    """Give this thread's connection back before something slow; the next query takes one again."""
    if not connection.in_atomic_block:
        connection.close()
