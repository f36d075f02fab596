"""What binds a browser, on every kind of answer; settings of production; and what must not be done with the service."""

import os
import re
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tryon.tests.conftest import media
from zupertry.core import storage
from zupertry.environment import make_secret_key
from zupertry.testing import images
from zupertry.testing.page import Element, parse
from zupertry.testing.service import ROOT
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World
from zupertry.tests.test_settings import PRODUCTION, settings_of

__all__ = ["media"]

ANSWERS = {
    "a page": ("GET", "/docs/quickstart", 200),
    "a page with a form": ("GET", "/login", 200),
    "the API": ("GET", "/v1/openapi.json", 200),
    "a refusal of the API": ("GET", "/v1/account", 401),
    "a route of the API that is none": ("GET", "/v1/nothing", 404),
    "a static file": ("GET", "/static/css/zupertry.css", 200),
    "a static file that is none": ("GET", "/static/nothing.css", 404),
    "a file without a link": ("GET", "/files/pictures/ab/cd.jpg", 404),
    "a redirect": ("GET", "/docs", 302),
    "the way to the login": ("GET", "/dashboard/", 302),
    "staff's login": ("GET", f"/{django_settings.ADMIN_PATH}login/", 302),
    "an error page": ("GET", "/nothing", 404),
    "a wrong method": ("OPTIONS", "/docs/api", 405),
    "a form without its token": ("POST", "/login", 400),
    "an event of no gateway": ("POST", "/gateway-events/stripe", 404),
    "a health check": ("GET", "/healthz", 200),
    "plain text": ("GET", "/robots.txt", 200),
}
PROMISED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Frame-Options": "DENY",
}


def holds(answer: Any, **other: str) -> None:
    """Assert that an answer binds the browser as promised; `other` headers have another value."""
    for name, value in {**PROMISED, **{name.replace("_", "-"): value for name, value in other.items()}}.items():
        assert answer.headers.get(name) == value, name
    assert "'unsafe" not in answer["Content-Security-Policy"]
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(answer["Permissions-Policy"].split(", "))
    assert "X-Request-Id" in answer.headers


ALICE = {"login": "alice@example.com", "password": "alice-password"}


def logged_in() -> Client:
    client = Client()
    client.post("/login", ALICE)
    return client


def works(client: Client) -> bool:
    return client.get("/dashboard/").status_code == HTTPStatus.OK


def sessions_seen_by(client: Client) -> list[Element]:
    page = client.get("/dashboard/account/sessions").content.decode()
    return parse(page).all("p", class_="item-name")


@pytest.fixture
def _https(settings) -> None:
    settings.PUBLIC_URL = "https://testserver"


@pytest.mark.usefixtures("_https")
@pytest.mark.parametrize("what", ANSWERS)
def test_every_kind_of_answer_binds_the_browser(db, what):
    method, address, status = ANSWERS[what]
    answer: Any = Client(enforce_csrf_checks=True, raise_request_exception=False).generic(method, address)
    assert answer.status_code == status
    if what.startswith("a static file") and status == HTTPStatus.OK:
        b"".join(answer.streaming_content)
    holds(answer)


@pytest.mark.usefixtures("_https")
def test_so_does_a_host_that_is_not_ours():
    answer = Client().get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    holds(answer)
    assert "evil.example" not in answer.content.decode()


@pytest.mark.usefixtures("_https", "media", "db")
def test_a_picture_binds_the_browser_but_may_be_shown_by_a_shop():
    name = storage.new_name("image/jpeg")
    storage.write(name, images.jpeg(4, 4))
    answer: Any = Client().get(storage.own_path(name))
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)
    holds(answer, Cross_Origin_Resource_Policy="cross-origin")


# Settings of production


def test_djangos_own_checks_of_a_deployment_find_nothing(tmp_path: Path) -> None:
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **PRODUCTION,
        "SECRET_KEY": make_secret_key(),
        "EMAIL_URL": "smtp+tls://user:password@127.0.0.1:1",
        "SUPPORT_EMAIL": "help@example.com",
        "ZUPERTRY_ENV_FILE": "",
        "VAR_DIR": str(tmp_path),
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "System check identified no issues (3 silenced)." in done.stdout


def test_every_cookie_is_bound_to_the_host_and_to_tls(tmp_path: Path) -> None:
    """There are the two; whatever sets another has to be found here first."""
    made = settings_of(tmp_path, **PRODUCTION)
    for kind in ("SESSION", "CSRF"):
        assert made[f"{kind}_COOKIE_NAME"].startswith("__Host-")
        assert made[f"{kind}_COOKIE_SECURE"] is True
        assert made.get(f"{kind}_COOKIE_DOMAIN") is None
        assert made.get(f"{kind}_COOKIE_PATH", "/") == "/"
    assert not [name for name in made["MIDDLEWARE"] if "locale" in name.lower()]


def test_messages_need_no_cookie_of_their_own(world: World) -> None:
    client = logged_in()
    answer = client.post("/dashboard/billing/auto-reload/off")
    assert answer.status_code == 302
    assert set(client.cookies) <= {django_settings.SESSION_COOKIE_NAME, django_settings.CSRF_COOKIE_NAME}
    assert "nothing is bought by itself" in client.get("/dashboard/billing/").content.decode()


def test_a_new_secret_key_logs_nobody_out_while_the_old_one_is_known(world: World, settings) -> None:
    """Nor does it break the links that were handed out, nor hide a session, whether it was used since or not."""
    here, elsewhere, unused = logged_in(), logged_in(), logged_in()
    link = f"{settings.PUBLIC_URL}{storage.own_path(storage.new_name('image/jpeg'))}"
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key-" * 4

    assert works(here)
    assert works(elsewhere)
    assert len(sessions_seen_by(here)) == 3
    assert storage.named_by(link, at=timezone.now())
    settings.SECRET_KEY_FALLBACKS = []
    assert works(here)
    assert works(elsewhere)
    assert not works(unused)
    assert len(sessions_seen_by(here)) == 2
    assert not storage.named_by(link, at=timezone.now())


def test_a_session_that_a_new_secret_key_renewed_can_still_be_ended_elsewhere(world: World, settings) -> None:
    here, elsewhere = logged_in(), logged_in()
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key-" * 4
    assert works(here)
    assert works(elsewhere)
    here.post("/dashboard/account/sessions/end")
    assert works(here)
    assert not works(elsewhere)


# What must not be done


def test_a_login_changes_the_key_of_the_session(world: World) -> None:
    """A key that was planted before (session fixation) is worth nothing afterwards, and neither is a token of CSRF."""
    client = Client(enforce_csrf_checks=True)
    planted = SessionStore()
    planted.create()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = str(planted.session_key)
    fields = parse(client.get("/login").content.decode()).all("input")
    token = next(f.attributes["value"] for f in fields if f.attributes.get("name") == "csrfmiddlewaretoken")
    csrf = client.cookies[django_settings.CSRF_COOKIE_NAME].value
    client.post("/login", {**ALICE, "csrfmiddlewaretoken": token})
    assert works(client)
    assert client.cookies[django_settings.SESSION_COOKIE_NAME].value != planted.session_key
    assert client.cookies[django_settings.CSRF_COOKIE_NAME].value != csrf
    assert not Session.objects.filter(pk=planted.session_key).exists()


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
@pytest.mark.parametrize(
    "entrance", ["/login", "/signup", "/logout", f"/{django_settings.ADMIN_PATH}login/", "/confirm"]
)
def test_nothing_leads_to_another_site(world: World, entrance, elsewhere) -> None:
    """Neither before nor after the login, whatever stands in `next`."""
    for client in (Client(), logged_in()):
        address = f"{entrance}?{urlencode({'next': elsewhere})}"
        for answer in (client.get(address), client.post(address, {**ALICE, "next": elsewhere})):
            location = urlsplit(answer.get("Location", ""))
            assert (location.scheme, location.netloc) == ("", "")
            assert not location.path.startswith(("//", "/\\"))


@pytest.mark.parametrize("address", ["/login", "/signup", "/gateway-events/stripe", "/dashboard/team"])
def test_nobody_fills_the_disk_through_a_form(world: World, address) -> None:
    """Django would write the files of a form to the disk before any view of ours is asked."""
    too_much = str(django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    for client in (Client(), logged_in()):
        answer = client.post(address, {"file": "x"}, CONTENT_LENGTH=too_much)
        assert answer.status_code == 413
        assert "Send less" in answer.content.decode()


def test_a_length_that_is_no_number_is_none(world: World) -> None:
    assert Client().post("/login", ALICE, CONTENT_LENGTH="many").status_code == 200


# Staff's pages


@pytest.fixture
def staff(world: World) -> Client:
    return staff_client(make_staff(superuser=True))


def test_no_page_of_staff_has_anything_that_the_policy_forbids(staff: Client, world: World) -> None:
    """Lists, and the form of the first row of each."""
    addresses = [reverse("admin:index")]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        addresses += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        if row := model._default_manager.first():
            addresses.append(reverse(f"{name}_change", args=[row.pk]))
    seen = 0
    for address in addresses:
        answer = staff.get(address)
        if answer.status_code == HTTPStatus.OK:
            seen += 1
            assert forbidden(answer.content.decode()) == [], address
            assert "'unsafe" not in answer["Content-Security-Policy"]
    assert seen > 10


def forbidden(html: str) -> list[str]:
    """Return tags with something inline, or from another origin. By text: Django's admin leaves elements open."""
    tags = re.findall(r"<[a-z][^>]*>", html)
    inline = [tag for tag in tags if re.search(r"""\s(style|on[a-z]+)\s*=""", tag)]
    scripts = [tag for tag in tags if tag.startswith("<script") and "src=" not in tag and "application/json" not in tag]
    foreign = [tag for tag in tags if re.search(r"""\ssrc=["']?(https?:)?//""", tag)]
    return [*inline, *scripts, *foreign, *re.findall("<style", html), *re.findall("href=.javascript:", html)]


# What must not be written down


def test_a_link_to_set_a_password_is_not_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Who reads logs could use it: it is valid until it is used, for three days."""
    client = Client()
    client.post("/password/reset", {"email": "alice@example.com"})
    (link,) = re.findall(r"/password/reset/usr_[^\s\"]+", str(mail.outbox[-1].body))
    caplog.clear()
    with caplog.at_level("INFO"):
        client.get(link, follow=True)
    token = link.partition("-")[2]
    assert "/password/reset/usr_" in caplog.text
    assert token not in caplog.text
