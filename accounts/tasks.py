"""Work that is woken by name: ids in, one domain call."""

from celery import shared_task
from django.conf import settings

from accounts import mails
from accounts.dashboard import sessions
from accounts.webhooks import delivery


@shared_task(name="accounts.deliver")
def deliver(delivery_id: str) -> None:
    """Attempt one delivery."""
    delivery.deliver(delivery_id)


@shared_task(name="accounts.send_mail")
def send_mail(mail_id: str) -> None:
    """Attempt to send one mail."""
    mails.deliver(mail_id)


@shared_task(name="accounts.sweep", expires=settings.SWEEP_INTERVAL_SECONDS)
def sweep() -> None:
    """Find deliveries and mails that are due."""
    delivery.sweep()
    mails.sweep()


@shared_task(name="accounts.delete_expired_sessions", expires=300)
def delete_expired_sessions() -> None:
    """Forget logins that are over."""
    sessions.delete_expired()
