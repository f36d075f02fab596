"""Mails to an organisation's people: written down with the fact that they tell of, and sent once it is committed.

At least once: a worker that dies after the server has taken a mail sends it again, under the same Message-ID.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F, QuerySet
from django.template import Context, Engine
from django.utils import timezone

from accounts.models import Mail, Role, User
from zupertry.core import metrics
from zupertry.core.connections import release_connection
from zupertry.core.crypto import seal, unseal
from zupertry.core.wake import wake

RETRY_AFTER = [
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
]
LEASE = timedelta(minutes=5)
"""Longer than any conversation with a mail server, each step of which ends after `EMAIL_TIMEOUT` seconds."""
SWEEP_BATCH = 20
"""When the mail server hangs, what is due must not take the threads that try-ons need."""

log = structlog.get_logger(__name__)


def send(organisation_id: str, kind: str, reference: str, *, roles: Sequence[Role], **context: Any) -> None:
    """Have the members with one of these roles told, once for each `kind` and `reference`, however often it is asked.

    Written in the caller's transaction. `kind` names the templates in `templates/mail`; `context`, which is kept as
    JSON, fills them. A `reply_to` in it is where answers go, which else is `SUPPORT_EMAIL`.
    """
    _write(Mail(organisation_id=organisation_id, kind=kind, reference=reference, roles=list(roles), context=context))


def send_to(
    address: str, organisation_id: str, kind: str, reference: str, *, secrets: Mapping[str, str], **context: Any
) -> None:
    """Have an address told on behalf of an organisation, as `send` has its members told.

    `secrets` fill the template too. They are sealed until the mail is sent, and then forgotten.
    """
    sealed = seal(json.dumps(dict(secrets)))
    mail = Mail(organisation_id=organisation_id, kind=kind, reference=reference, context=context)
    mail.address, mail.sealed_secrets = address, sealed
    _write(mail)


def _write(mail: Mail) -> None:
    Mail.objects.bulk_create([mail], ignore_conflicts=True)
    wake("accounts.send_mail", mail.id)  # which finds nothing, where the mail was there already


def deliver(mail_id: str) -> None:
    """Make the attempt that is due, if there is one."""
    if mail := _claim(mail_id):
        structlog.contextvars.bind_contextvars(org=mail.organisation_id)
        _attempt(mail)


def sweep() -> int:
    """Wake mails that are due and that nobody works on. Returns how many."""
    due = _due(timezone.now()).order_by("next_attempt_at")
    ids = list(due.values_list("id", flat=True)[:SWEEP_BATCH])
    for mail_id in ids:
        wake("accounts.send_mail", mail_id)
    metrics.swept({"mails": len(ids)})
    return len(ids)


def _due(now: datetime) -> QuerySet[Mail]:
    return Mail.objects.filter(next_attempt_at__lte=now)


def _claim(mail_id: str) -> Mail | None:
    """Take a due mail under a lease, which is the time of its next attempt."""
    now = timezone.now()
    if not _due(now).filter(id=mail_id).update(attempts=F("attempts") + 1, next_attempt_at=now + LEASE):
        return None
    return Mail.objects.select_related("organisation").get(id=mail_id)


def _attempt(mail: Mail) -> None:
    try:
        message = _message(mail)
        release_connection()
        message.send()
    except Exception as error:
        _postpone(mail, error)
    else:
        _settle(mail, sent_at=timezone.now(), next_attempt_at=None, sealed_secrets="")
        log.info("mail_sent", mail=mail.id, kind=mail.kind, recipients=len(message.to))


def _postpone(mail: Mail, error: Exception) -> None:
    """Put the next attempt off, longer each time; after the last one say so, for staff to see."""
    ours = not isinstance(error, OSError)  # as all of smtplib's are
    if mail.attempts > len(RETRY_AFTER):
        _settle(mail, next_attempt_at=None, sealed_secrets="")
        log.error("mail_given_up", mail=mail.id, kind=mail.kind, error=_reason(error), exc_info=ours)
        return
    _settle(mail, next_attempt_at=timezone.now() + RETRY_AFTER[mail.attempts - 1])
    log.warning("mail_not_sent", mail=mail.id, kind=mail.kind, error=_reason(error), exc_info=ours)


def _reason(error: Exception) -> str:
    """Return what went wrong, for the log, without the addresses that were refused."""
    if isinstance(error, SMTPRecipientsRefused):
        return f"every recipient was refused: {sorted({code for code, _ in error.recipients.values()})}"
    return repr(error)


def _settle(mail: Mail, **changes: datetime | str | None) -> None:
    """Write down what came of an attempt, unless the lease was over and another worker has made the next one."""
    Mail.objects.filter(id=mail.id, attempts=mail.attempts, sent_at=None).update(**changes)


def _message(mail: Mail) -> EmailMultiAlternatives:
    """Return one message for all: members of an organisation know each other. To nobody, it is not sent."""
    context = {
        # A name is one line, whatever is in it: it stands in the subject, which is a header.
        "organisation": _one_line(mail.organisation.name),
        "currency": mail.organisation.currency,
        "public_url": settings.PUBLIC_URL,
        **mail.context,
        **_secrets(mail),
    }
    subject = _one_line(_rendered(f"{mail.kind}.subject.txt", context))
    staffs = mail.context.get("reply_to")
    answers_to = staffs or settings.SUPPORT_EMAIL
    # What no person wrote says so, and out-of-office notices leave it alone.
    by_itself = {} if staffs else {"Auto-Submitted": "auto-generated"}
    message = EmailMultiAlternatives(
        subject=subject,
        body=_rendered(f"{mail.kind}.txt", context),
        to=_recipients(mail),
        reply_to=[answers_to] if answers_to else None,
        headers={"Message-ID": _message_id(mail), **by_itself},
    )
    message.attach_alternative(_rendered(f"{mail.kind}.html", {**context, "subject": subject}), "text/html")
    return message


def _secrets(mail: Mail) -> dict[str, str]:
    return json.loads(unseal(mail.sealed_secrets)) if mail.sealed_secrets else {}


def _recipients(mail: Mail) -> list[str]:
    if mail.address:
        return [mail.address]
    members = User.objects.filter(
        is_active=True, memberships__organisation=mail.organisation_id, memberships__role__in=mail.roles
    )
    return list(members.order_by("id").values_list("email", flat=True))


def _rendered(name: str, context: dict[str, Any]) -> str:
    """Fill a template. Text is no HTML, and nothing is escaped in it."""
    filled = (
        Engine.get_default().get_template(f"mail/{name}").render(Context(context, autoescape=name.endswith(".html")))
    )
    return filled.strip() + "\n"


def _message_id(mail: Mail) -> str:
    """Return what a mail is known by: the same at each attempt, so that one which came twice is shown once."""
    return f"<{mail.id}@{urlsplit(settings.PUBLIC_URL).hostname}>"


def _one_line(text: str) -> str:
    return " ".join(text.split())
