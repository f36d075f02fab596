"""Every mail about money, as it arrives at a mail server."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.urls import resolve
from django.utils import timezone

from accounts import mails as outbox
from accounts.models import Mail, Membership, Organisation, Role, User
from billing import mails
from billing.models import AutoReload, CreditAccount, CreditPack, Payment, PaymentMethod, Reversal
from zupertry.testing.page import parse
from zupertry.testing.smtp import MailServer, Posted
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

PUBLIC_URL = "https://app.zupertry.test"
MISSING = "[missing %s]"
SETTLED = datetime(2026, 3, 19, 10, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _mail_goes_to_loopback(settings, server: MailServer) -> None:
    """Send by SMTP to the fake server; what a template asks for and does not get stands out."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.PUBLIC_URL = PUBLIC_URL
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], "string_if_invalid": MISSING}}]


def a_method(organisation_id: str, **changes) -> PaymentMethod:
    fields = {"gateway": "stripe", "reference": "pm_1", "kind": "card", "brand": "visa", "last_four": "4242"}
    return PaymentMethod.objects.create(organisation_id=organisation_id, **{**fields, **changes})


def a_payment(organisation_id: str, **changes) -> Payment:
    currency = changes.get("currency", "EUR")
    fields = {
        "pack": CreditPack.objects.filter(plan="starter", currency=currency)[0],
        "status": Payment.Status.PAID,
        "gateway": "razorpay" if currency == "INR" else "stripe",
        "actor": "system",
        "credits": 2_000,
        "currency": currency,
        "net_minor": 220_00,
        "settled_at": SETTLED,
    }
    key = f"test:{Payment.objects.count()}"
    return Payment.objects.create(organisation_id=organisation_id, **{**fields, "idempotency_key": key, **changes})


def a_reversal(payment: Payment, kind: str = "refund", **changes) -> Reversal:
    fields = {"reference": f"re_{Reversal.objects.count()}", "amount_minor": 55_00, "credits": 500}
    return Reversal.objects.create(payment=payment, kind=kind, **{**fields, **changes})


def a_reload(organisation_id: str) -> AutoReload:
    pack = CreditPack.objects.filter(plan="starter", currency="EUR")[0]
    return AutoReload.objects.create(organisation_id=organisation_id, threshold=50, pack=pack, monthly_cap_minor=500_00)


def sent(server: MailServer) -> Posted:
    """Deliver what was written, which has to be one mail, and return it."""
    (mail,) = Mail.objects.filter(next_attempt_at__isnull=False)
    outbox.deliver(mail.id)
    return server.posted[-1]


def sums_in(text: str) -> set[str]:
    return set(re.findall(r"[€₹$][\d,]+\.\d\d", text))


def needs_authentication(org: str) -> None:
    mails.auto_reload_needs_authentication(a_payment(org, status="open", method=a_method(org)))


def low_balance(available: int) -> Callable[[str], None]:
    return lambda org: mails.low_balance(org, available, 10, f"low_{available}")


def requested(org: str) -> None:
    expected = datetime(2026, 3, 21, 10, tzinfo=UTC)
    mails.auto_reload_made(a_payment(org, status="open", currency="INR", settled_at=None, expected_at=expected))


def reversed_(kind: str, available: int) -> Callable[[str], None]:
    def write(org: str) -> None:
        CreditAccount.objects.filter(pk=org).update(available=available)
        mails.payment_reversed(a_reversal(a_payment(org), kind))

    return write


VARIANTS: dict[str, tuple[Callable[[str], None], str]] = {
    "receipt": (lambda org: mails.receipt(a_payment(org), 2_600), "receipt for 2,000 credits"),
    "receipt with tax and card": (
        lambda org: mails.receipt(a_payment(org, tax_minor=41_80, method=a_method(org)), 2_600),
        "receipt for 2,000 credits",
    ),
    "receipt in rupees": (
        lambda org: mails.receipt(a_payment(org, currency="INR", credits=1_00_000, net_minor=3_54_000_00), 1_00_000),
        "receipt for 1,00,000 credits",
    ),
    "low balance": (low_balance(7), "7 credits left"),
    "last credit": (low_balance(1), "1 credit left"),
    "no balance": (low_balance(0), "no credits left"),
    "owed": (low_balance(-3), "3 credits owed"),
    "reload made": (lambda org: mails.auto_reload_made(a_payment(org)), "auto-reload bought 2,000 credits"),
    "reload requested": (requested, "auto-reload has asked for 2,000 credits"),
    "reload failed": (
        lambda org: mails.auto_reload_failed(a_payment(org, status="failed", failure="Your card was declined.")),
        "auto-reload could not buy 2,000 credits",
    ),
    "reload failed without a reason": (
        lambda org: mails.auto_reload_failed(a_payment(org, status="failed", method=a_method(org))),
        "auto-reload could not buy 2,000 credits",
    ),
    "reload capped": (
        lambda org: mails.auto_reload_capped(a_reload(org), 220_00, 440_00, "2026-03"),
        "auto-reload has reached its monthly cap",
    ),
    "reload to confirm": (needs_authentication, "confirm the payment for 2,000 credits"),
    "reload off": (
        lambda org: mails.auto_reload_off(org, "3 charges in a row failed.", "off_1"),
        "auto-reload was switched off",
    ),
    "method expiring": (
        lambda org: mails.method_expiring(a_method(org, expires_on=date(2026, 3, 31))),
        "Visa ending in 4242 expires in March 2026",
    ),
    "refunded": (reversed_("refund", 100), "500 credits were taken back"),
    "refunded beyond what was left": (reversed_("refund", -120), "500 credits were taken back"),
    "disputed": (reversed_("dispute", -1), "500 credits were taken back"),
    "refund failed": (lambda org: mails.payment_reinstated(a_reversal(a_payment(org))), "500 credits are back"),
    "dispute won": (
        lambda org: mails.payment_reinstated(a_reversal(a_payment(org), "dispute")),
        "500 credits are back",
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_mail_says_the_same_in_text_and_html_and_misses_nothing(
    world: World, server: MailServer, variant: str
) -> None:
    write, subject = VARIANTS[variant]
    write(world.alice.org_id)
    posted = sent(server)
    assert posted.message["Subject"] == f"Alice & Co: {subject}"
    text, html = posted.part("plain"), parse(posted.part("html").replace("<!doctype html>", ""))
    (title,) = html.all("h1")
    assert html.all("title")[0].text == posted.message["Subject"]
    assert title.text.strip()
    for body in (posted.part("plain"), posted.part("html")):
        assert "missing" not in body
        assert "None" not in body
        assert "{" not in re.sub(r"<style>.*</style>", "", body, flags=re.DOTALL)
    words = html.all("body")[0].text
    assert sums_in(words) == sums_in(text)
    links = {link.attributes["href"] for link in html.all("a")}
    assert links <= set(re.findall(r"https://\S+", text)), "what can be clicked can be read"
    assert not html.all("img", "script", "link")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_link_leads_to_a_page_of_ours(world: World, server: MailServer, variant: str) -> None:
    VARIANTS[variant][0](world.alice.org_id)
    for link in re.findall(r"https?://\S+", sent(server).part("plain")):
        assert link.startswith(f"{PUBLIC_URL}/")
        resolve(urlsplit(link).path)


def test_every_kind_is_among_them(world: World) -> None:
    kinds = set()
    for write, _ in VARIANTS.values():
        with transaction.atomic():
            write(world.alice.org_id)
            kinds.add(Mail.objects.get().kind)
            transaction.set_rollback(True)
    assert kinds == set(mails.Kind)


def test_they_go_to_owners_admins_and_billing_members(world: World, server: MailServer) -> None:
    for role in Role.values:
        person = User.objects.create_user(f"{role}@example.com")
        Membership.objects.create(user=person, organisation_id=world.alice.org_id, role=role)
    mails.receipt(a_payment(world.alice.org_id), 2_000)
    expected = {"alice@example.com", "owner@example.com", "admin@example.com", "billing@example.com"}
    assert set(sent(server).recipients) == expected


def test_the_same_change_is_told_once(world: World) -> None:
    payment = a_payment(world.alice.org_id)
    reversal, method = a_reversal(payment), a_method(world.alice.org_id, expires_on=date(2026, 3, 31))
    reload = a_reload(world.alice.org_id)
    for _ in range(2):
        mails.receipt(payment, 1)
        mails.low_balance(world.alice.org_id, 7, 10, "low_1")
        mails.auto_reload_failed(payment)
        mails.auto_reload_off(world.alice.org_id, "Because.", "off_1")
        mails.auto_reload_capped(reload, 1, 1, "2026-03")
        mails.method_expiring(method)
        mails.payment_reversed(reversal)
        mails.payment_reinstated(reversal)
    assert Mail.objects.count() == 8


def test_a_method_with_a_new_expiry_is_told_of_again(world: World) -> None:
    method = a_method(world.alice.org_id, expires_on=date(2026, 3, 31))
    mails.method_expiring(method)
    method.expires_on = date(2029, 3, 31)
    mails.method_expiring(method)
    assert Mail.objects.count() == 2


def test_a_mandate_says_when_its_credits_are_expected(world: World, server: MailServer) -> None:
    requested(world.alice.org_id)
    posted = sent(server)
    assert "expected by 21 March 2026" in posted.part("plain")
    assert "₹220.00" in posted.part("plain")


def test_confirming_leads_to_that_very_payment(world: World, server: MailServer) -> None:
    needs_authentication(world.alice.org_id)
    link = f"{PUBLIC_URL}/dashboard/billing/payments/{Payment.objects.get().id}"
    posted = sent(server)
    assert link in posted.part("plain")
    assert f'href="{link}"' in posted.part("html")


def test_what_is_owed_is_told(world: World, server: MailServer) -> None:
    reversed_("refund", -120)(world.alice.org_id)
    posted = sent(server)
    assert "120 credits owed" in posted.part("plain")
    assert "Live try-ons are refused" in posted.part("html")


def test_names_and_reasons_are_no_html(world: World, server: MailServer) -> None:
    Organisation.objects.filter(id=world.alice.org_id).update(name="<b>\r\nBcc: eve@example.com")
    failure = "<script>alert(1)</script> & declined"
    mails.auto_reload_failed(a_payment(world.alice.org_id, status="failed", failure=failure))
    posted = sent(server)
    assert posted.message["Subject"].startswith("<b> Bcc: eve@example.com: auto-reload")
    assert posted.message["Bcc"] is None
    assert failure in posted.part("plain")
    html = posted.part("html")
    assert "<b>" not in html
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; declined" in html


def test_a_mail_keeps_what_was_so_when_it_was_written(world: World, server: MailServer) -> None:
    payment = a_payment(world.alice.org_id)
    mails.receipt(payment, 2_600)
    Payment.objects.update(credits=1, settled_at=timezone.now() + timedelta(days=9))
    text = sent(server).part("plain")
    assert "2,000 credits were added" in text
    assert "19 March 2026" in text
