"""What `make run` greets with: where it is, the keys, and a line to paste."""

from django.conf import settings

from zupertry.demo.organisation import Demo


def banner(demo: Demo) -> str:
    """Return the greeting. The curl line needs no picture server: test mode simulates these URLs."""
    return f"""
  Zupertry is up: {settings.PUBLIC_URL}

    live key        {demo.live_key}
    test key        {demo.test_key}
    webhook secret  {demo.webhook_secret}

  Try it:

    curl -s {settings.PUBLIC_URL}/v1/tryon \\
      -H 'Authorization: Bearer {demo.test_key}' -H 'Content-Type: application/json' \\
      -d '{{"model_image_url": "https://test.zupertry.com/success.jpg", "garment_image_url": "https://test.zupertry.com/success.jpg"}}'

  Dashboard: {settings.PUBLIC_URL}/login as {demo.email}, password {demo.password}{_where_mails_go()}
  API reference: {settings.PUBLIC_URL}/docs/api    Stop: Ctrl-C
"""


def _where_mails_go() -> str:
    """Return a line for who signs up here and waits for a code: without a mail server it lies in a folder."""
    folder = getattr(settings, "EMAIL_FILE_PATH", "")
    return f"\n  Mails, such as the code to sign up with, are files in {folder}" if folder else ""
