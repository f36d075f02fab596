"""Making an account, and showing that the address is one's own."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.test import Client

from accounts.models import User
from zupertry.testing.page import parse

pytestmark = pytest.mark.usefixtures("world")
DANA = {"email": "dana@example.com", "password1": "dana-password"}


def sign_up(client: Client, address: str = DANA["email"], **query: str):
    return client.post("/signup", {**DANA, "email": address, **query})


def mailed_code() -> str:
    found = re.match(r"(\d{4}-\d{4}) is your Zupertry code", str(mail.outbox[-1].subject))
    assert found, mail.outbox[-1].subject
    return found[1]


def test_a_new_person_types_the_mailed_code_and_goes_on_to_the_onboarding(client):
    assert sign_up(client)["Location"] == "/signup/code"
    assert "dana@example.com" in client.get("/signup/code").content.decode()

    answer = client.post("/signup/code", {"code": mailed_code()}, follow=True)

    assert [path for path, _ in answer.redirect_chain] == ["/dashboard/", "/onboarding"]
    assert EmailAddress.objects.get(email="dana@example.com").verified


def test_the_mail_holds_the_code_as_text_and_as_html(client):
    sign_up(client)
    message = mail.outbox[0]
    assert isinstance(message, mail.EmailMultiAlternatives)

    assert mailed_code() in message.body
    assert mailed_code() in str(message.alternatives[0][0])
    assert "owner, admin or billing member" not in str(message.alternatives[0][0])
    assert message.to == ["dana@example.com"]


def test_who_came_by_a_link_is_led_back_there(client):
    sign_up(client, next="/docs/api")
    assert client.post("/signup/code", {"code": mailed_code()})["Location"] == "/docs/api"


def test_a_code_can_be_typed_without_its_dash(client):
    sign_up(client)
    assert client.post("/signup/code", {"code": mailed_code().replace("-", " ")}).status_code == 302


def test_a_wrong_code_is_told_beside_the_field_and_stays_typed(client):
    sign_up(client)

    html = parse(client.post("/signup/code", {"code": "1234"}).content.decode())

    assert "not right" in html.by_id("id_code_error").text
    assert html.by_id("id_code").attributes["value"] == "1234"


def test_the_third_wrong_code_ends_it(client):
    sign_up(client)
    for _ in range(3):
        client.post("/signup/code", {"code": "1234"})

    assert client.post("/signup/code", {"code": mailed_code()})["Location"] == "/login"
    assert not EmailAddress.objects.get(email="dana@example.com").verified


def test_another_code_takes_the_place_of_the_first(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": None}
    sign_up(client)
    first = mailed_code()
    client.post("/signup/code", {"action": "resend"})

    assert mailed_code() != first
    assert "not right" in client.post("/signup/code", {"code": first}).content.decode()
    assert client.post("/signup/code", {"code": mailed_code()}).status_code == 302


def test_codes_are_not_sent_faster_than_one_in_ten_seconds(client):
    sign_up(client)
    answer = client.post("/signup/code", {"action": "resend"}, follow=True)

    assert len(mail.outbox) == 1
    assert "many tries" in answer.content.decode()


def test_the_password_alone_does_not_let_in_who_never_typed_the_code(settings):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": None}
    sign_up(Client())
    later = Client()

    answer = later.post("/login", {"login": DANA["email"], "password": DANA["password1"]})

    assert answer["Location"] == "/signup/code"
    assert later.get("/dashboard/").status_code == 302
    assert later.post("/signup/code", {"code": mailed_code()})["Location"] == "/dashboard/"


def test_a_common_password_is_refused_beside_its_field(client):
    html = parse(client.post("/signup", {**DANA, "password1": "password"}).content.decode())

    assert "too common" in html.by_id("id_password1_error").text
    assert html.by_id("id_email").attributes["value"] == DANA["email"]


def without_the_address(answer, address: str) -> str:
    same = re.sub(r'value="\w{64}"|req_\w+', "", answer.content.decode())
    return f"{answer.status_code} {same.replace(address, 'ADDRESS')}"


@pytest.mark.parametrize("known", ["alice@example.com", "Alice@Example.com"])
def test_signing_up_tells_nobody_whether_an_address_has_an_account(known):
    old, new = Client(), Client()
    answers = [sign_up(old, known), sign_up(new)]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0]["Location"] == answers[1]["Location"]

    for ask in (
        lambda client: client.get("/signup/code"),
        lambda client: client.post("/signup/code", {"code": "1234"}),
        lambda client: client.post("/signup/code", {"action": "resend"}, follow=True),
    ):
        assert without_the_address(ask(old), known.lower()) == without_the_address(ask(new), DANA["email"])

    assert [message.subject for message in mail.outbox if message.to == ["alice@example.com"]] == [
        "You have a Zupertry account already"
    ]
    assert User.objects.filter(email="alice@example.com").count() == 1


def test_logging_in_and_resetting_tell_it_neither():
    def answers(address: str) -> list[str]:
        client = Client()
        return [
            without_the_address(client.post("/login", {"login": address, "password": "guess"}), address),
            without_the_address(client.post("/password/reset", {"email": address}, follow=True), address),
        ]

    assert answers("alice@example.com") == answers("nobody@example.com")
    assert [message.to for message in mail.outbox] == [["alice@example.com"], ["nobody@example.com"]]


def test_signing_up_is_limited_by_address_of_the_network(client):
    statuses = [sign_up(Client(), f"dana{number}@example.com").status_code for number in range(21)]
    assert statuses == [302] * 20 + [429]


def test_a_mail_server_that_is_gone_leaves_a_page_that_can_ask_again(client, monkeypatch):
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
    monkeypatch.setattr(settings, "EMAIL_PORT", 1)

    answer = client.post("/signup", DANA, follow=True)

    assert "send another code" in answer.content.decode()
