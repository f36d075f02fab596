"""Kept payment methods: seen, made the default, removed."""

from datetime import date

import pytest
from django.urls import reverse

from billing import auto_reload
from billing.models import AutoReload, GatewayCustomer, PaymentMethod
from zupertry.testing.money import smallest_pack
from zupertry.testing.page import Element, parse

HERE = reverse("billing:methods")


def keep(organisation, reference, **fields) -> PaymentMethod:
    GatewayCustomer.objects.get_or_create(organisation=organisation, gateway="stripe", reference="cus_1")
    fields = {"kind": "card", "brand": "visa", "last_four": reference[-4:], **fields}
    return PaymentMethod.objects.create(organisation=organisation, gateway="stripe", reference=reference, **fields)


@pytest.fixture
def first(alice) -> PaymentMethod:
    return keep(alice, "pm_4242", is_default=True, expires_on=date(2999, 11, 30))


@pytest.fixture
def second(alice, first) -> PaymentMethod:
    return keep(alice, "pm_4444", brand="<b>mastercard</b>", expires_on=date(2001, 1, 31))


def listed(client) -> list[str]:
    html = parse(client.get(HERE).content.decode())
    return [" ".join(item.text.split()) for item in html.all("li", class_="item")]


def page(answer) -> Element:
    assert answer.status_code == 200
    return parse(answer.content.decode())


def switch_on(organisation) -> None:
    auto_reload.switch_on(
        organisation, pack=smallest_pack(organisation), threshold=50, monthly_cap_minor=50000, actor="user:1"
    )


def test_none_is_said_with_how_to_keep_one(owner):
    assert "No payment method is saved" in page(owner.get(HERE)).text


def test_each_is_named_with_its_end_and_the_default_is_first(owner, first, second):
    listed_first, listed_second = listed(owner)

    assert listed_first.startswith("Visa •••• 4242 Default Ends November 2999")
    assert listed_second.startswith("<b>mastercard</b> •••• 4444 Expired Ends January 2001")
    assert "Make default" in listed_second


def test_paused_and_pending_ones_are_told_and_cannot_be_made_the_default(owner, alice):
    keep(alice, "pm_0001", status="paused")
    keep(alice, "pm_0002", status="pending")
    paused, pending = listed(owner)
    assert "Paused by the bank" in paused
    assert "Being set up" in pending
    assert "Make default" not in paused + pending


def test_another_is_made_the_default(owner, first, second):
    answer = owner.post(reverse("billing:make-default", args=[second.id]), follow=True)

    assert "is charged by default from now on." in page(answer).text
    assert listed(owner)[0].startswith("<b>mastercard</b>")
    assert PaymentMethod.objects.get(is_default=True) == second


def test_removing_the_last_one_warns_and_then_says_that_auto_reload_is_off(owner, alice, first, stripe):
    switch_on(alice)
    address = reverse("billing:remove-method", args=[first.id])

    assert "Auto-reload is switched off with it" in page(owner.get(address)).text
    assert AutoReload.objects.get().enabled, "asking changes nothing"
    html = page(owner.post(address, follow=True))

    assert "Visa …4242 is removed." in html.text
    assert "auto-reload is switched off" in html.text
    assert not AutoReload.objects.get().enabled
    assert owner.get(address).status_code == 404


def test_removing_one_of_two_says_nothing_of_auto_reload(owner, alice, first, second, stripe):
    switch_on(alice)
    address = reverse("billing:remove-method", args=[first.id])

    assert "Auto-reload is switched off" not in page(owner.get(address)).text
    html = page(owner.post(address, follow=True))

    assert "switched off" not in html.text
    assert AutoReload.objects.get().enabled
    assert PaymentMethod.objects.get(is_default=True) == second


def test_when_stripe_is_down_the_method_stays(owner, first, stripe):
    stripe.break_next(20)
    answer = owner.post(reverse("billing:remove-method", args=[first.id]), follow=True)

    assert "Stripe did not answer as it should" in page(answer).text
    assert len(listed(owner)) == 1


def test_without_its_gateway_a_method_stays_too(owner, first):
    answer = owner.post(reverse("billing:remove-method", args=[first.id]), follow=True)
    assert "Stripe is not set up here any more." in page(answer).text
