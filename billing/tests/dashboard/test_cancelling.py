"""The button that ends a payment which waits for its buyer."""

import pytest
from django.utils import timezone

from billing import cancelling
from billing.tests.dashboard.test_buying import at, bought, page, title
from zupertry.testing.money import opened


def buttons(html) -> list[str]:
    return [form.attributes["action"] for form in html.all("form") if "action" in form.attributes]


def test_who_comes_back_by_cancel_finds_the_button(owner, alice, stripe):
    payment = bought(owner, alice)
    assert stripe.objects[payment.checkout_reference]["cancel_url"].endswith(at("payment", payment))
    assert at("cancel", payment) in buttons(page(owner.get(at("payment", payment))))

    html = page(owner.post(at("cancel", payment), follow=True))

    assert title(html) == "This payment was cancelled"
    assert "Cancelled" in html.all("dl")[0].text
    assert at("cancel", payment) not in buttons(html)
    assert not cancelling.is_under_way(alice)


def test_one_that_was_paid_meanwhile_stands_and_the_page_says_so(owner, alice, stripe):
    payment = bought(owner, alice)
    stripe.pay(payment.checkout_reference)

    html = page(owner.post(at("cancel", payment), follow=True))

    assert title(html) == "Paid: 100 credits added"
    assert "It was paid before it could be cancelled, so it stands." in html.text


def test_when_stripe_is_down_the_page_says_so_and_still_offers_it(owner, alice, stripe):
    payment = bought(owner, alice)
    stripe.break_next(20)

    html = page(owner.post(at("cancel", payment), follow=True))

    assert "Stripe did not answer as it should" in html.text
    assert at("cancel", payment) in buttons(html)


def test_one_whose_gateway_is_not_configured_any_more_is_told(owner, alice):
    html = page(owner.post(at("cancel", opened(alice)), follow=True))
    assert "Stripe is not set up here any more." in html.text


def test_razorpays_form_has_it_beside_it(asha_owner, asha, razorpay):
    payment = bought(asha_owner, asha)
    assert at("cancel", payment) in buttons(page(asha_owner.get(at("checkout", payment))))

    html = page(asha_owner.post(at("cancel", payment), follow=True))

    assert title(html) == "This payment was cancelled"
    assert "begun at Razorpay" in html.text


@pytest.mark.parametrize(
    ("name", "value", "offered"),
    [
        ("status", "created", True),
        ("status", "open", True),
        ("needs_authentication", True, True),
        ("status", "paid", False),
        ("status", "failed", False),
        ("status", "expired", False),
        ("purpose", "auto_reload", False),
    ],
)
def test_only_what_waits_for_the_buyer_can_be_cancelled(owner, alice, name, value, offered):
    payment = opened(alice, settled_at=timezone.now(), **{name: value})
    assert (at("cancel", payment) in buttons(page(owner.get(at("payment", payment))))) == offered
