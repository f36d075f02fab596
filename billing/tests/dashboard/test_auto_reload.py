"""The page of auto-reload: set, refused, switched off, and what it says of itself."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from billing import auto_reload
from billing.models import AutoReload, CreditPack, PaymentMethod
from zupertry.testing.money import opened, smallest_pack
from zupertry.testing.page import Element, parse

HERE = reverse("billing:auto-reload")


@pytest.fixture
def card(alice, stripe) -> PaymentMethod:
    return PaymentMethod.objects.create(
        organisation=alice, gateway="stripe", reference="pm_1", kind="card", brand="visa", last_four="4242"
    )


def page(answer, status=200) -> Element:
    assert answer.status_code == status
    return parse(answer.content.decode())


def asked(organisation, **changes) -> dict[str, str]:
    return {"threshold": "40", "pack": smallest_pack(organisation).id, "monthly_cap": "99.50", **changes}


def test_without_a_gateway_the_page_says_what_is_missing(owner):
    assert "Stripe, which takes payments in EUR, is not set up" in page(owner.get(HERE)).text


def test_without_a_method_the_page_says_how_to_keep_one(owner, alice, stripe):
    html = page(owner.get(HERE))
    assert "It needs a saved payment method" in html.text
    assert "Pack to buy" not in html.text


def test_before_it_ever_was_on_it_suggests(owner, alice, card):
    html = page(owner.get(HERE))

    assert html.by_id("id_threshold").attributes["value"] == str(auto_reload.suggested_threshold(alice))
    assert html.by_id("id_monthly_cap").attributes["value"] == "60.00"
    assert [option.text for option in html.by_id("id_pack").all("option")] == [
        "100 credits for €15.00",
        "500 credits for €65.00",
        "2,000 credits for €220.00",
    ]
    assert "Visa •••• 4242 is charged." in html.text
    assert "Once an hour at most" in html.text


def test_it_is_switched_on_changed_and_off(owner, alice, card):
    html = page(owner.post(HERE, asked(alice), follow=True))
    assert "Auto-reload is on." in html.text
    reload = AutoReload.objects.get()
    assert (reload.enabled, reload.threshold, reload.monthly_cap_minor) == (True, 40, 9950)
    assert html.by_id("id_monthly_cap").attributes["value"] == "99.50"

    owner.post(HERE, asked(alice, threshold="70"))
    assert AutoReload.objects.get().threshold == 70
    html = page(owner.post(reverse("billing:auto-reload-off"), follow=True))
    assert "Auto-reload is off" in html.text
    assert not AutoReload.objects.get().enabled


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"threshold": ""}, "threshold", "Give a number of credits."),
        ({"threshold": "0"}, "threshold", "greater than or equal to 1"),
        ({"threshold": "9" * 30}, "threshold", "less than or equal to"),
        ({"monthly_cap": "1"}, "monthly_cap", "less than one pack costs"),
        ({"monthly_cap": "1.234"}, "monthly_cap", "2 decimal places"),
        ({"monthly_cap": "NaN"}, "monthly_cap", "Enter a number."),
        ({"monthly_cap": "1e30"}, "monthly_cap", "less than or equal to"),
        ({"pack": "pck_nonsense"}, "pack", "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_the_rest_stays_typed(owner, alice, card, changes, field, message):
    html = page(owner.post(HERE, asked(alice, **changes)), 422)

    assert message in html.by_id(f"id_{field}_error").text
    described = html.by_id(f"id_{field}").attributes["aria-describedby"]
    assert f"id_{field}_error" in described.split()
    for name, typed in asked(alice, **changes).items():
        if name != "pack":
            assert html.by_id(f"id_{name}").attributes.get("value", "") == typed
    assert not AutoReload.objects.exists()


def test_a_method_that_was_lost_meanwhile_is_said(owner, alice, stripe):
    html = page(owner.post(HERE, asked(alice)), 422)
    assert "needs a saved payment method" in html.all(class_="bad")[0].text


def test_why_it_was_switched_off_stays_until_it_is_on_again(owner, alice, card):
    owner.post(HERE, asked(alice))
    auto_reload.pack_is_gone(alice.id)
    assert "The pack that it bought is not on sale any more." in page(owner.get(HERE)).text

    html = page(owner.post(HERE, asked(alice), follow=True))

    assert "not on sale any more" not in html.text


def test_a_charge_that_waits_for_the_bank_is_told_with_the_way_there(owner, alice, card):
    payment = opened(alice, purpose="auto_reload", needs_authentication=True)
    html = page(owner.get(HERE))
    assert "A charge of €15.00 waits until you confirm it" in html.text
    assert reverse("billing:payment", args=[payment.id]) in [link.attributes["href"] for link in html.all("a")]


def test_in_india_mandates_have_their_limit_and_take_their_time(asha_owner, asha, razorpay):
    PaymentMethod.objects.create(organisation=asha, gateway="razorpay", reference="token_1", kind="card")
    opened(asha, purpose="auto_reload", expected_at=datetime(2999, 3, 4, tzinfo=UTC))

    html = page(asha_owner.get(HERE))

    assert "At most ₹15,000.00 at once." in html.text
    assert "the credits are expected by 4 Mar 2999" in html.text
    offered = [option.text for option in html.by_id("id_pack").all("option")]
    assert offered == ["100 credits for ₹1,180.00", "500 credits for ₹5,310.00"]
    larger = CreditPack.objects.get(plan="starter", currency="INR", credits=2000)
    assert "not one of" in page(asha_owner.post(HERE, asked(asha, pack=larger.id)), 422).by_id("id_pack_error").text
