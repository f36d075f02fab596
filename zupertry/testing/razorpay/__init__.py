"""A Razorpay on loopback: see `server.py`."""

from zupertry.testing.razorpay.server import RazorpayServer

__all__ = ["RazorpayServer"]
