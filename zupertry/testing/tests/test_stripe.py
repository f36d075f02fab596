"""The fake Stripe, as a browser and a plain HTTP client see it."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from zupertry.testing.page import parse
from zupertry.testing.receiver import Received, WebhookReceiver
from zupertry.testing.stripe import StripeServer
from zupertry.testing.stripe.cards import CARDS
from zupertry.testing.stripe.errors import RefusedError
from zupertry.testing.stripe.events import API_VERSION
from zupertry.testing.stripe.forms import parse_form

KEY = "sk_test_123456789"


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    with StripeServer(secret_key=KEY) as server:
        yield server


@pytest.fixture
def session(stripe: StripeServer) -> dict[str, Any]:
    return new_session(stripe)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects(), urllib.request.ProxyHandler({}))


def fetch(
    url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None, method: str | None = None
) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body, following no redirect."""
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        answer = _opener.open(request, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, dict(answer.headers), answer.read().decode()


def call(stripe: StripeServer, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, Any]:
    """Return the status and the object of a request to the API."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    standard = {"Authorization": f"Bearer {KEY}", "Stripe-Version": API_VERSION}
    status, _, body = fetch(stripe.url + path, form, {**standard, **named})
    return status, json.loads(body)


def new_session(stripe: StripeServer, **more: str) -> dict[str, Any]:
    _, customer = call(stripe, "/v1/customers", {"email": "<alice>@example.com"})
    form = {
        "mode": "payment",
        "customer": customer["id"],
        "line_items[0][quantity]": "2",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][product_data][name]": "500 <credits>",
        "line_items[0][price_data][unit_amount]": "61700",
        "success_url": "https://shop.example.com/back?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example.com/",
    }
    status, session = call(stripe, "/v1/checkout/sessions", {**form, **more})
    assert status == 200, session
    return dict(session)


def choose(url: str, **form: str) -> str:
    """Post a form of a page, and return where it leads."""
    status, headers, _ = fetch(url, form)
    assert status == 303
    return headers["Location"]


# The API


def test_fields_whose_names_are_paths_become_trees() -> None:
    assert parse_form("a[b][0][c]=1&a[b][1]=2&expand[0]=x.y&d=&e[f]=%26&g[]=3&g[]=4") == {
        "a": {"b": [{"c": "1"}, "2"]},
        "expand": ["x.y"],
        "d": "",
        "e": {"f": "&"},
        "g": ["3", "4"],
    }


def test_a_wrong_key_or_none_is_refused_and_not_repeated(stripe: StripeServer) -> None:
    for header in ("Bearer sk_test_wrongwrongwrong", "Basic abc", ""):
        status, answer = call(stripe, "/v1/customers", {}, Authorization=header)
        assert (status, answer["error"]["type"]) == (401, "invalid_request_error")
        assert "wrongwrong" not in answer["error"]["message"]


@pytest.mark.parametrize(
    ("path", "form", "status", "code"),
    [
        ("/v1/customers/cus_none", None, 404, "resource_missing"),
        ("/v1/nothing", None, 404, None),
        ("/v1/customers", {"nmae": "x"}, 400, "parameter_unknown"),
        ("/v1/payment_intents", {"amount": "1"}, 400, "parameter_missing"),
        ("/v1/refunds?starting_after=re_none", None, 400, None),
        ("/v1/disputes?page=2", None, 400, "parameter_unknown"),
    ],
)
def test_refusals_are_errors_of_stripes_form(
    stripe: StripeServer, path: str, form: dict[str, str] | None, status: int, code: str | None
) -> None:
    found, answer = call(stripe, path, form)
    assert (found, answer["error"]["type"]) == (status, "invalid_request_error")
    assert answer["error"].get("code") == code
    assert answer["error"]["message"]


def test_another_version_of_the_api_is_refused(stripe: StripeServer) -> None:
    assert call(stripe, "/v1/customers", {}, Stripe_Version="2020-08-27")[0] == 400


def test_every_request_is_recorded(stripe: StripeServer, session: dict[str, Any]) -> None:
    assert [(request.method, request.path) for request in stripe.requests] == [
        ("POST", "/v1/customers"),
        ("POST", "/v1/checkout/sessions"),
    ]
    assert stripe.requests[1].params["line_items"][0]["quantity"] == "2"
    assert stripe.requests[1].headers["authorization"] == f"Bearer {KEY}"


def test_references_are_ids_until_they_are_expanded(stripe: StripeServer, session: dict[str, Any]) -> None:
    stripe.pay(session["id"])
    path = f"/v1/checkout/sessions/{session['id']}"
    _, plain = call(stripe, path)
    assert plain["payment_intent"].startswith("pi_")
    _, expanded = call(stripe, f"{path}?expand[]=payment_intent.latest_charge.refunds&expand[]=customer")
    charge = expanded["payment_intent"]["latest_charge"]
    assert charge["refunds"] == {
        "object": "list",
        "url": f"/v1/charges/{charge['id']}/refunds",
        "data": [],
        "has_more": False,
    }
    assert expanded["customer"]["object"] == "customer"
    assert "refunds" not in call(stripe, f"/v1/charges/{charge['id']}")[1]
    assert call(stripe, f"{path}?expand[]=nothing")[0] == 400
    assert call(stripe, f"{path}?expand[]=a.b.c.d.e")[0] == 400


def test_lists_come_in_pages_newest_first(stripe: StripeServer, session: dict[str, Any]) -> None:
    stripe.pay(session["id"])
    intent = stripe.all("payment_intent")[0]["id"]
    made = [stripe.refund(intent, 1)["id"] for _ in range(12)]
    _, first = call(stripe, f"/v1/refunds?payment_intent={intent}")
    assert ([item["id"] for item in first["data"]], first["has_more"]) == (made[:1:-1], True)
    _, rest = call(stripe, f"/v1/refunds?limit=5&starting_after={first['data'][-1]['id']}")
    assert ([item["id"] for item in rest["data"]], rest["has_more"]) == (made[1::-1], False)


def test_an_idempotency_key_gives_the_same_answer_again(stripe: StripeServer) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Version": API_VERSION, "Idempotency-Key": "k"}
    answers = [fetch(f"{stripe.url}/v1/customers", {"name": "Alice"}, headers) for _ in range(2)]
    assert answers[0][2] == answers[1][2]
    assert [answer[1].get("Idempotent-Replayed") for answer in answers] == [None, "true"]
    status, refused = call(stripe, "/v1/customers", {"name": "Bob"}, Idempotency_Key="k")
    assert (status, refused["error"]["type"]) == (400, "idempotency_error")
    assert len(stripe.all("customer")) == 1


def test_a_key_in_use_is_refused_and_a_refusal_that_did_nothing_is_forgotten(stripe: StripeServer) -> None:
    assert call(stripe, "/v1/customers", {"nmae": "x"}, Idempotency_Key="k")[0] == 400
    stripe.break_next(how="stall")
    barrier = Barrier(2)

    def first() -> int:
        barrier.wait()
        return call(stripe, "/v1/customers", {"name": "x"}, Idempotency_Key="k")[0]

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(first)
        barrier.wait()
        while len(stripe.requests) < 2:
            time.sleep(0.005)
        status, refused = call(stripe, "/v1/customers", {"name": "x"}, Idempotency_Key="k")
        assert (status, refused["error"]["code"]) == (409, "idempotency_key_in_use")
        stripe.resume()
        assert future.result() == 200


# The pages


def test_the_checkout_shows_what_is_bought_and_says_that_it_is_a_fake(
    stripe: StripeServer, session: dict[str, Any]
) -> None:
    status, headers, html = fetch(session["url"])
    page = parse(html)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for text in ("fake Stripe", "500 <credits>", "USD 1,234.00", "<alice>@example.com"):
        assert text in page.text
    assert [button.attributes["value"] for button in page.all("button")] == list(CARDS)
    (cancel,) = page.all("a")
    assert (cancel.text, cancel.attributes["href"]) == ("Cancel", "https://shop.example.com/")
    assert not page.all("script")


def test_paying_leads_back_to_the_shop_and_the_checkout_is_over(stripe: StripeServer, session: dict[str, Any]) -> None:
    back = choose(session["url"], card="succeeds")
    assert back == f"https://shop.example.com/back?session={session['id']}"
    _, now = call(stripe, f"/v1/checkout/sessions/{session['id']}")
    assert (now["status"], now["payment_status"], now["url"]) == ("complete", "paid", None)
    assert now["customer_details"]["email"] == "<alice>@example.com"
    assert "This checkout is complete" in fetch(session["url"])[2]
    assert fetch(session["url"], {"card": "succeeds"})[0] == 404
    assert len(stripe.all("payment_intent")) == 1


def test_a_declined_card_leads_back_to_the_checkout_which_says_so(
    stripe: StripeServer, session: dict[str, Any]
) -> None:
    assert choose(session["url"], card="declined") == session["url"]
    (alert,) = parse(fetch(session["url"])[2]).all(class_="error")
    assert alert.text == "Your card was declined."
    choose(session["url"], card="succeeds")
    assert len(stripe.all("payment_intent", status="succeeded")) == 1


def test_a_challenge_is_passed_or_failed_on_the_banks_page(stripe: StripeServer, session: dict[str, Any]) -> None:
    challenge = choose(session["url"], card="needs_authentication")
    assert challenge == f"{stripe.url}/challenge/{stripe.all('payment_intent')[0]['id']}"
    assert [button.text for button in parse(fetch(challenge)[2]).all("button")] == ["Complete", "Fail"]
    assert choose(challenge, result="fail") == session["url"]
    assert "failed authentication" in fetch(session["url"])[2]
    assert "nothing to confirm" in fetch(challenge)[2]
    challenge = choose(session["url"], card="needs_authentication")
    assert choose(challenge, result="complete").startswith("https://shop.example.com/back")


@pytest.mark.parametrize(("debit", "status"), [("arrives", "paid"), ("fails", "unpaid")])
def test_a_bank_debit_is_settled_on_the_page_of_its_checkout(
    stripe: StripeServer, session: dict[str, Any], debit: str, status: str
) -> None:
    assert choose(session["url"], card="bank_debit").startswith("https://shop.example.com/back")
    assert stripe.objects[session["id"]]["payment_status"] == "unpaid"
    values = [button.attributes["value"] for button in parse(fetch(session["url"])[2]).all("button")]
    assert values == ["arrives", "fails"]
    choose(session["url"], debit=debit)
    assert stripe.objects[session["id"]]["payment_status"] == status
    assert not parse(fetch(session["url"])[2]).all("button")


def test_the_checkout_says_when_it_keeps_what_is_paid_with(stripe: StripeServer, session: dict[str, Any]) -> None:
    keeping = new_session(stripe, **{"payment_intent_data[setup_future_usage]": "off_session"})
    assert "is kept for later payments" in fetch(keeping["url"])[2]
    assert "is kept" not in fetch(session["url"])[2]


def test_invoices_and_receipts_have_pages(stripe: StripeServer) -> None:
    session = new_session(stripe, **{"invoice_creation[enabled]": "true"})
    stripe.pay(session["id"])
    (invoice,) = stripe.all("invoice")
    for url in (invoice["hosted_invoice_url"], invoice["invoice_pdf"]):
        assert "Invoice FAKE-0001" in fetch(url)[2]
    assert "USD 1,234.00" in fetch(stripe.all("charge")[0]["receipt_url"])[2]


@pytest.mark.parametrize("path", ["/", "/c/pay/cs_none", "/challenge/pi_none", "/invoices/in_none", "/favicon.ico"])
def test_pages_that_are_not_there_are_404(stripe: StripeServer, path: str) -> None:
    assert fetch(stripe.url + path)[0] == 404


# Controls


def test_a_checkout_that_is_over_is_neither_paid_nor_expired_again(
    stripe: StripeServer, session: dict[str, Any]
) -> None:
    stripe.expire(session["id"])
    for act in (stripe.expire, stripe.pay):
        with pytest.raises(RefusedError, match="expired"):
            act(session["id"])


def test_refunds_add_up_on_the_charge_until_they_fail(stripe: StripeServer, session: dict[str, Any]) -> None:
    stripe.pay(session["id"])
    charge = stripe.all("charge")[0]
    stripe.refund(charge["payment_intent"], 400)
    rest = stripe.refund(charge["payment_intent"])
    assert (rest["amount"], charge["amount_refunded"], charge["refunded"]) == (123000, 123400, True)
    stripe.fail_refund(rest["id"])
    assert (charge["amount_refunded"], charge["refunded"]) == (400, False)


# Events


def test_events_are_signed_and_hold_the_object_as_it_was(stripe: StripeServer, session: dict[str, Any]) -> None:
    with WebhookReceiver() as shop:
        stripe.sender.events_to = shop.url("/gateway-events/stripe")
        stripe.pay(session["id"])
        received = shop.wait_for(3)
    assert {item.json["type"] for item in received} == {
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    for item in received:
        assert item.path == "/gateway-events/stripe"
        assert_signed(item, "whsec_fake")
        assert (item.json["object"], item.json["api_version"], item.json["livemode"]) == ("event", API_VERSION, False)
    (completed,) = [item.json for item in received if item.json["type"] == "checkout.session.completed"]
    assert completed["data"]["object"] == stripe.objects[session["id"]]


def assert_signed(item: Received, secret: str) -> None:
    stamp, signed = item.headers["stripe-signature"].split(",")
    assert abs(int(stamp.removeprefix("t=")) - time.time()) < 60
    expected = hmac.new(secret.encode(), stamp[2:].encode() + b"." + item.body, hashlib.sha256).hexdigest()
    assert signed == f"v1={expected}"


def test_an_event_is_posted_again_until_it_is_taken(stripe: StripeServer, session: dict[str, Any]) -> None:
    with WebhookReceiver(lambda _: 500 if len(shop.received) < 1 else 200) as shop:
        stripe.sender.events_to = shop.url()
        stripe.expire(session["id"])
        stripe.sender.wait_for_events()
        first, second = shop.received
    assert first.json["id"] == second.json["id"]


def test_held_events_are_delivered_by_hand_in_any_order_and_number(
    stripe: StripeServer, session: dict[str, Any]
) -> None:
    with WebhookReceiver() as shop:
        stripe.sender.events_to = shop.url()
        stripe.sender.hold_events = True
        stripe.pay(session["id"])
        assert shop.received == []
        for event in [*reversed(stripe.events), stripe.events[0]]:
            assert stripe.sender.deliver(event) == 204
        types = [item.json["type"] for item in shop.received]
    assert types == ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded", "charge.succeeded"]
    assert stripe.sender.deliver(stripe.events[0]) == 0


def test_a_removed_method_is_told_with_whom_it_was(stripe: StripeServer) -> None:
    session = new_session(stripe, **{"payment_intent_data[setup_future_usage]": "off_session"})
    stripe.pay(session["id"])
    (method,) = stripe.all("payment_method", customer=session["customer"])
    stripe.detach(method["id"])
    event = stripe.events[-1]
    assert (event["type"], event["data"]["object"]["customer"]) == ("payment_method.detached", None)
    assert event["data"]["previous_attributes"] == {"customer": session["customer"]}
