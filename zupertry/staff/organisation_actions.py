"""What staff do to an organisation. Each asks the app that decides about it."""

from email.utils import parseaddr
from typing import Any

from django import forms
from django.conf import settings

from accounts import organisations
from accounts.models import Organisation, Region
from accounts.staff.actions import Order, ReasonForm, StaffAction
from billing import adjustments, catalogue, regions
from billing.models import Plan
from zupertry.core.errors import Refusal

MOST_CREDITS = 1_000_000
MOST_PER_MINUTE = 100_000


class CreditsForm(ReasonForm):
    """How many credits, and what the customer reads of it."""

    credits = forms.IntegerField(min_value=1, max_value=MOST_CREDITS)
    note = forms.CharField(
        max_length=300, required=False, help_text="What the customer reads in the ledger. No personal data."
    )


class RateLimitForm(ReasonForm):
    """How many requests."""

    per_minute = forms.IntegerField(label="Requests a minute", min_value=1, max_value=MOST_PER_MINUTE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["per_minute"] = getattr(self.rows[0], "rate_limit_per_minute", None)


class PlanForm(ReasonForm):
    """Which plan."""

    plan = forms.ModelChoiceField(Plan.objects.order_by("code"), empty_label=None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["plan"] = getattr(self.rows[0], "plan", None)


class RegionForm(ReasonForm):
    """Which region."""

    region = forms.ChoiceField(choices=Region.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["region"] = getattr(self.rows[0], "region", None)


class MessageForm(ReasonForm):
    """What to write to the owners."""

    subject = forms.CharField(max_length=120)
    text = forms.CharField(
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 10, "cols": 60}),
        help_text="Plain text. An empty line begins a new paragraph.",
    )
    reply_to = forms.EmailField(label="Answers go to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["reply_to"] = settings.SUPPORT_EMAIL or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def _suspend(organisation: Organisation, order: Order) -> str:
    if not organisations.suspend(organisation, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", "It is suspended already.")
    return "Suspended. Its requests are refused, and its jobs wait."


def _restore(organisation: Organisation, order: Order) -> str:
    if not organisations.restore(organisation, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", "It is not suspended.")
    return f"Restored. The jobs that have waited begin within {settings.SWEEP_INTERVAL_SECONDS} seconds."


def _grant(organisation: Organisation, order: Order) -> str:
    if not adjustments.give(organisation, **_credits(order)):
        raise Refusal("validation_error", "This very form has granted them already.")
    return f"{order.fields['credits']:,} credits granted."


def _take(organisation: Organisation, order: Order) -> str:
    if not adjustments.take(organisation, **_credits(order)):
        raise Refusal("validation_error", "This very form has taken them already.")
    return f"{order.fields['credits']:,} credits taken."


def _credits(order: Order) -> dict[str, Any]:
    return {
        "credits_": order.fields["credits"],
        "reference": order.reference,
        "actor": order.actor,
        "reason": order.reason,
        "note": order.fields["note"],
    }


def _limit(organisation: Organisation, order: Order) -> str:
    per_minute = order.fields["per_minute"]
    if not organisations.set_rate_limit(organisation, per_minute, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", "That is its limit already.")
    return f"{per_minute:,} requests a minute from now on."


def _plan(organisation: Organisation, order: Order) -> str:
    plan = order.fields["plan"]
    if not catalogue.move(organisation, plan, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", f"It is on {plan} already.")
    return f"It is on {plan} now, and offered its packs."


def _region(organisation: Organisation, order: Order) -> str:
    region = Region(order.fields["region"])
    if not regions.move(organisation, region, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", f"It is billed as {region.label} already.")
    return f"It is billed as {region.label} now. Auto-reload is off."


def _write(organisation: Organisation, order: Order) -> str:
    message = {name: order.fields[name] for name in ("subject", "text", "reply_to")}
    if not organisations.write_to_owners(
        organisation, order.reference, actor=order.actor, reason=order.reason, **message
    ):
        raise Refusal("validation_error", "This very form has been sent already.")
    return "The mail is on its way to its owners."


def _stays(organisation: Organisation) -> bool:
    return organisation.closed_at is None


ACTIONS: list[StaffAction[Organisation]] = [
    StaffAction(
        "suspend",
        "Suspend",
        "accounts.suspend_organisation",
        "Requests with its keys are refused (account_suspended) and no job of its begins. Pending jobs stay pending; "
        "jobs that a worker has begun go on to their end. People can still log in, look, and pay. Owners and admins "
        "get a mail that says so, without the reason.",
        _suspend,
        offered=lambda organisation: organisation.suspended_at is None and _stays(organisation),
    ),
    StaffAction(
        "restore",
        "Restore",
        "accounts.suspend_organisation",
        "Its requests are answered again, and the jobs that have waited are picked up by the next sweep. Owners and "
        "admins get a mail that says so, without the reason.",
        _restore,
        offered=lambda organisation: organisation.suspended_at is not None,
    ),
    StaffAction(
        "grant-credits",
        "Grant credits",
        "billing.grant_credits",
        "Gives credits for nothing, as an entry in the ledger. The same form sent twice gives them once.",
        _grant,
        CreditsForm,
        offered=_stays,
    ),
    StaffAction(
        "take-credits",
        "Take credits",
        "billing.take_credits",
        "Takes available credits, as an adjustment in the ledger. No more than are available: nobody is left in debt, "
        "and what jobs hold is theirs until they end.",
        _take,
        CreditsForm,
        offered=_stays,
    ),
    StaffAction(
        "set-rate-limit",
        "Set the rate limit",
        "accounts.set_rate_limit",
        "How many requests a minute all its keys may make together. It holds from the next request on.",
        _limit,
        RateLimitForm,
        offered=_stays,
    ),
    StaffAction(
        "set-plan",
        "Change the plan",
        "accounts.set_plan",
        "It is offered that plan's packs from now on. Credits that it has stay. If auto-reload buys a pack that is on "
        "sale, it goes on buying that one.",
        _plan,
        PlanForm,
        offered=_stays,
    ),
    StaffAction(
        "set-region",
        "Change the region",
        "accounts.set_region",
        "Decides currency, gateway and tax of what it buys from now on. Refused while a payment is under way. "
        "Auto-reload is switched off. Payment methods that another gateway keeps are charged no more; they work again "
        "if it moves back, and the customer can remove them. Billing details have to be filled in for the new region.",
        _region,
        RegionForm,
        offered=_stays,
    ),
    StaffAction(
        "mail-owners",
        "Write to the owners",
        "accounts.mail_owners",
        "Sends a mail to every owner. It stays readable under Mails; the customer's audit log says that you wrote.",
        _write,
        MessageForm,
        offered=_stays,
    ),
]
