"""Every URL, for everyone: nobody, Charlie, who owns another organisation, and each role in Alice's.

A row says the method, the address, with names in braces for what is Alice's, and what each visitor gets: a status of
HTTP, or `login` for being sent to the login. Where that is a refusal, the other method is refused as well.

A URL without a row fails a test. Django's admin has one row for all of it, and a walk of its own.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from accounts.models import Membership, User
from tryon.tests.conftest import media
from zupertry.core import storage
from zupertry.data.tests.conftest import browser, furnish, person
from zupertry.testing.api import ApiClient
from zupertry.testing.page import parse
from zupertry.testing.passkey import Passkey
from zupertry.testing.world import World

__all__ = ["media"]

BY_PERSON = """
method address                                                   nobody charlie owner admin developer billing viewer
GET    /                                                         200    200     200   200   200       200     200
GET    /pricing                                                  200    200     200   200   200       200     200
GET    /llms.txt                                                 200    200     200   200   200       200     200
GET    /robots.txt                                               200    200     200   200   200       200     200
GET    /sitemap.xml                                              200    200     200   200   200       200     200
GET    /docs                                                     302    302     302   302   302       302     302
GET    /docs/api                                                 200    200     200   200   200       200     200
GET    /docs/quickstart                                          200    200     200   200   200       200     200
GET    /docs/quickstart.md                                       200    200     200   200   200       200     200
POST   /gateway-events/stripe                                    404    404     404   404   404       404     404
GET    /files/{picture}                                          404    404     404   404   404       404     404
GET    {link}                                                    200    200     200   200   200       200     200
GET    /signup                                                   200    302     302   302   302       302     302
GET    /signup/code                                              302    302     302   302   302       302     302
GET    /login                                                    200    302     302   302   302       302     302
GET    /login/code                                               302    302     302   302   302       302     302
GET    /login/passkey                                            302    302     302   302   302       302     302
POST   /logout                                                   302    302     302   302   302       302     302
GET    /inactive                                                 200    200     200   200   200       200     200
GET    /password/reset                                           200    200     200   200   200       200     200
GET    /password/reset/sent                                      200    200     200   200   200       200     200
GET    /password/reset/done                                      200    200     200   200   200       200     200
GET    /password/reset/usr_0-0                                   200    200     200   200   200       200     200
GET    /confirm                                                  login  200     200   200   200       200     200
GET    /confirm/code                                             login  302     200   302   302       302     302
POST   /confirm/passkey                                          login  302     302   302   302       302     302
GET    /dashboard/account                                        login  200     200   200   200       200     200
GET    /dashboard/account/email                                  login  200     200   200   200       200     200
GET    /dashboard/account/password                               login  200     200   200   200       200     200
GET    /dashboard/account/password/first                         login  302     302   302   302       302     302
GET    /dashboard/account/sessions                               login  200     200   200   200       200     200
POST   /dashboard/account/sessions/end                           login  302     302   302   302       302     302
GET    /dashboard/account/security                               login  200     200   200   200       200     200
GET    /dashboard/account/security/app                           login  200     200   200   200       200     200
GET    /dashboard/account/security/app/remove                    login  404     404   404   404       404     404
GET    /dashboard/account/security/codes                         login  404     200   404   404       404     404
GET    /dashboard/account/security/codes/new                     login  200     200   200   200       200     200
GET    /dashboard/account/security/codes.txt                     login  404     200   404   404       404     404
GET    /dashboard/account/security/passkeys                      302    302     302   302   302       302     302
GET    /dashboard/account/security/passkeys/add                  login  200     200   200   200       200     200
GET    /dashboard/account/security/passkeys/{passkey}            login  404     200   404   404       404     404
GET    /dashboard/account/security/passkeys/{passkey}/remove     login  404     200   404   404       404     404
GET    /onboarding                                               login  302     302   302   302       302     302
GET    /dashboard                                                302    302     302   302   302       302     302
GET    /dashboard/                                               login  200     200   200   200       200     200
POST   /dashboard/hide-steps                                     login  302     302   302   302       302     302
POST   /dashboard/organisation                                   login  302     302   302   302       302     302
GET    /dashboard/developers/keys                                login  200     200   200   200       403     403
GET    /dashboard/developers/keys/new                            login  200     200   200   200       403     403
POST   /dashboard/developers/keys/{key}/disable                  login  404     302   302   302       403     403
POST   /dashboard/developers/keys/{key}/enable                   login  404     302   302   302       403     403
POST   /dashboard/developers/keys/{key}/revoke                   login  404     302   302   302       403     403
GET    /dashboard/developers/webhooks                            login  200     200   200   200       403     403
GET    /dashboard/developers/webhooks/rotate                     login  200     200   200   200       403     403
POST   /dashboard/developers/webhooks/rotate                     login  302     302   302   302       403     403
POST   /dashboard/developers/webhooks/finish-rotation            login  302     302   302   302       403     403
POST   /dashboard/developers/webhooks/test                       login  302     302   302   302       403     403
GET    /dashboard/developers/deliveries                          login  200     200   200   200       403     403
POST   /dashboard/developers/deliveries/replay                   login  422     422   422   422       403     403
GET    /dashboard/developers/deliveries/{delivery}               login  404     200   200   200       403     403
GET    /dashboard/developers/deliveries/{delivery}/state         login  404     200   200   200       403     403
POST   /dashboard/developers/deliveries/{delivery}/replay        login  404     302   302   302       403     403
GET    /dashboard/workspaces                                     login  200     200   200   200       403     403
POST   /dashboard/workspaces/{workspace}                         login  404     422   422   422       403     403
POST   /dashboard/workspaces/{workspace}/archive                 login  404     302   302   302       403     403
POST   /dashboard/workspaces/{workspace}/restore                 login  404     302   302   302       403     403
GET    /dashboard/team                                           login  200     200   200   403       403     403
POST   /dashboard/team/invitations/{invitation}/resend           login  404     302   302   403       403     403
POST   /dashboard/team/invitations/{invitation}/revoke           login  404     302   302   403       403     403
GET    /dashboard/team/{member}                                  login  404     200   200   403       403     403
POST   /dashboard/team/{member}/remove                           login  404     302   302   403       403     403
POST   /dashboard/team/{member}/transfer                         login  404     302   302   403       403     403
GET    /dashboard/audit                                          login  200     200   200   403       403     403
GET    /dashboard/audit.csv                                      login  200     200   200   403       403     403
GET    /dashboard/invitation                                     404    404     404   404   404       404     404
GET    /dashboard/leave                                          login  200     200   200   200       200     200
GET    /dashboard/billing/                                       login  200     200   200   403       200     403
GET    /dashboard/billing/details                                login  200     200   200   403       200     403
POST   /dashboard/billing/buy                                    login  422     422   422   403       422     403
GET    /dashboard/billing/payments                               login  200     200   200   403       200     403
GET    /dashboard/billing/payments/{payment}                     login  404     200   200   403       200     403
GET    /dashboard/billing/payments/{payment}/checkout            login  404     302   302   403       302     403
GET    /dashboard/billing/payments/{payment}/returned            login  404     302   302   403       302     403
POST   /dashboard/billing/payments/{payment}/confirm             login  404     302   302   403       302     403
POST   /dashboard/billing/payments/{payment}/cancel              login  404     302   302   403       302     403
GET    /dashboard/billing/methods                                login  200     200   200   403       200     403
POST   /dashboard/billing/methods/{method}/default               login  404     302   302   403       302     403
POST   /dashboard/billing/methods/{method}/remove                login  404     302   302   403       302     403
GET    /dashboard/billing/auto-reload                            login  200     200   200   403       200     403
POST   /dashboard/billing/auto-reload/off                        login  302     302   302   403       302     403
GET    /dashboard/billing/invoices/{invoice}.pdf                 login  404     302   302   403       302     403
GET    /dashboard/billing/invoices/{invoice}                     login  404     302   302   403       302     403
GET    /dashboard/billing/ledger                                 login  200     200   200   403       200     403
GET    /dashboard/billing/ledger.csv                             login  200     200   200   403       200     403
GET    /dashboard/playground                                     login  200     200   200   200       403     403
GET    /dashboard/playground/{job}/result                        login  404     200   200   200       403     403
GET    /dashboard/jobs                                           login  200     200   200   200       200     200
GET    /dashboard/jobs/{job}                                     login  404     200   200   200       200     200
GET    /dashboard/jobs/{job}/state                               login  404     200   200   200       200     200
POST   /dashboard/jobs/{job}/cancel                              login  404     302   302   302       403     403
POST   /dashboard/jobs/{job}/run-again                           login  404     302   302   302       403     403
POST   /dashboard/jobs/{job}/delete-pictures                     login  404     302   302   302       403     403
GET    /dashboard/usage                                          login  200     200   200   200       200     200
GET    /dashboard/usage.csv                                      login  200     200   200   200       200     200
GET    /dashboard/settings                                       login  200     200   200   403       403     403
GET    /dashboard/settings/export                                login  200     200   403   403       403     403
GET    /dashboard/settings/delete                                login  200     200   403   403       403     403
POST   /dashboard/settings/keep                                  login  302     302   403   403       403     403
GET    /dashboard/account/delete                                 login  200     200   200   200       200     200
POST   /dashboard/account/keep                                   login  302     302   302   302       302     302
GET    /healthz                                                  200    200     200   200   200       200     200
GET    /readyz                                                   200    200     200   200   200       200     200
GET    /metrics                                                  404    404     404   404   404       404     404
GET    /{admin}                                                  login  login   login login login     login   login
"""

BY_KEY = """
method address            nobody session charlie live  test
POST   /v1/tryon          401    401     422     422   422
GET    /v1/jobs           401    401     200     200   200
GET    /v1/jobs/{job}     401    401     403     200   404
GET    /v1/workspaces     401    401     200     200   200
GET    /v1/ledger         401    401     200     200   200
GET    /v1/account        401    401     200     200   200
GET    /v1/credits        401    401     200     200   200
GET    /v1/openapi.json   200    200     200     200   200
"""

REFUSALS = {"login", "401", "403", "404"}
NO_SECRETS = {"admin", "link", "passkey"}


@dataclass(frozen=True, slots=True)
class Row:
    """What each visitor gets, by name."""

    method: str
    address: str
    words: dict[str, str]


def rows(table: str) -> list[Row]:
    """Read a table, whose first line names the visitors."""
    (_, _, *visitors), *lines = [line.split() for line in table.strip().splitlines()]
    return [Row(method, address, dict(zip(visitors, words, strict=True))) for method, address, *words in lines]


PEOPLE, KEYS = rows(BY_PERSON), rows(BY_KEY)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: in the tables' word for it, and as text."""

    word: str
    text: str


def ask(client: Client, method: str, address: str) -> Answer:
    """Send a request of which nothing stays, neither in the database nor in the browser."""
    cookies = SimpleCookie({name: morsel.value for name, morsel in client.cookies.items()})
    with transaction.atomic():
        answer: Any = client.generic(method, address)
        text = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    client.cookies = cookies
    to_login = re.match(rf"/({settings.ADMIN_PATH})?login/?\?next=", answer.get("Location", ""))
    return Answer("login" if to_login else str(answer.status_code), text.decode(errors="replace"))


def visit(client: Client, row: Row, own: dict[str, Any]) -> Answer:
    """Ask for a row's address; where that is refused, by the other method too, which is a finding if it is not."""
    address = row.address.format_map(own)
    answer = ask(client, row.method, address)
    if answer.word not in REFUSALS:
        return answer
    other = "POST" if row.method == "GET" else "GET"
    word = ask(client, other, address).word
    return answer if word in {answer.word, "405"} else Answer(f"{answer.word}, and {word} by {other}", answer.text)


@pytest.fixture
def alices(world: World) -> Client:
    """Alice's browser, in which she has just typed her password and added a passkey."""
    client = browser("alice")
    client.post("/confirm", {"password": "alice-password"})
    add = "/dashboard/account/security/passkeys/add"
    asked = json.loads(parse(client.get(add).content.decode()).by_id("passkey_data").text)["creation_options"]
    client.post(add, {"name": "Laptop", "credential": json.dumps(Passkey(settings.PUBLIC_URL).create(asked))})
    return client


@pytest.fixture
def own(world: World, media: object, alices: Client) -> dict[str, Any]:
    """What stands in the tables' braces: something of each kind that is Alice's, or her organisation's."""
    alice, job = world.organisation, furnish(world.organisation, "alice")
    alice.invoices.update(url="https://invoice.example/", pdf_url="https://invoice.example/pdf")
    return {
        "admin": settings.ADMIN_PATH,
        "delivery": job.delivery_id,
        "invitation": alice.invitations.get().id,
        "invoice": alice.invoices.get().id,
        "job": job.id,
        "key": alice.api_keys.get(mode="live").id,
        "link": storage.own_path(job.output_name),
        "member": person("bob").id,
        "method": alice.payment_methods.get().id,
        "passkey": Authenticator.objects.get(user=person("alice"), type=Authenticator.Type.WEBAUTHN).pk,
        "payment": alice.payments.get(status="paid").id,
        "picture": job.output_name,
        "workspace": alice.workspaces.get().id,
    }


def browser_of(visitor: str, world: World) -> Client:
    """Return the browser of somebody new in this role of Alice's organisation, of Charlie, or of nobody."""
    if visitor == "nobody":
        return Client()
    if visitor == "charlie":
        user = person("charlie")
    else:
        user = User.objects.create_user(f"{visitor}@example.com", "a-password")
        Membership.objects.create(user=user, organisation=world.organisation, role=visitor)
    password = "charlie-password" if visitor == "charlie" else "a-password"
    client = Client()
    client.post("/login", {"login": user.email, "password": password})
    client.post("/confirm", {"password": password})
    return client


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Yield every route, as `resolve` names it."""
    for pattern in patterns:
        route = str(pattern.pattern)
        route = before + route.removeprefix("^") if before else route
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


ROUTES = list(routes(get_resolver().url_patterns))
OF_ADMIN = [route for route in ROUTES if route.startswith(settings.ADMIN_PATH)]


def test_every_url_has_a_row(own: dict[str, Any]) -> None:
    addresses = [row.address.format_map(own).partition("?")[0] for row in PEOPLE + KEYS]
    listed = {resolve(address).route for address in addresses}
    assert [route for route in ROUTES if route not in listed and route not in OF_ADMIN] == []


@pytest.mark.parametrize("visitor", list(PEOPLE[0].words))
def test_each_person_gets_what_the_table_says(world: World, own: dict[str, Any], alices: Client, visitor: str) -> None:
    client = alices if visitor == "owner" else browser_of(visitor, world)
    answers = {f"{row.method} {row.address}": visit(client, row, own) for row in PEOPLE}

    assert {where: answer.word for where, answer in answers.items()} == {
        f"{row.method} {row.address}": row.words[visitor] for row in PEOPLE
    }
    if visitor in {"nobody", "charlie"}:
        secrets = [id_ for name, id_ in own.items() if name not in NO_SECRETS]
        assert not [where for where, answer in answers.items() if any(id_ in answer.text for id_ in secrets)]


@pytest.mark.parametrize("visitor", list(KEYS[0].words))
def test_each_key_gets_what_the_table_says(world: World, own: dict[str, Any], alices: Client, visitor: str) -> None:
    keys = {"charlie": world.charlie.live_key, "live": world.alice.live_key, "test": world.alice.test_key}
    client = alices if visitor == "session" else ApiClient(keys.get(visitor, ""))

    assert {row.address: visit(client, row, own).word for row in KEYS} == {
        row.address: row.words[visitor] for row in KEYS
    }


@pytest.mark.parametrize("visitor", ["nobody", "owner"])
def test_no_page_of_the_admin_is_for_customers(world: World, alices: Client, visitor: str) -> None:
    client = alices if visitor == "owner" else Client()
    addresses = {"/" + re.sub(r"<[^>]+>", "1", route) for route in OF_ADMIN if "(?P" not in route}
    addresses.remove(reverse("admin:logout"))  # leads to the first page, which is refused

    assert len(addresses) > 100
    assert {address: word for address in addresses if (word := ask(client, "GET", address).word) not in REFUSALS} == {}
