"""The overview: what is left, what is offered, and what is said when something is missing."""

import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, Role
from billing import auto_reload, ledger
from billing.models import AutoReload, BillingDetails, CreditPack
from zupertry.core import ids
from zupertry.testing.money import opened, smallest_pack
from zupertry.testing.page import Element, parse

HERE = reverse("billing:overview")


def overview(client, query="") -> Element:
    answer = client.get(f"{HERE}{query}")
    assert answer.status_code == 200
    return parse(answer.content.decode())


def packs(html: Element) -> list[str]:
    return [" ".join(label.text.split()) for label in html.all("label", class_="pack")]


def chosen(html: Element) -> list[str]:
    return [field.attributes["value"] for field in html.all("input") if "checked" in field.attributes]


def test_the_balance_is_the_number_that_gates_submits(owner, alice):
    ledger.hold(alice.id, ids.new("job"), actor="system")

    html = overview(owner)

    assert html.all(class_="figure")[0].text == "99" == str(ledger.balance(alice.id).available)
    assert "1 more is reserved" in html.text


def test_a_debt_is_said_and_a_pack_that_covers_it_is_chosen(owner, alice, stripe):
    ledger.clawback(alice.id, 350, "dp_1", note="Dispute of pay_1")

    html = overview(owner)

    assert html.all(class_="figure")[0].text == "-250"
    assert "You owe 250 credits." in html.text
    assert "buy 251 or more" in html.text
    assert chosen(html) == [CreditPack.objects.get(plan="starter", currency="EUR", credits=500).id]


def test_little_and_nothing_left_are_said(owner, alice):
    ledger.clawback(alice.id, 96, "a", note="")
    assert "Few are left." in overview(owner).text
    ledger.clawback(alice.id, 4, "b", note="")
    assert "Nothing is left" in overview(owner).text


def test_packs_of_the_plan_and_currency_are_offered_by_size_with_the_price_of_each(owner, stripe):
    assert packs(overview(owner)) == [
        "100 credits €15.00 €0.15 a credit",
        "500 credits €65.00 €0.13 a credit",
        "2,000 credits €220.00 €0.11 a credit Moves you to Growth",
    ]


def test_a_price_that_is_no_whole_cent_a_credit_is_exact(owner, alice, stripe):
    Organisation.objects.filter(pk=alice.pk).update(plan="scale")
    assert packs(overview(owner))[-1] == "50,000 credits €3,250.00 €0.065 a credit"


def test_rupees_show_the_tax_and_are_grouped_as_in_india(asha_owner, asha, razorpay):
    Organisation.objects.filter(pk=asha.pk).update(plan="scale")
    html = overview(asha_owner)

    assert packs(html)[1] == "20,000 credits ₹1,10,000.00 ₹5.50 a credit + ₹19,800.00 GST = ₹1,29,800.00"
    assert "You pay with Razorpay." in html.text


def test_a_seller_who_is_not_registered_adds_no_tax(asha_owner, razorpay, settings):
    settings.SELLER = {**django_settings.SELLER, "gstin": ""}
    assert packs(overview(asha_owner))[0] == "100 credits ₹1,000.00 ₹10.00 a credit"


def test_withdrawn_packs_are_not_offered_and_when_none_is_left_that_is_said(owner, stripe):
    CreditPack.objects.filter(currency="EUR", plan="starter").update(active_until=timezone.now())
    html = overview(owner)
    assert not packs(html)
    assert "No packs are on sale for your plan" in html.text


def test_a_link_chooses_a_pack(owner, alice, stripe):
    pack = CreditPack.objects.get(plan="starter", currency="EUR", credits=2000)
    assert chosen(overview(owner, f"?pack={pack.id}")) == [pack.id]
    assert chosen(overview(owner)) == [smallest_pack(alice).id]


def test_without_a_gateway_words_stand_in_place_of_the_button(owner):
    html = overview(owner)

    assert len(packs(html)) == 3
    assert "Stripe, which takes payments in EUR, is not set up" in html.text
    assert not [button for button in html.all("button") if "payment" in button.text]
    assert not chosen(html)


def test_the_button_says_that_details_come_first_until_they_are_known(owner, alice, stripe):
    assert "Continue to payment" in overview(owner).text
    BillingDetails.objects.all().delete()
    assert "Next: your billing details, once." in overview(owner).text


def test_each_rendered_form_has_a_token_of_its_own(owner, stripe):
    tokens = {
        field.attributes["value"]
        for html in (overview(owner), overview(owner))
        for field in html.all("input")
        if field.attributes["name"] == "token"
    }
    assert len(tokens) == 2


def test_auto_reload_is_told_as_it_is(owner, alice, stripe):
    assert "a pack is bought by itself when few credits are left" in overview(owner).text
    AutoReload.objects.create(
        organisation=alice, enabled=True, threshold=50, pack=smallest_pack(alice), monthly_cap_minor=50000
    )
    opened(alice, purpose="auto_reload")
    html = overview(owner)
    assert "Below 50 credits it buys 100." in html.text
    assert "€15.00 of at most €500.00 spent this month." in html.text
    auto_reload.lose_method(alice.id, actor="system")
    assert "It was switched off: No payment method is saved any more." in overview(owner).text


def test_the_latest_payments_are_listed_or_said_to_be_none(owner, alice):
    assert "Nothing was bought yet" in overview(owner).text
    made = [opened(alice) for _ in range(7)]

    links = [link.attributes["href"] for link in overview(owner).all("tbody")[0].all("a")]

    assert links == [reverse("billing:payment", args=[payment.id]) for payment in reversed(made[2:])]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.BILLING])
def test_the_same_is_there_for_admin_and_billing(member, alice, stripe, role):
    assert len(packs(overview(member(alice, role)))) == 3
