"""`manage.py bootstrap_org`: an organisation with everything it needs for its first call."""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts import organisations
from accounts.models import Organisation, Region
from billing.models import Plan
from zupertry.bootstrap import ACTOR, bootstrap, random_password

MAX_CREDITS = 1_000_000_000
MAX_RATE_LIMIT = 1_000_000_000


class Command(BaseCommand):
    help = (
        "Make an organisation with its owner, a workspace, credits, and a key of each mode. The secrets are shown once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="The organisation's name.")
        parser.add_argument("--email", required=True, help="The owner's address.")
        parser.add_argument("--password", help="The owner's password. Default: a random one, which is not shown.")
        parser.add_argument("--region", default=Region.GLOBAL.value, choices=Region.values)
        parser.add_argument("--plan", default="starter", help="A plan's code: starter, growth, scale or enterprise.")
        parser.add_argument("--credits", type=int, help="Credits at the start. Default: the plan's.")
        parser.add_argument("--suspended", action="store_true", help="Suspend it at once.")
        parser.add_argument("--rate-limit", type=int, help="Requests a minute. Default: 60.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        made = bootstrap(
            name=self._name(options["name"]),
            email=self._email(options["email"]),
            password=options["password"] or random_password(),
            region=options["region"],
            plan=options["plan"],
            credits_=self._credits(options["plan"], options["credits"]),
            rate_limit=self._rate_limit(options["rate_limit"]),
        )
        if options["suspended"]:
            organisations.suspend(Organisation.objects.get(pk=made.org_id), actor=ACTOR, reason="made suspended")
        if options["json"]:
            self.stdout.write(json.dumps(made.as_dict()))
        else:
            self.stdout.write("\n".join(f"{name:15} {value}" for name, value in made.as_dict().items()))

    @staticmethod
    def _name(text: str) -> str:
        if not 0 < len(text) <= 200:
            raise CommandError("--name has between 1 and 200 characters.")
        return text

    @staticmethod
    def _rate_limit(number: int | None) -> int | None:
        if number is not None and not 0 < number <= MAX_RATE_LIMIT:
            raise CommandError(f"--rate-limit has to be between 1 and {MAX_RATE_LIMIT}.")
        return number

    @staticmethod
    def _email(text: str) -> str:
        try:
            validate_email(text)
        except ValidationError as error:
            raise CommandError(f"--email “{text}” is no e-mail address.") from error
        return text

    @staticmethod
    def _credits(plan_code: str, credits_: int | None) -> int:
        plan = Plan.objects.filter(pk=plan_code).first()
        if plan is None:
            known = ", ".join(Plan.objects.values_list("code", flat=True))
            raise CommandError(f"--plan “{plan_code}” does not exist. There are: {known}.")
        if credits_ is None:
            return settings.SIGNUP_CREDITS if plan.signup_credits is None else plan.signup_credits
        if not 0 <= credits_ <= MAX_CREDITS:
            raise CommandError(f"--credits has to be between 0 and {MAX_CREDITS}.")
        return credits_
