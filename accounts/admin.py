"""What staff see of accounts."""

from accounts.webhooks import admin as webhooks

__all__ = ["webhooks"]
