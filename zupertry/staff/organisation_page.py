"""An organisation as staff see it: what it has, what it did, what was done, and the way to all of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.html import format_html

from accounts.models import ApiKey, AuditEntry, Invitation, Mail, Membership, Organisation, WebhookDelivery, Workspace
from accounts.staff import cells
from accounts.staff.links import link_to, link_to_actor, link_to_id, listing_of
from accounts.staff.person_page import LOG_COLUMNS, log_rows
from accounts.staff.sections import Table
from billing import pace
from billing.models import AutoReload, CreditAccount, LedgerEntry, Payment, PaymentMethod
from tryon.models import Job
from zupertry.core.money import format_count, format_minor

ROWS = 8


def figures_of(organisation: Organisation) -> Mapping[str, Any]:
    """Return how its credits stand."""
    account = CreditAccount.objects.get(pk=organisation.pk)
    spent = pace.spent_lately(organisation.pk, timezone.now())
    days = pace.days_left(account.available, spent)
    currency = organisation.currency
    return {
        "Available": format_count(account.available, currency),
        "Reserved": format_count(account.reserved, currency),
        f"Spent in {pace.PACE_DAYS} days": format_count(spent, currency),
        "Days left": "nothing is spent" if days is None else days,
    }


def sections_of(organisation: Organisation) -> Sequence[Table]:
    """Return the sections of its page, each in one query."""
    return [section(organisation) for section in _SECTIONS]


def _jobs(organisation: Organisation) -> Table:
    jobs = Job.objects.filter(organisation=organisation).order_by("-pk")[:ROWS]
    rows = [
        (
            link_to(job),
            job.created_at,
            cells.state(job.mode),
            cells.state(job.status),
            job.error_code,
            "" if job.duration_ms is None else cells.milliseconds(job.duration_ms),
        )
        for job in jobs
    ]
    columns = ("Job", "Submitted", "Mode", "Status", "Error", "Took")
    return Table("Jobs", columns, rows, listing_of(Job, organisation=organisation.pk))


def _deliveries(organisation: Organisation) -> Table:
    latest = WebhookDelivery.objects.filter(organisation=organisation).select_related("event").order_by("-pk")[:ROWS]
    rows = [
        (
            link_to(d, d.pk),
            d.event.type,
            link_to_id(d.event.reference),
            cells.state(d.status),
            d.attempt,
            d.next_attempt_at,
        )
        for d in latest
    ]
    columns = ("Delivery", "Event", "About", "Status", "Attempts", "Next attempt")
    return Table("Webhook deliveries", columns, rows, listing_of(WebhookDelivery, organisation=organisation.pk))


def _ledger(organisation: Organisation) -> Table:
    entries = LedgerEntry.objects.filter(account=organisation.pk).order_by("-pk")[:ROWS]
    rows = [
        (
            e.created_at,
            link_to(e, e.kind),
            _signed(e.available_delta),
            _signed(e.reserved_delta),
            "a form of staff's" if e.reference.startswith("staff:") else link_to_id(e.reference),
            link_to_actor(e.actor),
            e.note,
        )
        for e in entries
    ]
    columns = ("When", "Kind", "Available", "Reserved", "For", "By", "Note")
    return Table("Ledger", columns, rows, listing_of(LedgerEntry, account=organisation.pk))


def _signed(delta: int) -> str:
    return f"{delta:+,}" if delta else ""


def _payments(organisation: Organisation) -> Table:
    latest = Payment.objects.filter(organisation=organisation).order_by("-pk")[:ROWS]
    rows = [
        (
            link_to(payment, payment.pk),
            payment.created_at,
            format_minor(payment.amount_minor, payment.currency),
            format_count(payment.credits, payment.currency),
            cells.state(payment.status),
            payment.get_purpose_display(),
            payment.gateway,
            payment.failure,
        )
        for payment in latest
    ]
    columns = ("Payment", "Made", "Amount", "Credits", "Status", "Purpose", "Gateway", "Failure")
    return Table("Payments", columns, rows, listing_of(Payment, organisation=organisation.pk))


def _auto_reload(organisation: Organisation) -> Table:
    """Return the one row that it has at most."""
    own = AutoReload.objects.filter(pk=organisation.pk).select_related("pack")
    rows = [
        (
            link_to(reload, "on" if reload.enabled else "off"),
            f"below {reload.threshold:,}",
            f"{format_count(reload.pack.credits, reload.pack.currency)} credits",
            format_minor(reload.monthly_cap_minor, reload.pack.currency),
            reload.failures_in_a_row,
            reload.claimed_at,
            reload.switched_off_because,
        )
        for reload in own
    ]
    columns = ("State", "Starts", "Buys", "At most a month", "Failures in a row", "Last attempt", "Off because")
    return Table("Auto-reload", columns, rows, nothing="Never switched on.")


def _methods(organisation: Organisation) -> Table:
    kept = PaymentMethod.objects.filter(organisation=organisation).order_by("-is_default", "-pk")[:ROWS]
    rows = [
        (
            link_to(method),
            method.gateway,
            cells.state(method.status),
            "yes" if method.is_default else "",
            method.expires_on,
        )
        for method in kept
    ]
    columns = ("Method", "Gateway", "Status", "Default", "Ends")
    return Table("Payment methods", columns, rows, listing_of(PaymentMethod, organisation=organisation.pk))


def _members(organisation: Organisation) -> Table:
    members = Membership.objects.filter(organisation=organisation).select_related("user").order_by("pk")[:ROWS]
    rows = [(link_to(m.user), m.user.name, m.role, m.user.last_login) for m in members]
    columns = ("Person", "Name", "Role", "Last login")
    return Table("Members", columns, rows, listing_of(Membership, organisation=organisation.pk))


def _invitations(organisation: Organisation) -> Table:
    latest = Invitation.objects.filter(organisation=organisation).order_by("-pk")[:ROWS]
    rows = [(link_to(i, i.email), i.role, i.sent_at, i.expires_at, i.accepted_at, i.revoked_at) for i in latest]
    columns = ("Address", "Role", "Sent", "Expires", "Accepted", "Revoked")
    return Table("Invitations", columns, rows, listing_of(Invitation, organisation=organisation.pk))


def _keys(organisation: Organisation) -> Table:
    keys = ApiKey.objects.filter(organisation=organisation).order_by("-pk")[:ROWS]
    rows = [
        (
            link_to(key, format_html("<code>{}</code>", key)),
            key.name,
            cells.state(key.status),
            key.last_used_at,
            key.created_at,
        )
        for key in keys
    ]
    columns = ("Key", "Name", "Status", "Last used", "Made")
    return Table("API keys", columns, rows, listing_of(ApiKey, organisation=organisation.pk))


def _workspaces(organisation: Organisation) -> Table:
    shelves = Workspace.objects.filter(organisation=organisation).order_by("pk")[:ROWS]
    rows = [(link_to(w), cells.code(w.pk), cells.state(w.status), w.created_at) for w in shelves]
    columns = ("Name", "Id", "Status", "Made")
    return Table("Workspaces", columns, rows, listing_of(Workspace, organisation=organisation.pk))


def _log(organisation: Organisation) -> Table:
    entries = AuditEntry.objects.filter(organisation=organisation).order_by("-pk")[:ROWS]
    return Table("Audit log", LOG_COLUMNS, log_rows(entries), listing_of(AuditEntry, organisation=organisation.pk))


def _mails(organisation: Organisation) -> Table:
    latest = Mail.objects.filter(organisation=organisation).order_by("-pk")[:ROWS]
    rows = [(link_to(m, m.kind), m.created_at, m.sent_at, m.attempts, m.next_attempt_at) for m in latest]
    columns = ("Kind", "Written", "Sent", "Attempts", "Next attempt")
    return Table("Mails", columns, rows, listing_of(Mail, organisation=organisation.pk))


_SECTIONS = (
    *(_jobs, _deliveries, _ledger, _payments, _auto_reload, _methods),
    *(_members, _invitations, _keys, _workspaces, _log, _mails),
)
