"""One delivery to a real endpoint on loopback: what is sent, what counts as an answer, and when it is tried again."""

import socket
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from standardwebhooks import Webhook

from accounts.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from accounts.tests.conftest import attempts, deliver, recorded
from accounts.webhooks import delivery, signing
from zupertry.core.crypto import seal
from zupertry.core.requests import enter_request
from zupertry.testing import pictures
from zupertry.testing.broker import Woken, drain
from zupertry.testing.pictures import Behaviour, PictureServer, Request
from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback")]


def after_reading(behaviour: Behaviour) -> Behaviour:
    """Read the webhook before answering, as servers do."""

    def behave(request: Request) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        behaviour(request)

    return behave


def make_due(delivery_id: str) -> None:
    WebhookDelivery.objects.filter(id=delivery_id).update(next_attempt_at=timezone.now())


def test_a_webhook_arrives_once_and_verifies_both_ways(world: World, receiver: WebhookReceiver) -> None:
    delivery_id = recorded(world.alice.org_id, receiver.url("/hook?a=b"))
    delivered = deliver(delivery_id)
    assert (delivered.status, delivered.next_attempt_at, delivered.lease_expires_at) == ("delivered", None, None)
    deliver(delivery_id)
    (webhook,) = receiver.received
    assert webhook.path == "/hook?a=b"
    assert webhook.headers["content-type"] == "application/json"
    assert webhook.headers["webhook-id"] == webhook.json["id"] == delivered.event_id
    assert Webhook(world.alice.webhook_secret).verify(webhook.body, webhook.headers)["type"] == "job.completed"
    simple = signing.headers(webhook.body, "", timezone.now(), signing.SigningSecrets(world.alice.webhook_secret))
    assert webhook.headers["x-zupertry-signature"] == simple["X-Zupertry-Signature"]
    (attempt,) = attempts(delivery_id)
    assert (attempt.number, attempt.response_status, attempt.error) == (1, 204, "")


def test_a_webhook_carries_the_id_of_the_request_it_goes_back_to_whoever_sends_it(
    world: World, receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    enter_request("the-submit-of-a-job")
    delivery_id = recorded(world.alice.org_id, receiver.url())
    enter_request("a-sweep-hours-later")
    receiver.respond = lambda _received: 500
    deliver(delivery_id)
    make_due(delivery_id)
    enter_request("another-sweep")
    deliver(delivery_id)
    assert [webhook.headers["x-request-id"] for webhook in receiver.received] == ["the-submit-of-a-job"] * 2
    lines: list[Any] = [record.msg for record in caplog.records if "webhook_attempt" in str(record.msg)]
    assert {(line["request_id"], line["org"]) for line in lines} == {("the-submit-of-a-job", world.alice.org_id)}


def test_what_attempts_come_to_and_how_long_a_delivery_took_is_measured(
    world: World, receiver: WebhookReceiver
) -> None:
    def figures() -> list[float]:
        outcomes = [("zupertry_webhook_attempts_total", {"outcome": name}) for name in ("retrying", "delivered")]
        series: list[tuple[str, dict[str, str]]] = [*outcomes, ("zupertry_webhook_delay_seconds_count", {})]
        return [REGISTRY.get_sample_value(name, labels) or 0.0 for name, labels in series]

    before = figures()
    receiver.respond = lambda _received: 500
    delivery_id = recorded(world.alice.org_id, receiver.url())
    deliver(delivery_id)
    receiver.respond = lambda _received: 204
    make_due(delivery_id)
    deliver(delivery_id)
    assert [now - then for now, then in zip(figures(), before, strict=True)] == [1, 1, 1]


def test_during_a_rotation_either_secret_verifies(world: World, receiver: WebhookReceiver) -> None:
    new = signing.generate_secret()
    endpoint = WebhookEndpoint.objects.get(pk=world.alice.org_id)
    endpoint.sealed_previous_secret, endpoint.sealed_secret = endpoint.sealed_secret, seal(new)
    endpoint.rotated_at = timezone.now()
    endpoint.save()
    deliver(recorded(world.alice.org_id, receiver.url()))
    webhook = receiver.received[0]
    for secret in (world.alice.webhook_secret, new):
        Webhook(secret).verify(webhook.body, webhook.headers)


def test_failures_are_retried_on_schedule_and_then_given_up(world: World, receiver: WebhookReceiver, settings) -> None:
    receiver.respond = lambda _received: 500
    delivery_id = recorded(world.alice.org_id, receiver.url())
    drain()
    schedule = [5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200]
    assert schedule == settings.WEBHOOK_RETRY_SCHEDULE
    for number, pause in enumerate(schedule, 1):
        before = timezone.now()
        tried = deliver(delivery_id)
        assert (tried.status, tried.attempt) == ("retrying", number)
        assert tried.next_attempt_at is not None
        assert 0.8 * pause <= (tried.next_attempt_at - before).total_seconds() <= 1.2 * pause + 5
        deliver(delivery_id)  # is not due yet
        woken = [Woken("accounts.deliver", delivery_id, delayed=True)] if number <= 2 else []
        if not 50 < (tried.next_attempt_at - before).total_seconds() < 70:
            assert drain() == woken, "those due within a minute are woken; the sweep finds the others"
        make_due(delivery_id)
    last = deliver(delivery_id)
    assert (last.status, last.attempt, last.next_attempt_at) == ("failed", 9, None)
    assert [attempt.response_status for attempt in attempts(delivery_id)] == [500] * 9
    assert delivery.sweep() == 0
    assert len({webhook.headers["webhook-id"] for webhook in receiver.received}) == 1


def test_the_pauses_are_jittered_by_a_fifth_at_most(world: World) -> None:
    failed = delivery.Answer(500, "", "")
    pauses = [delivery._outcome(3, failed)[1] or 0 for _ in range(300)]
    assert all(96 <= pause <= 144 for pause in pauses)
    assert max(pauses) - min(pauses) > 20


def test_each_attempt_is_signed_anew_with_a_fresh_link(world: World, receiver: WebhookReceiver) -> None:
    answers = iter([503, 200])
    receiver.respond = lambda _received: next(answers)
    delivery_id = recorded(world.alice.org_id, receiver.url(), output_name="pictures/00/a.jpg")
    deliver(delivery_id)
    time.sleep(1.1)
    make_due(delivery_id)
    assert deliver(delivery_id).status == "delivered"
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    for changed in ("webhook-timestamp", "webhook-signature", "x-zupertry-signature"):
        assert first.headers[changed] != second.headers[changed]
    expiry = [int(parse_qs(urlsplit(each.json["data"]["output_url"]).query)["expires"][0]) for each in (first, second)]
    assert expiry[0] < expiry[1]
    assert 3_590 < expiry[1] - time.time() <= 3_600


def test_410_stops_the_retries(world: World, receiver: WebhookReceiver) -> None:
    receiver.respond = lambda _received: 410
    gone = deliver(recorded(world.alice.org_id, receiver.url()))
    assert (gone.status, gone.attempt, gone.next_attempt_at) == ("failed", 1, None)


def test_redirects_are_not_followed(world: World, server: PictureServer) -> None:
    elsewhere = server.add("/elsewhere", after_reading(pictures.status(200)))
    url = server.add("/hook", after_reading(pictures.redirect(elsewhere, 307)))
    delivery_id = recorded(world.alice.org_id, url)
    assert deliver(delivery_id).status == "retrying"
    assert attempts(delivery_id)[0].response_status == 307
    assert server.requests["/elsewhere"] == 0


def test_a_name_that_leads_inside_is_refused_when_it_is_resolved(
    world: World, server: PictureServer, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = []
    inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
    delivery_id = recorded(world.alice.org_id, f"http://hooks.example.com:{server.port}/hook")
    with monkeypatch.context() as names:
        names.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: [inside])
        delivery.deliver(delivery_id)
    assert WebhookDelivery.objects.get(id=delivery_id).status == "retrying"
    (attempt,) = attempts(delivery_id)
    assert attempt.response_status is None
    assert "private or reserved" in attempt.error
    assert server.connections == 0


@pytest.mark.parametrize(
    "behaviour",
    [pictures.hang(), pictures.trickled_headers(0.05), pictures.trickled_body(0.05)],
    ids=["hangs", "slow headers", "slow body"],
)
def test_the_deadline_is_for_the_whole_request(
    world: World, server: PictureServer, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert delivery.DEADLINE_SECONDS == 10
    monkeypatch.setattr(delivery, "DEADLINE_SECONDS", 0.4)
    delivery_id = recorded(world.alice.org_id, server.add("/hook", after_reading(behaviour)))
    started = time.monotonic()
    assert deliver(delivery_id).status == "retrying"
    assert time.monotonic() - started < 5
    assert "did not answer in full" in attempts(delivery_id)[0].error


def test_nobody_there_is_a_failure_like_another(world: World, receiver: WebhookReceiver) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        delivery_id = recorded(world.alice.org_id, f"http://127.0.0.1:{probe.getsockname()[1]}/hook")
        assert deliver(delivery_id).status == "retrying"
    assert "refused" in attempts(delivery_id)[0].error


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"x" * 50_000, "x" * 16_384),
        (b"a\x00b\xff\xfe", "a\N{REPLACEMENT CHARACTER}b" + 2 * "\N{REPLACEMENT CHARACTER}"),
        ("Zoë 试".encode(), "Zoë 试"),
    ],
    ids=["large", "binary", "text"],
)
def test_of_the_answer_16_kilobytes_of_text_are_kept(
    world: World, server: PictureServer, body: bytes, kept: str
) -> None:
    delivery_id = recorded(world.alice.org_id, server.add("/hook", after_reading(pictures.content(body, "text/html"))))
    assert deliver(delivery_id).status == "delivered"
    assert attempts(delivery_id)[0].response_body == kept


def test_an_unknown_delivery_is_no_error() -> None:
    delivery.deliver("whd_" + "0" * 26)


def test_an_attempt_that_breaks_before_anything_is_sent_counts(world: World, receiver: WebhookReceiver) -> None:
    WebhookEndpoint.objects.update(sealed_secret="sealed with a key that is gone")
    tried = deliver(recorded(world.alice.org_id, receiver.url()))
    assert (tried.status, tried.attempt, tried.lease_expires_at) == ("retrying", 1, None)
    assert "Something of ours" in DeliveryAttempt.objects.get().error
    assert receiver.received == []


@pytest.mark.parametrize(
    "broken",
    [
        pictures.wrong_length(b"ok", 100),
        pictures.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        pictures.compressed(b"no gzip", "gzip"),
    ],
)
def test_a_2xx_is_a_delivery_even_when_its_body_breaks_off(
    world: World, server: PictureServer, broken: Behaviour
) -> None:
    url = server.add("/hook", after_reading(broken))
    assert deliver(recorded(world.alice.org_id, url)).status == "delivered"
