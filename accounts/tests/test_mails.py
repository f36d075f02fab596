"""Mails to a real mail server on loopback."""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import mails
from accounts.models import Mail, Membership, Organisation, Role, User
from zupertry.testing.broker import Woken, drain
from zupertry.testing.smtp import MailServer
from zupertry.testing.threads import at_once
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

SCHEDULE = [60, 300, 1800, 7200, 21600]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _mail_goes_to_loopback(settings, server: MailServer, tmp_path: Path) -> None:
    """Send by SMTP to the fake server, with templates of the test's own."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 5
    settings.PUBLIC_URL = "https://app.zupertry.test"
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "hello.subject.txt").write_text("{{ organisation }}:\n{{ what }}\n")
    (folder / "hello.txt").write_text("{{ organisation }} & {{ what }} {{ public_url }}\n")
    (folder / "hello.html").write_text("<p>{{ organisation }} {{ what }}</p>\n")
    (folder / "broken.subject.txt").write_text("{% include 'mail/nothing.txt' %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]


def written(
    world: World, reference: str = "first", *, kind: str = "hello", roles=(Role.OWNER,), what: str = "hi"
) -> Mail:
    mails.send(world.alice.org_id, kind, reference, roles=roles, what=what)
    return Mail.objects.get(kind=kind, reference=reference)


def attempt(mail: Mail) -> Mail:
    """Make the mail due, attempt it, and return it as it is then."""
    Mail.objects.filter(id=mail.id, next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    mails.deliver(mail.id)
    return Mail.objects.get(id=mail.id)


def seconds_until(moment: datetime | None) -> int:
    assert moment is not None
    return round((moment - timezone.now()).total_seconds())


def test_a_mail_arrives_once_as_text_and_html(world: World, server: MailServer) -> None:
    mail = written(world)
    sent = attempt(mail)
    assert (sent.attempts, sent.next_attempt_at) == (1, None)
    assert sent.sent_at is not None
    mails.deliver(mail.id)
    (posted,) = server.posted
    assert (parseaddr(posted.message["From"])[1], posted.recipients) == (posted.sender, ("alice@example.com",))
    assert posted.message["To"] == "alice@example.com"
    assert posted.message["Subject"] == "Alice & Co: hi"
    assert posted.message["Message-ID"] == f"<{mail.id}@app.zupertry.test>"
    assert posted.message["Auto-Submitted"] == "auto-generated"
    assert posted.part("plain").strip() == "Alice & Co & hi https://app.zupertry.test"
    assert posted.part("html").strip() == "<p>Alice &amp; Co hi</p>"


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_once_the_fact_is_committed(world: World) -> None:
    drain()
    with transaction.atomic():
        mail = written(world)
        assert drain() == []
    assert drain() == [Woken("accounts.send_mail", mail.id)]


@pytest.mark.django_db(transaction=True)
def test_a_fact_that_is_rolled_back_is_not_told(world: World) -> None:
    drain()
    with transaction.atomic():
        written(world)
        transaction.set_rollback(True)
    assert (drain(), Mail.objects.count()) == ([], 0)


def test_the_same_is_told_once_and_the_transaction_goes_on(world: World, server: MailServer) -> None:
    with transaction.atomic():
        first = written(world)
        assert written(world, what="again").id == first.id
        other = written(world, "second")
    assert attempt(first).sent_at
    assert attempt(other).sent_at
    assert [posted.message["Subject"] for posted in server.posted] == ["Alice & Co: hi"] * 2


def test_it_goes_to_the_active_members_with_one_of_the_roles_at_the_time_of_sending(
    world: World, server: MailServer
) -> None:
    mail = written(world, roles=(Role.OWNER, Role.ADMIN, Role.BILLING))
    people = {"bill": Role.BILLING, "adam": Role.ADMIN, "gone": Role.ADMIN, "vera": Role.VIEWER}
    for name, role in people.items():
        person = User.objects.create_user(f"{name}@example.com", is_active=name != "gone")
        Membership.objects.create(user=person, organisation_id=world.alice.org_id, role=role)
    charlie = User.objects.get(email="charlie@example.com")
    Membership.objects.create(user=charlie, organisation_id=world.alice.org_id, role=Role.VIEWER)
    attempt(mail)
    (posted,) = server.posted
    assert posted.recipients == ("alice@example.com", "bill@example.com", "adam@example.com")


def test_where_nobody_has_a_role_nothing_is_sent_and_it_is_done(world: World, server: MailServer) -> None:
    done = attempt(written(world, roles=(Role.BILLING,)))
    assert (done.next_attempt_at, server.posted) == (None, [])


@pytest.mark.parametrize("command", ["connect", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("reply", ["451 4.3.0 come back later", "550 5.7.1 not you"])
def test_a_refusal_is_tried_again_and_then_arrives_under_the_same_id(
    world: World, server: MailServer, command: str, reply: str
) -> None:
    accepts, server.replies[command] = server.replies.get(command, "250 ok"), reply
    refused = attempt(written(world))
    assert (refused.sent_at, seconds_until(refused.next_attempt_at)) == (None, 60)
    server.replies[command] = accepts
    assert attempt(refused).sent_at
    assert [posted.message["Message-ID"] for posted in server.posted] == [f"<{refused.id}@app.zupertry.test>"]


def test_a_server_that_is_away_is_tried_again(world: World, settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        settings.EMAIL_PORT = unused.getsockname()[1]
    assert attempt(written(world)).next_attempt_at


@pytest.mark.parametrize("command", ["connect", "EHLO", "."])
def test_a_server_that_hangs_is_left_alone_after_a_while(
    world: World, server: MailServer, settings, command: str
) -> None:
    settings.EMAIL_TIMEOUT = 0.05
    server.replies[command] = None
    hung = attempt(written(world))
    assert (hung.sent_at, hung.attempts, seconds_until(hung.next_attempt_at)) == (None, 1, 60)


def test_attempts_grow_apart_and_end_with_an_error_in_the_log(world: World, server: MailServer, caplog) -> None:
    server.replies["MAIL"] = "451 4.3.0 come back later"
    mail = written(world)
    for seconds in SCHEDULE:
        mail = attempt(mail)
        assert seconds_until(mail.next_attempt_at) == seconds
        assert "mail_given_up" not in caplog.text
    mail = attempt(mail)
    assert (mail.sent_at, mail.next_attempt_at, mail.attempts) == (None, None, 6)
    (given_up,) = [record for record in caplog.records if "mail_given_up" in record.getMessage()]
    assert given_up.levelname == "ERROR"
    drain()
    assert (mails.sweep(), drain()) == (0, [])


def test_the_log_says_why_and_names_nobody(world: World, server: MailServer, caplog) -> None:
    server.replies["RCPT"] = "550 5.1.1 no such person"
    attempt(written(world))
    assert "every recipient was refused: [550]" in caplog.text
    assert "alice@example.com" not in caplog.text


def test_a_mail_that_can_not_be_rendered_counts_as_an_attempt(world: World) -> None:
    assert seconds_until(attempt(written(world, kind="broken")).next_attempt_at) == 60


def test_the_sweep_wakes_what_is_due_and_not_what_is_being_sent(world: World) -> None:
    due, leased = written(world, "due"), written(world, "leased")
    Mail.objects.filter(id=leased.id).update(next_attempt_at=timezone.now() + mails.LEASE)
    Mail.objects.filter(id=due.id).update(next_attempt_at=timezone.now() - timedelta(hours=1))
    assert mails.sweep() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends(world: World, server: MailServer) -> None:
    mail = written(world)
    at_once([lambda: mails.deliver(mail.id)] * 4)
    assert len(server.posted) == 1


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_the_server_is_spoken_to(world: World, server: MailServer, monkeypatch) -> None:
    held: list[bool] = []
    monkeypatch.setattr(
        "smtplib.SMTP.connect",
        lambda self, *_, **__: held.append(connection.connection is not None) or (220, b"ready"),
    )
    attempt(written(world))
    assert held == [False]


def test_a_worker_that_comes_back_late_changes_nothing(world: World, server: MailServer) -> None:
    """While it hung, its lease ended and another sent the mail."""
    mail = written(world)
    late = mails._claim(mail.id)
    assert late is not None
    sent = attempt(mail)
    mails._postpone(late, OSError("the connection is gone"))
    assert Mail.objects.get(id=mail.id).next_attempt_at == sent.next_attempt_at is None


def test_an_unknown_mail_is_no_error() -> None:
    mails.deliver("eml_" + "0" * 26)


@pytest.mark.parametrize(
    "name", ["A\r\nBcc: eve@example.com", "A\nBcc: eve@example.com", "A\u2028Bcc: eve@example.com"]
)
def test_a_name_with_line_breaks_adds_no_header(world: World, server: MailServer, name: str) -> None:
    Organisation.objects.filter(id=world.alice.org_id).update(name=name)
    attempt(written(world, what="hi\r\nX-Injected: yes"))
    (posted,) = server.posted
    assert posted.message["Subject"] == "A Bcc: eve@example.com: hi X-Injected: yes"
    assert posted.message["Bcc"] is None
    assert posted.message["X-Injected"] is None
    assert posted.recipients == ("alice@example.com",)


def test_a_name_with_tags_is_escaped_in_html_and_as_it_is_in_text(world: World, server: MailServer) -> None:
    Organisation.objects.filter(id=world.alice.org_id).update(name="<b>Alice</b> “Mode” क")
    attempt(written(world))
    (posted,) = server.posted
    assert posted.message["Subject"] == "<b>Alice</b> “Mode” क: hi"
    assert posted.part("plain").startswith("<b>Alice</b> “Mode” क & hi")
    assert "<p>&lt;b&gt;Alice&lt;/b&gt; “Mode” क" in posted.part("html")


def test_a_mail_to_an_address_goes_there_alone_and_its_secrets_are_sealed_until_it_is_sent(
    world: World, server: MailServer
) -> None:
    mails.send_to("dora@example.com", world.alice.org_id, "hello", "dora", secrets={"what": "psst"})
    waiting = Mail.objects.get(reference="dora")
    assert "psst" not in str(vars(waiting))

    sent = attempt(waiting)

    (posted,) = server.posted
    assert posted.recipients == ("dora@example.com",)
    assert posted.message["Subject"] == "Alice & Co: psst"
    assert sent.sealed_secrets == ""


def test_the_secrets_of_a_mail_that_is_given_up_are_forgotten(world: World, server: MailServer) -> None:
    server.replies["RCPT"] = "550 5.1.1 no such person"
    mails.send_to("dora@example.com", world.alice.org_id, "hello", "dora", secrets={"what": "psst"})
    Mail.objects.update(attempts=len(SCHEDULE))
    assert attempt(Mail.objects.get()).sealed_secrets == ""
