"""Members of staff, as they are once they have come in: with a second factor, just now."""

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.flows.login import _AUTHENTICATION_METHODS_USER_SESSION_KEY
from allauth.account.internal.userkit import user_id_to_str
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User


def make_staff(*groups: str, superuser: bool = False, email: str = "") -> User:
    """Make a person in these groups (`Support`, `Billing`, `Engineering`), whose second factor is an app."""
    email = email or f"{'-'.join(groups).lower() or 'staff'}@zupertry.test"
    user = User.objects.create_user(email, "staff-password", is_staff=True, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name__in=groups))
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    TOTP.activate(user, generate_totp_secret())
    return user


def staff_client(user: User, *, hours_ago: float = 0, second_factor: bool = True) -> Client:
    """Return a browser in which this person logged in so long ago, with a second factor unless told otherwise."""
    client = Client()
    client.force_login(user)
    session = client.session
    at = time.time() - hours_ago * 3600
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": at, "email": user.email},
        *([{"method": "mfa", "at": at, "type": "totp"}] if second_factor else []),
    ]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(user)
    session.save()
    return client
