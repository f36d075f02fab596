"""An eventful hour of the whole service: people sign up and pay, jobs succeed and fail, things break.

What it wrote and sent meanwhile is kept, with every secret that existed, so that tests look for the one in the other.
"""

import os
import re
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from zupertry.testing.images import jpeg
from zupertry.testing.live import on_several_processes, until
from zupertry.testing.money import DETAILS
from zupertry.testing.pictures import PictureServer, content, status
from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.receiver import Received, WebhookReceiver
from zupertry.testing.sentry import SentryServer
from zupertry.testing.service import Service, free_port
from zupertry.testing.smtp import MailServer, Posted
from zupertry.testing.stripe import StripeServer
from zupertry.testing.visitor import Visitor

SUCCESS = "https://test.zupertry.com/success.jpg"
PASSWORD = "a password of the tests"
WRONG_PASSWORD = "another password of the tests"
REQUEST_ID = "a-request-of-the-tests"
UNKNOWN_KEY = "zt_live_sk_" + "Q" * 49
CARD = "4242424242424242"
PICTURE_TOKEN = "a-token-in-a-picture-url"
HOOK_TOKEN = "a-token-in-a-webhook-url"
METRICS_TOKEN = "a-token-of-the-metrics"
ADDRESS, GUEST = "olga@shop.example", "vera@shop.example"
SELLER = {
    "SELLER_NAME": "Zupertry Ltd",
    "SELLER_ADDRESS": "12 MG Road, Bengaluru",
    "SELLER_GSTIN": "29AAPFU0939F1ZR",
    "SELLER_SAC": "998319",
}


@dataclass
class Eventful:
    """What was written and sent: log lines, metrics by process, envelopes to Sentry, webhooks, mails; and `secrets`."""

    lines: list[str] = field(default_factory=list)
    metrics: dict[str, str] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    envelopes: list[bytes] = field(default_factory=list)
    webhooks: list[Received] = field(default_factory=list)
    mails: list[Posted] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    job_id: str = ""


@dataclass
class Surroundings:
    """The service, and everything that it talks to."""

    service: Service
    mail: MailServer
    stripe: StripeServer
    razorpay: RazorpayServer
    sentry: SentryServer
    pictures: PictureServer
    hook: WebhookReceiver
    answered: list[int]
    metrics_port: int
    kept: Eventful = field(default_factory=Eventful)

    def mail_to(self, address: str, pattern: str) -> str:
        """Return what the pattern's group finds in the newest mail to an address that has it, once there is one."""
        found: list[str] = []

        def look() -> bool:
            texts = [mail.part("plain") for mail in reversed(self.mail.posted) if address in mail.recipients]
            found[:] = [match[1] for text in texts if (match := re.search(pattern, text))]
            return bool(found)

        until(look)
        return found[0]


def live_through(folder: Path) -> Eventful:
    """Start the service on the stack in use, let it all happen, stop it, and return what is left of it."""
    with ExitStack() as stack:
        around = _surroundings(stack, folder)
        stack.enter_context(around.service)
        if on_several_processes():
            around.service.environment["METRICS_PORT"] = str(around.metrics_port)
            around.service.start("worker-2")
        owner = _sign_up(around, ADDRESS, "Olga Shop", "DE")
        keys = _make_keys(around, owner)
        _invite_and_reset(around, owner)
        link = _run_jobs(around, keys)
        _pay_by_stripe(around, owner)
        _pay_by_razorpay(around)
        _provoke_refusals(around, keys, link)
        _break_the_mail(around, owner)
        _scrape(around)
        _break_the_store(around, keys, link)
        until(lambda: _are_reported(around.sentry))
        _keep_settings_secret(around)
    kept = around.kept
    kept.lines = [line for path in sorted(folder.glob("*.log")) for line in path.read_text().splitlines()]
    kept.reports, kept.envelopes = around.sentry.events, around.sentry.envelopes
    kept.webhooks, kept.mails = around.hook.received, around.mail.posted
    return kept


def _surroundings(stack: ExitStack, folder: Path) -> Surroundings:
    answered = [204]
    service = Service(folder, {**SELLER, "LOG_FORMAT": "json", "METRICS_TOKEN": METRICS_TOKEN})
    around = Surroundings(
        service,
        stack.enter_context(MailServer()),
        stack.enter_context(
            StripeServer("sk_test_a1b2c3d4e5f6", "whsec_stripe0123456789", f"{service.url}/gateway-events/stripe")
        ),
        stack.enter_context(RazorpayServer(events_to=f"{service.url}/gateway-events/razorpay")),
        stack.enter_context(SentryServer()),
        stack.enter_context(PictureServer()),
        stack.enter_context(WebhookReceiver(lambda _: answered[0])),
        answered,
        free_port(),
    )
    service.environment |= {
        "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
        "WEBHOOK_RETRY_SCHEDULE": "1",
        "SWEEP_INTERVAL_SECONDS": "1",
        "TRYON_ENGINE": "local",
        "EMAIL_URL": f"smtp://127.0.0.1:{around.mail.port}",
        "SENTRY_DSN": around.sentry.dsn,
        "STRIPE_SECRET_KEY": around.stripe.secret_key,
        "STRIPE_WEBHOOK_SECRET": around.stripe.sender.secret,
        "STRIPE_API_BASE": around.stripe.url,
        "RAZORPAY_KEY_ID": around.razorpay.key_id,
        "RAZORPAY_KEY_SECRET": around.razorpay.key_secret,
        "RAZORPAY_WEBHOOK_SECRET": around.razorpay.event_secret,
        "RAZORPAY_API_BASE": around.razorpay.url,
    }
    if not on_several_processes():
        service.environment["METRICS_PORT"] = str(around.metrics_port)
    return around


def _sign_up(around: Surroundings, address: str, name: str, country: str) -> Visitor:
    person = Visitor(around.service)
    person.submit("/signup", {"email": address, "password1": PASSWORD})
    code = around.mail_to(address, r"code for Zupertry is (\S+)")
    person.submit("/signup/code", {"code": code})
    page = person.submit("/onboarding", {"name": name, "country": country})
    around.kept.secrets |= {f"{name}'s code": code, f"{name}'s first key": _shown(page, r"zt_test_sk_\w+")}
    return person


def _shown(page: str, pattern: str) -> str:
    found = re.search(pattern, page)
    assert found, f"{pattern} is not on the page"
    return unescape(found[0])


def _make_keys(around: Surroundings, owner: Visitor) -> dict[str, str]:
    keys = {
        mode: _shown(
            owner.submit("/dashboard/developers/keys", {"name": "Shop", "mode": mode}), rf"zt_{mode}_sk_\w{{49}}"
        )
        for mode in ("live", "test")
    }
    hook = around.hook.url(f"/hook?token={HOOK_TOKEN}")
    page = owner.submit("/dashboard/developers/webhooks", {"url": hook})
    secret = _shown(page, r"whsec_[\w+/=&;#]+")
    around.kept.secrets |= {f"the {mode} key": key for mode, key in keys.items()}
    around.kept.secrets |= {"the webhook secret": secret, "its bytes": secret.removeprefix("whsec_")}
    return keys


def _invite_and_reset(around: Surroundings, owner: Visitor) -> None:
    """Invite somebody, and forget a password: both links are mailed, and followed."""
    owner.submit("/dashboard/team", {"email": GUEST, "role": "viewer"})
    invitation = around.mail_to(GUEST, r"(http://\S+/invitation\S+)")
    guest = Visitor(around.service)
    guest.submit(invitation, {"name": "Vera", "password": PASSWORD})
    forgetful = Visitor(around.service)
    forgetful.submit("/login", {"login": ADDRESS, "password": WRONG_PASSWORD})
    forgetful.submit("/password/reset", {"email": ADDRESS})
    reset = around.mail_to(ADDRESS, r"(http://\S+/password/reset/\S+)")
    forgetful.get(reset)
    around.kept.secrets |= {
        "the invitation's token": parse_qs(urlsplit(invitation).query)["token"][0],
        "the reset's token": reset.rpartition("/")[2].partition("-")[2],
    }
    for name, person in {"owner": owner, "guest": guest, "forgetful": forgetful}.items():
        around.kept.secrets |= {f"the cookie {cookie} of {name}": value for cookie, value in person.cookies.items()}
        around.kept.secrets |= {f"a form's token {token[:4]} of {name}": token for token in person.tokens}


def _run_jobs(around: Surroundings, keys: dict[str, str]) -> str:
    """Let a job succeed, and jobs fail at their pictures. Returns a signed link to a result."""
    service, kept = around.service, around.kept
    kept.job_id = _submit(around, keys["test"], SUCCESS, REQUEST_ID)
    around.hook.wait_for(1)
    link: str = service.call("GET", f"/v1/jobs/{kept.job_id}?wait=10", keys["test"]).body["output_url"]
    around.answered[0] = 500
    gone = around.pictures.add("/gone", status(404))
    refused = around.pictures.add("/refused", status(403, f"no {PICTURE_TOKEN}".encode()))
    failing = [_submit(around, keys["live"], f"{url}?token={PICTURE_TOKEN}") for url in (gone, refused)]
    for job in failing:
        until(lambda job=job: service.call("GET", f"/v1/jobs/{job}", keys["live"]).body["status"] == "failed")  # type: ignore[misc]
    around.hook.wait_for(5)  # the first one, and two attempts at each of the others
    kept.secrets["a link's signature"] = parse_qs(urlsplit(link).query)["signature"][0]
    return link


def _submit(around: Surroundings, key: str, picture: str, request_id: str = "") -> str:
    body = {"model_image_url": picture, "garment_image_url": picture}
    headers = {"X-Request-Id": request_id} if request_id else {}
    accepted = around.service.call("POST", "/v1/tryon", key, body, headers)
    assert accepted.status == 202, accepted.body
    return str(accepted.body["job_id"])


def _pay_by_stripe(around: Surroundings, owner: Visitor) -> None:
    owner.submit("/dashboard/billing/details", DETAILS["EU"])
    checkout = _shown(_buy(owner), re.escape(around.stripe.url) + r'/c/pay/[^"]+')
    chosen = requests.post(checkout, {"card": "succeeds"}, allow_redirects=False, timeout=30)
    page = owner.get(chosen.headers["Location"])
    assert "Paid" in page
    around.kept.secrets["the card"] = CARD


def _pay_by_razorpay(around: Surroundings) -> None:
    buyer = _sign_up(around, "asha@shop.example", "Asha Shop", "IN")
    buyer.submit("/dashboard/billing/details", DETAILS["IN"])
    page = _buy(buyer)
    answer = around.razorpay.pay(_shown(page, r"order_[0-9A-Za-z]{14}"))
    returned = _shown(page, r"/dashboard/billing/payments/pay_\w+/returned")
    paying = returned.replace("/returned", "/checkout")
    assert "Paid" in buyer.submit(paying, {name: str(value) for name, value in answer.items()}, to=returned)
    around.kept.secrets["Razorpay's signature"] = str(answer["razorpay_signature"])


def _buy(person: Visitor) -> str:
    page = person.get("/dashboard/billing/")
    fields = {name: _shown(page, rf'(?<=name="{name}" value=")[^"]+') for name in ("token", "pack")}
    return person.submit("/dashboard/billing/", fields, to="/dashboard/billing/buy")


def _provoke_refusals(around: Surroundings, keys: dict[str, str], link: str) -> None:
    """Send keys in wrong places, wrong keys, credentials in URLs, a card's number, a link whose signature is wrong."""
    call, key = around.service.call, keys["live"]
    assert call("GET", "/v1/account", UNKNOWN_KEY).status == 401
    assert call("GET", f"/v1/account?key={key}").status == 401
    assert call("GET", f"/v1/jobs/{key}", key).status == 404
    assert call("GET", f"/v1/jobs/{CARD}", key).status == 404
    assert call("GET", f"/v1/jobs?cursor={keys['test']}", key).status == 422
    refused = {"model_image_url": f"https://user:{PICTURE_TOKEN}@example.com/a.jpg", "garment_image_url": SUCCESS}
    assert call("POST", "/v1/tryon", key, refused).status == 422
    for url in (link, f"{link}0"):
        _fetch(url)


def _fetch(url: str) -> None:
    with suppress(urllib.error.HTTPError), urllib.request.urlopen(url) as answer:
        answer.read()


def _break_the_mail(around: Surroundings, owner: Visitor) -> None:
    """Have the mail server refuse an address, which it repeats."""
    around.mail.replies["RCPT"] = f"550 nobody is {GUEST}"
    owner.submit("/dashboard/team", {"email": "max@shop.example", "role": "viewer"})
    until(lambda: "mail_not_sent" in _logs(around))


def _logs(around: Surroundings) -> str:
    return "".join(path.read_text() for path in around.service.var_dir.glob("*.log"))


def _scrape(around: Surroundings) -> None:
    """Read the metrics at both places, with the token and without."""
    places = {"web": f"{around.service.url}/metrics", "port": f"http://127.0.0.1:{around.metrics_port}/metrics"}
    for name, url in places.items():
        until(lambda url=url: _is_open(url))  # type: ignore[misc]
        for token in ("", "a wrong one"):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            around.kept.refused.append(requests.get(url, headers=headers, timeout=30).status_code)
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        around.kept.metrics[name] = requests.get(url, headers=headers, timeout=30).text


def _is_open(url: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=30).status_code == 401
    return False


def _break_the_store(around: Surroundings, keys: dict[str, str], link: str) -> None:
    """Put a file where the folder of pictures was, and let web and worker fall over it."""
    service = around.service
    media = service.var_dir / "media"
    media.rename(service.var_dir / "aside")
    media.touch()
    picture = around.pictures.add("/person.jpg", content(jpeg(), "image/jpeg"))
    _submit(around, keys["test"], f"{picture}?token={PICTURE_TOKEN}")
    _fetch(link)
    until(lambda: "attempt_crashed" in _logs(around))
    until(lambda: service.call("GET", "/readyz").status == 503)


def _are_reported(sentry: SentryServer) -> bool:
    """Say whether the crashes of both web and worker have come in."""
    events = sentry.events
    messages = {event.get("logentry", {}).get("message") for event in events}
    return "attempt_crashed" in messages and any(
        "/files/" in event.get("request", {}).get("url", "") for event in events
    )


def _keep_settings_secret(around: Surroundings) -> None:
    environment, secrets = around.service.environment, around.kept.secrets
    names = ["SECRET_KEY", "ENCRYPTION_KEYS", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]
    names += ["RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET", "METRICS_TOKEN"]
    secrets |= {name: environment[name] for name in names}
    secrets |= {
        "a password": PASSWORD,
        "a wrong password": WRONG_PASSWORD,
        "an unknown key": UNKNOWN_KEY,
        "a token in a picture's URL": PICTURE_TOKEN,
        "a token in a webhook's URL": HOOK_TOKEN,
        "the key of Sentry's project": around.sentry.key,
    }
    if password := urlsplit(os.environ.get("DATABASE_URL", "")).password:
        secrets["the database's password"] = password
