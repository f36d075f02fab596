"""The groups of staff, and what each may do: the least that its work needs. A migration makes them."""

from collections.abc import Iterable

from django.apps import AppConfig
from django.apps.registry import Apps

APPS = ("accounts", "billing", "tryon", "django_celery_beat")

SEES_CUSTOMERS = {
    "accounts": "user organisation membership invitation workspace apikey webhookendpoint webhookevent "
    "webhookdelivery deliveryattempt auditentry mail",
    "tryon": "job upload",
}
SEES_MONEY = {
    "billing": "plan creditpack creditaccount ledgerentry payment reversal paymentmethod autoreload gatewayevent "
    "invoice discrepancy billingdetails",
}
SEES_SCHEDULE = {"django_celery_beat": "periodictask intervalschedule crontabschedule"}


def _see(*parts: dict[str, str]) -> frozenset[str]:
    return frozenset(
        f"{app}.view_{model}" for part in parts for app, models in part.items() for model in models.split()
    )


GROUPS: dict[str, frozenset[str]] = {
    "Support": _see(SEES_CUSTOMERS, SEES_MONEY)
    | {
        "accounts.end_sessions",
        "accounts.mail_owners",
        "accounts.replay_webhookdelivery",
        "accounts.reset_second_factor",
        "accounts.revoke_apikey",
        "accounts.stop_webhookdelivery",
        "tryon.cancel_job",
        "tryon.rerun_job",
    },
    "Billing": _see(SEES_CUSTOMERS, SEES_MONEY)
    | {
        "accounts.set_plan",
        "accounts.set_region",
        "accounts.mail_owners",
        "accounts.suspend_organisation",
        "billing.add_creditpack",
        "billing.add_plan",
        "billing.change_creditpack",
        "billing.change_plan",
        "billing.grant_credits",
        "billing.replay_gatewayevent",
        "billing.resolve_discrepancy",
        "billing.resolve_payment",
        "billing.take_credits",
        "tryon.refund_job",
    },
    "Engineering": _see(SEES_CUSTOMERS, SEES_MONEY, SEES_SCHEDULE)
    | {
        "accounts.end_sessions",
        "accounts.set_rate_limit",
        "accounts.replay_webhookdelivery",
        "accounts.revoke_apikey",
        "accounts.stop_webhookdelivery",
        "accounts.suspend_organisation",
        "billing.replay_gatewayevent",
        "django_celery_beat.add_crontabschedule",
        "django_celery_beat.add_intervalschedule",
        "django_celery_beat.add_periodictask",
        "django_celery_beat.change_crontabschedule",
        "django_celery_beat.change_intervalschedule",
        "django_celery_beat.change_periodictask",
        "tryon.cancel_job",
        "tryon.fail_job",
        "tryon.rerun_job",
    },
}
"""Permissions by group. Nobody may delete; what nobody here may do, only a superuser may."""


def make_groups(apps: Apps) -> None:
    """Make the groups, with exactly these permissions. `apps` are Django's, or a migration's."""
    _make_permissions(apps)
    rows = apps.get_model("auth", "Permission").objects.filter(content_type__app_label__in=APPS)
    ids = {f"{app}.{code}": id_ for app, code, id_ in rows.values_list("content_type__app_label", "codename", "pk")}
    for name, wanted in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.set([ids[code] for code in wanted])


def _make_permissions(apps: Apps) -> None:
    """Make the rows of permissions, which Django does only after all migrations have run."""
    from django.apps import apps as current
    from django.contrib.auth.management import create_permissions

    configs: Iterable[AppConfig] = [current.get_app_config(label) for label in APPS]
    for config in configs:
        create_permissions(config, apps=apps, verbosity=0)
