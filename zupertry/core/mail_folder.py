"""Mails to files, where no server is set up to send them."""

from typing import Any

import structlog
from django.core.mail import EmailMessage
from django.core.mail.backends import filebased

log = structlog.get_logger(__name__)


class EmailBackend(filebased.EmailBackend):
    """Django's, which also logs where each mail went: who waits for a code looks there."""

    file_path: str
    _get_filename: Any

    def write_message(self, message: EmailMessage) -> None:
        """Write a mail at the end of the connection's file."""
        super().write_message(message)
        log.info("mail_in_file", file=self._get_filename())
