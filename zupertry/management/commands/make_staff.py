"""`manage.py make_staff`: a member of staff, in the groups that the work needs."""

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from accounts.models import User
from zupertry.staff.groups import GROUPS


class Command(BaseCommand):
    help = (
        "Make a person a member of staff, in exactly these groups. Who has no account yet gets one, "
        "and chooses a password by “Forgot your password?”. With --remove, they are staff no longer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="The person's address.")
        parser.add_argument("--group", action="append", choices=list(GROUPS), help="May be given several times.")
        parser.add_argument("--password", help="For a new account. Default: none that works.")
        parser.add_argument("--remove", action="store_true", help="Take the person out of the staff.")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"--email is “{email}”, which is no address.") from None
        user = User.objects.filter(email=email).first()
        if options["remove"]:
            self._remove(user, email)
        elif not options["group"]:
            raise CommandError(f"Say which groups, such as: --group {' --group '.join(GROUPS)}")
        else:
            self._make(user or User.objects.create_user(email, options["password"]), options["group"])

    def _make(self, user: User, groups: list[str]) -> None:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        user.groups.set(Group.objects.filter(name__in=groups))
        # Whoever runs this vouches for the address: a second factor can be set up only with a verified one.
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
        self.stdout.write(
            f"{user.email} is staff now, in {' and '.join(sorted(groups))}. "
            f"The way in: {settings.PUBLIC_URL}/{settings.ADMIN_PATH} with a second factor."
        )

    def _remove(self, user: User | None, email: str) -> None:
        if user is None or not user.is_staff:
            raise CommandError(f"{email} is not staff.")
        user.is_staff = user.is_superuser = False
        user.save(update_fields=["is_staff", "is_superuser"])
        user.groups.clear()
        self.stdout.write(f"{email} is no longer staff.")
