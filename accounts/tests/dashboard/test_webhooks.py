"""The pages of webhooks, with a real endpoint on loopback."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from ipaddress import ip_network

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.dashboard.listings import ROWS
from accounts.models import AuditEntry, DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from accounts.webhooks import delivery, endpoint, outbox, signing
from zupertry.core import ids
from zupertry.testing.page import Element, parse
from zupertry.testing.receiver import WebhookReceiver

pytestmark = pytest.mark.django_db

WEBHOOKS, DELIVERIES, REPLAY_ALL = (reverse(f"developers:{n}") for n in ("webhooks", "deliveries", "replay-all"))
ROTATE = reverse("developers:rotate")
SINCE = "2020-01-01T00:00"


@pytest.fixture(autouse=True)
def _loopback_may_be_reached(settings) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def page(answer, status=200) -> Element:
    assert answer.status_code == status
    return parse(answer.content.decode())


def post(client, name: str, *args: str, **data: str) -> Element:
    return page(client.post(reverse(f"developers:{name}", args=args), data, follow=True))


def sent(organisation, *, status="failed", url="https://shop.example/hook", body="") -> WebhookDelivery:
    """A delivery that has come to this end after one attempt."""
    made = outbox.record(organisation.id, "job.completed", "job_1", {"status": "completed"}, output_name="", url=url)
    DeliveryAttempt.objects.create(
        delivery=made, number=1, started_at=timezone.now(), duration_ms=12, response_status=500, response_body=body
    )
    WebhookDelivery.objects.filter(pk=made.pk).update(status=status, attempt=1, next_attempt_at=None)
    made.refresh_from_db()
    return made


def rows(html: Element) -> list[str]:
    return [" ".join(row.text.split()) for body in html.all("tbody") for row in body.all("tr")]


def test_a_url_is_saved_and_taken_away_again(developer, alice):
    html = page(developer.post(WEBHOOKS, {"url": " https://shop.example/hook "}, follow=True))
    assert html.by_id("id_url").attributes["value"] == "https://shop.example/hook"
    assert WebhookEndpoint.objects.get(pk=alice.pk).url == "https://shop.example/hook"
    entry = AuditEntry.objects.get(action="webhook.url_changed")
    assert entry.details == {"target": "https://shop.example:443"}

    developer.post(WEBHOOKS, {"url": "https://shop.example/hook"})
    developer.post(WEBHOOKS, {"url": ""})

    assert WebhookEndpoint.objects.get(pk=alice.pk).url == ""
    assert AuditEntry.objects.filter(action="webhook.url_changed").count() == 2


@pytest.mark.parametrize(
    "url", ["ftp://shop.example/", "http://10.0.0.1/", "https://user:pw@shop.example/", "https://", "https://a b/"]
)
def test_a_url_that_the_api_would_refuse_is_refused_beside_the_field_and_stays_typed(owner, alice, url):
    html = page(owner.post(WEBHOOKS, {"url": url}), 422)
    assert html.by_id("id_url_error").text.startswith("The URL")
    assert html.by_id("id_url").attributes["value"] == url
    assert WebhookEndpoint.objects.get(pk=alice.pk).url == ""


def test_the_secret_is_folded_away_until_it_is_asked_for(owner, world):
    html = page(owner.get(WEBHOOKS))
    (folded,) = html.all("details", class_="reveal")
    assert "open" not in folded.attributes
    assert folded.all("code")[0].text == world.alice.webhook_secret


def test_a_rotation_is_asked_about_on_a_page_that_says_what_becomes_of_each_header(owner, alice):
    leads = [link.attributes["href"] for link in page(owner.get(WEBHOOKS)).all("a")]
    assert ROTATE in leads

    asked = page(owner.get(ROTATE))

    by_header = dict(zip(*[[part.text for part in asked.all(tag)] for tag in ("dt", "dd")], strict=True))
    assert "a signature by each secret" in by_header["webhook-signature"]
    assert "Stays with the old secret" in by_header["X-Zupertry-Signature"]
    assert not signing.secrets_of(WebhookEndpoint.objects.get(pk=alice.pk)).previous, "asking changes nothing"

    said = post(owner, "rotate").text
    rotated_at = WebhookEndpoint.objects.get(pk=alice.pk).rotated_at
    assert rotated_at
    assert said.count(f"until {rotated_at + signing.ROTATION_OVERLAP:%-d %b %Y, %H:%M} UTC") == 2, "now and later"
    assert "Finish it before you begin another" in page(owner.get(ROTATE)).text


def test_a_rotation_keeps_the_old_secret_beside_the_new_one_until_it_is_finished(owner, alice, world):
    html = post(owner, "rotate")
    secrets = signing.secrets_of(WebhookEndpoint.objects.get(pk=alice.pk))
    assert secrets.previous == world.alice.webhook_secret != secrets.current
    assert [code.text for code in html.all("code") if code.text.startswith("whsec_")] == [
        secrets.current,
        secrets.previous,
    ]
    assert "Finish it before" in post(owner, "rotate").text
    assert signing.secrets_of(WebhookEndpoint.objects.get(pk=alice.pk)) == secrets

    assert "only the new secret signs" in post(owner, "finish-rotation").text

    assert signing.secrets_of(WebhookEndpoint.objects.get(pk=alice.pk)) == signing.SigningSecrets(secrets.current)
    actions = list(AuditEntry.objects.filter(action__startswith="webhook.").values_list("action", flat=True))
    assert actions == ["webhook.secret_rotated", "webhook.rotation_finished"]


def test_a_rotation_that_nobody_finished_is_over_after_a_day_and_another_may_begin(owner, alice):
    post(owner, "rotate")
    WebhookEndpoint.objects.filter(pk=alice.pk).update(rotated_at=timezone.now() - timedelta(hours=25))
    before = signing.secrets_of(WebhookEndpoint.objects.get(pk=alice.pk))
    assert before.previous == ""
    assert "under way" not in page(owner.get(WEBHOOKS)).text

    post(owner, "rotate")

    assert signing.secrets_of(WebhookEndpoint.objects.get(pk=alice.pk)).previous == before.current


def test_a_test_event_is_delivered_like_any_other_and_says_that_it_is_one(owner, alice, receiver):
    assert "Save a webhook URL first" in post(owner, "send-test").text
    owner.post(WEBHOOKS, {"url": receiver.url()})

    html = post(owner, "send-test")

    made = WebhookDelivery.objects.get(organisation=alice)
    assert made.event_id in html.text
    delivery.deliver(made.id)
    (webhook,) = receiver.received
    assert (webhook.json["type"], webhook.json["data"]["test"]) == ("webhook.test", True)
    assert webhook.headers["webhook-signature"]
    assert rows(page(owner.get(DELIVERIES)))[0].count("Delivered") == 1
    assert AuditEntry.objects.get(action="webhook.test_sent").subject == made.id


def test_more_than_ten_tests_in_a_minute_have_to_wait(owner, receiver):
    owner.post(WEBHOOKS, {"url": receiver.url()})
    for _ in range(endpoint.TESTS_A_MINUTE):
        post(owner, "send-test")
    assert "Wait for the next one" in post(owner, "send-test").text
    assert WebhookDelivery.objects.count() == endpoint.TESTS_A_MINUTE


def test_the_log_has_status_answer_time_and_next_attempt(owner, alice):
    sent(alice)
    waiting = outbox.record(alice.id, "job.failed", "job_2", {}, output_name="", url="https://shop.example/")

    listed = rows(page(owner.get(DELIVERIES)))

    assert "job.failedjob_2 Pending 0" in listed[0]
    assert f"{waiting.next_attempt_at:%H:%M:%S}" in listed[0]
    assert "job.completedjob_1 Failed HTTP 500in 12 ms 1" in listed[1]


def test_the_log_is_filtered_by_status_and_goes_on_with_that_filter(owner, alice):
    for _ in range(ROWS + 2):
        sent(alice)
        sent(alice, status="delivered")

    html = page(owner.get(f"{DELIVERIES}?status=failed"))
    older = next(link for link in html.all("a") if link.text == "Older").attributes["href"]

    assert len(rows(html)) == ROWS
    assert all("Failed" in row for row in rows(html))
    assert len(rows(page(owner.get(older)))) == 2
    assert len(rows(page(owner.get(f"{DELIVERIES}?status=nonsense")))) == ROWS
    assert "No delivery fits these filters" in page(owner.get(f"{DELIVERIES}?status=retrying")).text
    assert owner.get(f"{DELIVERIES}?before=nonsense").status_code == 404


def test_the_log_is_filtered_by_job_and_by_day_together_with_the_status(owner, alice, charlies):
    one, other, theirs = (ids.new("job") for _ in range(3))
    for organisation, job in ((alice, one), (alice, other), (charlies, theirs)):
        outbox.record(organisation.id, "job.completed", job, {}, output_name="", url="https://shop.example/")
    today = timezone.now().astimezone(UTC).date()

    def listed(**query) -> str:
        return " ".join(rows(page(owner.get(DELIVERIES, query))))

    assert one in listed(job=one)
    assert other not in listed(job=one)
    assert one in listed(job=one, status="pending", since=f"{today}", until=f"{today}")
    assert other in listed(since=f"{today}")
    for nothing in ({"job": theirs}, {"job": one, "status": "failed"}, {"until": f"{today - timedelta(days=1)}"}):
        assert "No delivery fits these filters" in page(owner.get(DELIVERIES, nothing)).text
    wrong = page(owner.get(DELIVERIES, {"job": "job_1", "since": "yesterday"}))
    assert wrong.by_id("id_job_error").text.startswith("A job's id")
    assert wrong.by_id("id_since_error").text
    assert len(rows(wrong)) == 2, "what can't be read filters nothing"


def test_the_page_of_a_delivery_tells_what_is_known_of_the_headers_and_no_signature(owner, alice, receiver):
    url = receiver.url()
    made = outbox.record(alice.id, "job.failed", ids.new("job"), {"status": "failed"}, output_name="", url=url)
    delivery.deliver(made.id)
    endpoint.rotate(alice, actor="user:test")
    (sent_,) = receiver.received

    shown = page(owner.get(reverse("developers:delivery", args=[made.id]))).text

    for name in ("webhook-id", "webhook-timestamp", "X-Request-Id"):
        assert name in shown
        assert sent_.headers.get(name, "") in shown
    secrets = signing.secrets_of(WebhookEndpoint.objects.get(pk=alice.pk))
    again = signing.headers(sent_.body, made.event_id, made.attempts.get().started_at, secrets)
    assert sent_.headers["webhook-timestamp"] == again["webhook-timestamp"]
    assert sent_.headers["webhook-signature"] != again["webhook-signature"], (
        "by another secret: it is not known any more"
    )
    for signature in (sent_.headers["webhook-signature"], *again["webhook-signature"].split()):
        assert signature not in shown


def test_what_a_server_answered_is_shown_and_never_run(owner, alice):
    made = sent(alice, body="<script>alert(1)</script>" + "x" * 16_000)
    answer = owner.get(reverse("developers:delivery", args=[made.id]))
    assert page(answer).all("pre")[-1].text.startswith("<script>alert(1)</script>xxx")
    assert b"<script>alert" not in answer.content


def test_a_replay_sends_the_same_event_once_more_with_the_whole_schedule(owner, alice, receiver):
    made = sent(alice, url=receiver.url())
    WebhookDelivery.objects.filter(pk=made.pk).update(attempt=9)
    receiver.respond = lambda _: 503

    html = post(owner, "replay", made.id, attempt="9")
    assert "It is sent again" in html.text
    delivery.deliver(made.id)

    (webhook,) = receiver.received
    assert webhook.headers["webhook-id"] == made.event_id
    made.refresh_from_db()
    assert (made.status, made.attempt) == ("retrying", 10), "which would be the end without a new schedule"
    assert AuditEntry.objects.get(action="webhook.replayed").subject == made.id


def test_a_replay_that_was_asked_for_twice_is_sent_once(owner, alice, receiver):
    made = sent(alice, url=receiver.url())
    post(owner, "replay", made.id, attempt="1")
    assert "already" in post(owner, "replay", made.id, attempt="1").text
    delivery.deliver(made.id)
    assert "already" in post(owner, "replay", made.id, attempt="1").text, "as the second of two clicks would be late"
    delivery.deliver(made.id)
    assert len(receiver.received) == 1


def test_what_was_withdrawn_is_never_replayed(owner, alice):
    made = sent(alice)
    outbox.withdraw("job_1")
    html = page(owner.get(reverse("developers:delivery", args=[made.id])))
    assert "Withdrawn" in html.text
    assert "attempt" not in [field.attributes["name"] for field in html.all("input")]

    post(owner, "replay", made.id, attempt="1")
    post(owner, "replay-all", since=SINCE)

    made.refresh_from_db()
    assert (made.status, made.next_attempt_at) == ("failed", None)


def test_all_that_failed_since_a_time_is_replayed_and_nothing_else(owner, alice, charlies):
    failed = [sent(alice) for _ in range(3)]
    done, others = sent(alice, status="delivered"), sent(charlies)

    assert "Nothing has failed since then" in post(owner, "replay-all", since="2999-01-01T00:00").text
    assert "3 are sent again" in post(owner, "replay-all", since=SINCE).text

    pending = set(WebhookDelivery.objects.filter(status="pending").values_list("pk", flat=True))
    assert pending == {made.pk for made in failed}
    assert not {done.pk, others.pk} & pending
    assert "Nothing has failed" in post(owner, "replay-all", since=SINCE).text


def waiting(organisation, url="https://shop.example/hook", **minutes: float) -> WebhookDelivery:
    """A delivery that failed once and whose next attempt is due in this time."""
    made = sent(organisation, status="retrying", url=url)
    WebhookDelivery.objects.filter(pk=made.pk).update(next_attempt_at=timezone.now() + timedelta(**minutes))
    return made


def test_what_waits_for_its_next_attempt_is_sent_now_once_the_server_is_mended(owner, alice, receiver):
    made = waiting(alice, receiver.url(), hours=12)
    assert "Try now" in page(owner.get(reverse("developers:delivery", args=[made.id]))).text

    assert "It is sent again" in post(owner, "replay", made.id, attempt="1").text
    assert "already" in post(owner, "replay", made.id, attempt="1").text
    delivery.deliver(made.id)

    assert len(receiver.received) == 1
    made.refresh_from_db()
    assert (made.status, made.attempt) == ("delivered", 2)


def test_an_attempt_that_is_under_way_is_not_made_a_second_time(owner, alice):
    made = waiting(alice, minutes=-1)
    WebhookDelivery.objects.filter(pk=made.pk).update(lease_expires_at=timezone.now() + timedelta(seconds=9))
    assert "Try now" not in page(owner.get(reverse("developers:delivery", args=[made.id]))).text
    assert "already" in post(owner, "replay", made.id, attempt="1").text
    assert "Nothing has failed" in post(owner, "replay-all", since=SINCE).text


def test_replaying_all_that_failed_takes_along_what_waits_for_another_attempt(owner, alice):
    made = [sent(alice), waiting(alice, hours=6)]
    assert "2 are sent again" in post(owner, "replay-all", since=SINCE).text
    due = WebhookDelivery.objects.filter(status="pending", next_attempt_at__lte=timezone.now())
    assert {found.pk for found in due} == {delivery.pk for delivery in made}


def test_the_page_of_a_delivery_shows_what_is_sent_and_leads_to_the_job(owner, alice):
    made = sent(alice)
    html = page(owner.get(reverse("developers:delivery", args=[made.id])))
    assert f'"id": "{made.event_id}"' in html.text
    assert reverse("tryon:job", args=["job_1"]) in [link.attributes["href"] for link in html.all("a")]


@pytest.mark.parametrize(("due", "watched"), [({"seconds": 5}, True), ({"hours": 6}, False)])
def test_the_page_looks_again_by_itself_while_an_attempt_is_near(owner, alice, due, watched):
    made = waiting(alice, **due)
    (part,) = [
        div
        for div in page(owner.get(reverse("developers:delivery", args=[made.id]))).all("div")
        if "delivery" in div.classes
    ]
    state = reverse("developers:delivery-state", args=[made.id])
    asked = part.attributes.get("hx-get", "")
    assert asked.partition("?")[0] == (state if watched else "")
    if watched:
        assert owner.get(asked).status_code == 204
    WebhookDelivery.objects.filter(pk=made.pk).update(status="delivered", next_attempt_at=None)
    fresh = page(owner.get(asked or state))
    assert "hx-get" not in fresh.all(class_="delivery")[0].attributes
    assert fresh.by_id("said").text == "The delivery is delivered."


def test_a_replay_of_many_is_bounded_and_says_that_there_are_more(owner, alice, monkeypatch):
    for module in ("accounts.webhooks.replay", "accounts.dashboard.webhooks"):
        monkeypatch.setattr(f"{module}.REPLAY_BATCH", 2)
    for _ in range(3):
        sent(alice)
    assert "Replay once more for the rest" in post(owner, "replay-all", since=SINCE).text
    assert WebhookDelivery.objects.filter(status="failed").count() == 1


@pytest.mark.parametrize("since", ["", "yesterday", "2026-13-01T00:00"])
def test_a_time_that_cannot_be_read_is_said_beside_it(owner, alice, since):
    sent(alice)
    html = page(owner.post(REPLAY_ALL, {"since": since}), 422)
    assert html.by_id("id_since_error").text
    assert WebhookDelivery.objects.get().status == "failed"


def test_the_log_takes_as_many_queries_for_one_as_for_many(owner, alice, django_assert_num_queries):
    sent(alice)
    with django_assert_num_queries(5):  # session, user, memberships, deliveries with events, attempts
        owner.get(DELIVERIES)
    for _ in range(50):
        sent(alice)
    with django_assert_num_queries(5):
        owner.get(DELIVERIES)
