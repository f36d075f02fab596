"""How mails leave."""

import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import get_connection

from zupertry.doctor.finding import Finding, broken, explained, ok
from zupertry.doctor.machine import try_to_write
from zupertry.environment import make_private_folder


def mail() -> Iterator[Finding]:
    """Greet the mail server, or write into the folder. No mail is sent."""
    if settings.EMAIL_BACKEND.endswith(".smtp.EmailBackend"):
        yield _server()
    elif settings.EMAIL_BACKEND.endswith(".mail_folder.EmailBackend"):
        folder = Path(getattr(settings, "EMAIL_FILE_PATH"))  # noqa: B009  (mypy knows no setting that has no name in the file)
        make_private_folder(folder)
        try_to_write(folder)
        yield ok(f"mails are written to {folder}")
    else:
        yield ok("mails are printed")


def _server() -> Finding:
    server: Any = get_connection(fail_silently=False)
    server.timeout = 5
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        server.open()
        server.connection.ehlo_or_helo_if_needed()
        code, said = server.connection.noop()
    except smtplib.SMTPAuthenticationError as error:
        return broken(
            f"{where} refuses user and password ({error.smtp_code}).",
            "Set those of EMAIL_URL anew; escape @ : / in them as %40 %3A %2F.",
        )
    except (smtplib.SMTPException, OSError) as error:
        return broken(
            f"{where} does not take mails: {explained(error)}.",
            "Check host, port and scheme of EMAIL_URL (smtp+tls:// is STARTTLS, smtp+ssl:// TLS), and the firewall.",
        )
    finally:
        server.close()
    if code != 250:
        return broken(f"{where} says {code} {said.decode(errors='replace')}.", "Ask whoever runs it.")
    return ok(f"{where} is ready to take mails")
