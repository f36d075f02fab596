"""A Stripe on loopback: its REST wire format, its hosted page and its signed events, for one account.

https://docs.stripe.com/api (version 2026-10-28.endive) · https://docs.stripe.com/webhooks#verify-manually
"""

from zupertry.testing.stripe.server import StripeServer

__all__ = ["StripeServer"]
