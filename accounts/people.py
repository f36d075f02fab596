"""What staff do for a person who can't get in, or whom somebody else may be in as."""

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import audit
from accounts.dashboard import sessions
from accounts.models import User
from zupertry.core.errors import Refusal


def reset_second_factor(person: User, *, actor: str, reason: str) -> int:
    """Remove a person's second factors, end their sessions, and tell them by mail. Returns how many sessions ended.

    Raises `Refusal` (`validation_error`): they have none, or are staff, whose second factor opens this very door.
    """
    ended = _remove_second_factors(person, actor, reason)
    # The mail is told nothing of the request: it is staff's.
    get_adapter().send_notification_mail(
        "mfa/email/reset_by_staff", person, context={"ip": "", "user_agent": ""}, email=person.email
    )
    return ended


@transaction.atomic
def _remove_second_factors(person: User, actor: str, reason: str) -> int:
    current = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if current.is_staff:
        raise Refusal(
            "validation_error",
            "This is an account of our staff. An operator ends that first: manage.py make_staff --remove.",
        )
    types = sorted(Authenticator.objects.filter(user=current).values_list("type", flat=True))
    if not types:
        raise Refusal("validation_error", "There is no second factor to remove.")
    Authenticator.objects.filter(user=current).delete()
    ended = sessions.end_others(current, None)
    audit.record(None, actor, "user.second_factor_reset", current.pk, reason=reason, types=types, sessions=ended)
    return ended


@transaction.atomic
def end_sessions(person: User, *, actor: str, reason: str) -> int:
    """Log a person out everywhere. Returns how many sessions ended."""
    ended = sessions.end_others(person, None)
    if ended:
        audit.record(None, actor, "user.sessions_ended", person.pk, reason=reason, sessions=ended)
    return ended
