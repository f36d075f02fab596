"""Who gets what on staff's site: one table, by which every page and every action of every table is tried.

A table of the admin, or an action, without a row fails a test.
"""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import User
from zupertry.core.ids import IdField, new
from zupertry.staff.groups import GROUPS
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

# What may be done to a table: to see its listing, its rows and its CSV, to add a row, to change one, or an action.
TABLE = """
what                                       Support Billing Engineering
accounts.apikey see                        yes     yes     yes
accounts.apikey add                        -       -       -
accounts.apikey change                     -       -       -
accounts.apikey delete                     -       -       -
accounts.apikey revoke                     yes     -       yes
accounts.auditentry see                    yes     yes     yes
accounts.auditentry add                    -       -       -
accounts.auditentry change                 -       -       -
accounts.auditentry delete                 -       -       -
accounts.invitation see                    yes     yes     yes
accounts.invitation add                    -       -       -
accounts.invitation change                 -       -       -
accounts.invitation delete                 -       -       -
accounts.mail see                          yes     yes     yes
accounts.mail add                          -       -       -
accounts.mail change                       -       -       -
accounts.mail delete                       -       -       -
accounts.membership see                    yes     yes     yes
accounts.membership add                    -       -       -
accounts.membership change                 -       -       -
accounts.membership delete                 -       -       -
accounts.organisation see                  yes     yes     yes
accounts.organisation add                  -       -       -
accounts.organisation change               -       -       -
accounts.organisation delete               -       -       -
accounts.organisation suspend              -       yes     yes
accounts.organisation restore              -       yes     yes
accounts.organisation grant-credits        -       yes     -
accounts.organisation take-credits         -       yes     -
accounts.organisation set-rate-limit       -       -       yes
accounts.organisation set-plan             -       yes     -
accounts.organisation set-region           -       yes     -
accounts.organisation mail-owners          yes     yes     -
accounts.user see                          yes     yes     yes
accounts.user add                          -       -       -
accounts.user change                       -       -       -
accounts.user delete                       -       -       -
accounts.user reset-second-factor          yes     -       -
accounts.user end-sessions                 yes     -       yes
accounts.webhookdelivery see               yes     yes     yes
accounts.webhookdelivery add               -       -       -
accounts.webhookdelivery change            -       -       -
accounts.webhookdelivery delete            -       -       -
accounts.webhookdelivery replay            yes     -       yes
accounts.webhookdelivery stop              yes     -       yes
accounts.webhookendpoint see               yes     yes     yes
accounts.webhookendpoint add               -       -       -
accounts.webhookendpoint change            -       -       -
accounts.webhookendpoint delete            -       -       -
accounts.webhookevent see                  yes     yes     yes
accounts.webhookevent add                  -       -       -
accounts.webhookevent change               -       -       -
accounts.webhookevent delete               -       -       -
accounts.workspace see                     yes     yes     yes
accounts.workspace add                     -       -       -
accounts.workspace change                  -       -       -
accounts.workspace delete                  -       -       -
billing.autoreload see                     yes     yes     yes
billing.autoreload add                     -       -       -
billing.autoreload change                  -       -       -
billing.autoreload delete                  -       -       -
billing.billingdetails see                 yes     yes     yes
billing.billingdetails add                 -       -       -
billing.billingdetails change              -       -       -
billing.billingdetails delete              -       -       -
billing.creditaccount see                  yes     yes     yes
billing.creditaccount add                  -       -       -
billing.creditaccount change               -       -       -
billing.creditaccount delete               -       -       -
billing.creditpack see                     yes     yes     yes
billing.creditpack add                     -       yes     -
billing.creditpack change                  -       yes     -
billing.creditpack delete                  -       -       -
billing.discrepancy see                    yes     yes     yes
billing.discrepancy add                    -       -       -
billing.discrepancy change                 -       -       -
billing.discrepancy delete                 -       -       -
billing.discrepancy close                  -       yes     -
billing.gatewayevent see                   yes     yes     yes
billing.gatewayevent add                   -       -       -
billing.gatewayevent change                -       -       -
billing.gatewayevent delete                -       -       -
billing.gatewayevent replay                -       yes     yes
billing.invoice see                        yes     yes     yes
billing.invoice add                        -       -       -
billing.invoice change                     -       -       -
billing.invoice delete                     -       -       -
billing.ledgerentry see                    yes     yes     yes
billing.ledgerentry add                    -       -       -
billing.ledgerentry change                 -       -       -
billing.ledgerentry delete                 -       -       -
billing.payment see                        yes     yes     yes
billing.payment add                        -       -       -
billing.payment change                     -       -       -
billing.payment delete                     -       -       -
billing.payment look                       -       yes     -
billing.payment decide                     -       yes     -
billing.paymentmethod see                  yes     yes     yes
billing.paymentmethod add                  -       -       -
billing.paymentmethod change               -       -       -
billing.paymentmethod delete               -       -       -
billing.plan see                           yes     yes     yes
billing.plan add                           -       yes     -
billing.plan change                        -       yes     -
billing.plan delete                        -       -       -
billing.reversal see                       yes     yes     yes
billing.reversal add                       -       -       -
billing.reversal change                    -       -       -
billing.reversal delete                    -       -       -
django_celery_beat.crontabschedule see     -       -       yes
django_celery_beat.crontabschedule add     -       -       yes
django_celery_beat.crontabschedule change  -       -       yes
django_celery_beat.crontabschedule delete  -       -       -
django_celery_beat.intervalschedule see    -       -       yes
django_celery_beat.intervalschedule add    -       -       yes
django_celery_beat.intervalschedule change -       -       yes
django_celery_beat.intervalschedule delete -       -       -
django_celery_beat.periodictask see        -       -       yes
django_celery_beat.periodictask add        -       -       yes
django_celery_beat.periodictask change     -       -       yes
django_celery_beat.periodictask delete     -       -       -
django_celery_beat.periodictask on         -       -       yes
django_celery_beat.periodictask off        -       -       yes
django_celery_beat.periodictask run        -       -       yes
tryon.job see                              yes     yes     yes
tryon.job add                              -       -       -
tryon.job change                           -       -       -
tryon.job delete                           -       -       -
tryon.job run-again                        yes     -       yes
tryon.job cancel                           yes     -       yes
tryon.job fail                             -       -       yes
tryon.job refund                           -       yes     -
tryon.upload see                           yes     yes     yes
tryon.upload add                           -       -       -
tryon.upload change                        -       -       -
tryon.upload delete                        -       -       -
"""
BUILT_IN = ("see", "add", "change", "delete")
VISITORS = [*GROUPS, "no group"]


def expected() -> dict[str, set[str]]:
    """Return which groups may do what, by `app.model what`."""
    head, *lines = (line.split() for line in TABLE.strip().splitlines())
    table = {}
    for model, what, *cells in lines:
        assert set(cells) <= {"yes", "-"}, (model, what)
        table[f"{model} {what}"] = {group for group, cell in zip(head[1:], cells, strict=True) if cell == "yes"}
    return table


def everything() -> dict[str, tuple[type[Model], str]]:
    """Return everything that can be asked for, by `app.model what`."""
    return {
        f"{model._meta.label_lower} {what}": (model, what)
        for model, page in admin.site._registry.items()
        for what in (*BUILT_IN, *(action.name for action in getattr(page, "staff_actions", ())))
    }


def allowed(client: Client, model: type[Model], what: str) -> bool:
    """Say whether somebody is let in. There is no such row: who is let in is told so, others that they may not."""
    key = new(model._meta.pk.prefix) if isinstance(model._meta.pk, IdField) else "1"

    def status(page: str, *args: str, query: str = "", method: str = "get") -> int:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)
        return int(getattr(client, method)(address + query).status_code)

    asked = {
        "see": lambda: {status("changelist"), status("csv"), status("change", key)},
        "add": lambda: {status("add"), status("add", method="post")},
        "change": lambda: {status("change", key, method="post")},
        "delete": lambda: {status("delete", key), status("delete", key, method="post")},
    }
    do = lambda: {status("do", what, query=f"?id={key}", method=method) for method in ("get", "post")}  # noqa: E731
    answers = asked.get(what, do)()
    assert answers <= {200, 302, 404} or answers == {403}, answers
    return answers != {403}


def test_everything_has_a_row_and_every_row_is_of_something() -> None:
    assert expected().keys() == everything().keys()


@pytest.mark.parametrize("visitor", VISITORS)
def test_each_group_gets_what_the_table_says(world: World, visitor: str) -> None:
    client = staff_client(make_staff(*([visitor] if visitor in GROUPS else [])))
    table = expected()
    got = {name: allowed(client, *asked) for name, asked in everything().items()}
    assert got == {name: visitor in table.get(name, set()) for name in got}


@pytest.mark.parametrize("visitor", ["nobody", "charlie"])
def test_customers_never_see_more_than_the_login(world: World, visitor: str) -> None:
    client = Client()
    if visitor == "charlie":
        client.force_login(User.objects.get(email="charlie@example.com"))
    for model in admin.site._registry:
        for page in ("changelist", "csv", "add"):
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")
            answer = client.get(address, follow=True)
            assert answer.status_code == (403 if visitor == "charlie" else 200)
            assert visitor == "charlie" or answer.redirect_chain[-1][0].startswith("/login?next=")
            assert "Zupertry staff" not in answer.content.decode()
