"""From the pack to the credits: details, the gateway's page or form, the way back."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from accounts.models import Organisation
from billing import auto_reload, ledger, reloads
from billing.models import BillingDetails, CreditPack, Payment, PaymentMethod
from zupertry.testing.money import DETAILS, give_details, opened, smallest_pack
from zupertry.testing.page import Element, parse

TOKEN = "a-token-of-a-form"
BUY = reverse("billing:buy")
DETAILS_PAGE = reverse("billing:details")
Status = Payment.Status


def order(organisation, **changes):
    return {"pack": smallest_pack(organisation).id, "token": TOKEN, **changes}


def at(name, payment):
    return reverse(f"billing:{name}", args=[payment.id])


def page(answer, status=200) -> Element:
    assert answer.status_code == status
    return parse(answer.content.decode())


def title(html: Element) -> str:
    return html.all("h1")[0].text.strip()


def errors(html: Element) -> list[str]:
    return [" ".join(notice.text.split()) for notice in html.all("div", class_="bad")]


def bought(client, organisation, **changes) -> Payment:
    answer = client.post(BUY, order(organisation, **changes))
    payment = Payment.objects.latest("pk")
    assert answer["Location"] == at("checkout", payment)
    return payment


def test_a_purchase_goes_by_stripes_page_and_is_credited_on_the_way_back(owner, alice, stripe):
    payment = bought(owner, alice)
    assert (payment.status, payment.actor.partition("_")[0]) == (Status.OPEN, "user:usr")

    html = page(owner.get(at("checkout", payment)))
    link = html.all("a", class_="button")[0].attributes["href"]
    assert link == payment.checkout_url
    assert html.all("meta")[-1].attributes == {"http-equiv": "refresh", "content": f"0; url={link}"}
    landed = urlsplit(stripe.pay(payment.checkout_reference))
    assert landed.path == at("returned", payment)
    answer = owner.get(f"{landed.path}?{landed.query}", follow=True)

    assert title(page(answer)) == "Paid: 100 credits added"
    assert answer.redirect_chain == [(at("payment", payment), 302)]
    assert ledger.balance(alice.id).available == 200


def test_no_form_is_led_off_our_site_by_a_redirect(owner, alice, stripe):
    """Chromium holds `form-action 'self'` against every redirect that follows a form."""
    answer = owner.post(BUY, order(alice), follow=True)

    assert "form-action 'self';" in answer["Content-Security-Policy"]
    assert all(location.startswith("/") for location, _ in answer.redirect_chain)
    assert answer.status_code == 200


def test_the_same_form_twice_is_one_purchase_and_another_pack_another(owner, alice, stripe):
    first, second = bought(owner, alice), bought(owner, alice)
    assert first == second
    larger = CreditPack.objects.get(plan="starter", currency="EUR", credits=500)
    assert bought(owner, alice, pack=larger.id).credits == 500


def test_a_form_whose_payment_was_made_is_used_up(owner, alice, stripe):
    stripe.pay(bought(owner, alice).checkout_reference)
    owner.get(at("returned", Payment.objects.get()))

    html = page(owner.post(BUY, order(alice)), 422)

    assert "used already" in errors(html)[0]
    assert TOKEN not in [field.attributes.get("value") for field in html.all("input")]
    assert Payment.objects.count() == 1


def test_a_card_is_kept_only_where_that_was_ticked(owner, alice, stripe):
    for keep, kept in (({}, 0), ({"keep": "on", "token": "another-form-token"}, 1)):
        payment = bought(owner, alice, **keep)
        stripe.pay(payment.checkout_reference)
        owner.get(at("returned", payment))
        assert PaymentMethod.objects.count() == kept


def test_what_is_kept_is_offered_at_stripes_page_and_not_to_be_kept_again(owner, alice, stripe):
    first = page(owner.get(reverse("billing:overview"))).all("label", class_="tick")[0].text
    stripe.pay(bought(owner, alice, keep="on").checkout_reference)
    owner.get(at("returned", Payment.objects.get()))
    kept = PaymentMethod.objects.get()

    html = page(owner.get(reverse("billing:overview")))

    assert "Keep this card for later" in first
    tick = " ".join(html.all("label", class_="tick")[0].text.split())
    assert tick.startswith("Keep another card for later")
    assert "Visa •••• 4242 is kept already" in tick
    again = bought(owner, alice, token="another-form-token")
    landed = urlsplit(stripe.pay_with_kept(again.checkout_reference, kept.reference))
    owner.get(f"{landed.path}?{landed.query}")
    again.refresh_from_db()
    assert (again.status, ledger.balance(alice.id).available) == (Status.PAID, 300)
    assert PaymentMethod.objects.get() == kept


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pack": ""}, "Choose one of the packs."),
        ({"pack": "pck_nonsense"}, "not on sale"),
        ({"pack": "x" * 50}, "at most 40"),
        ({"token": "short"}, "Enter a valid value."),
    ],
)
def test_what_is_no_purchase_is_refused_with_the_page_again(owner, alice, stripe, changes, message):
    html = page(owner.post(BUY, order(alice, **changes)), 422)
    assert message in errors(html)[0]
    assert not Payment.objects.exists()


def test_another_plans_pack_is_not_sold(owner, alice, stripe):
    other = CreditPack.objects.get(plan="growth", currency="EUR", credits=500)
    assert "not on sale" in errors(page(owner.post(BUY, order(alice, pack=other.id)), 422))[0]


def test_when_stripe_is_down_the_form_stays_and_sent_again_it_is_the_same_purchase(owner, alice, stripe):
    larger = CreditPack.objects.get(plan="starter", currency="EUR", credits=500)
    stripe.break_next(20)

    html = page(owner.post(BUY, order(alice, pack=larger.id, keep="on")), 502)

    assert "Try again in a minute" in errors(html)[0]
    checked = [field.attributes.get("value", "on") for field in html.all("input") if "checked" in field.attributes]
    assert checked == [larger.id, "on"]
    assert TOKEN in [field.attributes.get("value") for field in html.all("input")]
    stripe.mend()
    assert bought(owner, alice, pack=larger.id).status == Status.OPEN
    assert Payment.objects.count() == 1


def test_where_no_gateway_is_configured_a_sent_form_is_refused_in_words(owner, alice):
    assert "not set up here" in errors(page(owner.post(BUY, order(alice)), 502))[0]


def test_the_first_purchase_asks_for_details_and_keeps_the_pack(owner, alice, stripe):
    BillingDetails.objects.all().delete()

    asked = owner.post(BUY, order(alice, keep="on"))
    assert asked["Location"].startswith(f"{DETAILS_PAGE}?")
    html = page(owner.get(asked["Location"]))
    assert "100 credits" in html.all("aside")[0].text
    hidden = {f.attributes["name"]: f.attributes["value"] for f in html.all("input") if "value" in f.attributes}
    assert (hidden["pack"], hidden["keep"]) == (smallest_pack(alice).id, "on")
    wrong = {**hidden, **DETAILS["EU"], "email": "nobody", "country": "US"}
    html = page(owner.post(DETAILS_PAGE, wrong), 422)
    assert html.by_id("id_legal_name").attributes["value"] == "Alice & Co GmbH"
    assert "e-mail address such as" in html.by_id("id_email_error").text
    assert "European Union" in html.by_id("id_country_error").text
    assert not BillingDetails.objects.exists()
    answer = owner.post(DETAILS_PAGE, {**wrong, "email": "a@example.com", "country": "DE"})

    payment = Payment.objects.get()
    assert answer["Location"] == at("checkout", payment)
    assert payment.keep_method
    assert BillingDetails.objects.get().country == "DE"


def test_the_country_that_was_told_at_the_start_is_not_asked_again(owner, alice):
    Organisation.objects.filter(pk=alice.pk).update(country="DE")
    [chosen] = [option for option in page(owner.get(DETAILS_PAGE)).all("option") if "selected" in option.attributes]
    assert chosen.attributes["value"] == "DE"


def test_what_is_known_is_suggested_and_not_saved(owner, alice):
    BillingDetails.objects.all().delete()

    html = page(owner.get(DETAILS_PAGE))

    assert html.by_id("id_legal_name").attributes["value"] == alice.name
    assert (
        html.by_id("id_email").attributes["value"] == alice.memberships.get(user__email__startswith="owner-").user.email
    )
    assert not BillingDetails.objects.exists()


def test_details_are_changed_by_themselves_too(owner, alice):
    html = page(owner.get(DETAILS_PAGE))
    assert html.by_id("id_city").attributes["value"] == "Berlin"

    answer = owner.post(DETAILS_PAGE, {**DETAILS["EU"], "city": "Köln"}, follow=True)

    assert "The billing details are saved." in answer.content.decode()
    assert BillingDetails.objects.get().city == "Köln"


def test_an_organisation_in_india_chooses_its_state(asha_owner):
    html = page(asha_owner.get(DETAILS_PAGE))
    chosen = [option.text for option in html.by_id("id_state").all("option") if "selected" in option.attributes]
    assert chosen == ["Karnataka"]
    assert "GSTIN" in html.text


def test_details_of_the_page_are_escaped(owner, alice):
    BillingDetails.objects.update(legal_name="</textarea><script>alert(1)</script>", address="</textarea><script>")
    html = page(owner.get(DETAILS_PAGE))
    assert html.by_id("id_address").text.strip() == "</textarea><script>"
    assert all("src" in script.attributes for script in html.all("script"))


def test_on_the_way_back_an_open_payment_is_looked_at_again_and_again(owner, alice, stripe):
    payment = bought(owner, alice)

    answer = owner.get(at("returned", payment))

    html = page(answer)
    assert title(html) == "Waiting for Stripe"
    refresh = re.search(r'http-equiv="refresh" content="3; url=([^"]+)"', answer.content.decode())
    assert refresh
    assert parse_qs(urlsplit(refresh[1]).query) == {"looks": ["1"]}
    late = owner.get(f"{at('returned', payment)}?looks=40")
    assert title(page(late)) == "This takes longer than usual"
    assert "refresh" not in late.content.decode()


@pytest.mark.parametrize("looks", ["-1", "x", "9" * 30, "²"])
def test_a_made_up_number_of_looks_ends_the_looking(owner, alice, stripe, looks):
    answer = owner.get(at("returned", bought(owner, alice)), {"looks": looks})
    assert title(page(answer)) == "This takes longer than usual"


def test_on_the_way_back_a_gateway_that_is_down_is_no_error(owner, alice, stripe):
    payment = bought(owner, alice)
    stripe.break_next(20)
    assert "nothing is lost" in page(owner.get(at("returned", payment))).text


def test_the_page_leads_on_where_the_buyer_left(owner, alice, stripe):
    payment = bought(owner, alice)
    html = page(owner.get(at("payment", payment)))

    assert title(html) == "This payment waits for you"
    assert at("checkout", payment) in [link.attributes["href"] for link in html.all("a")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "created"}, "This payment has not begun"),
        ({"status": "failed", "failure": "Your card was <b>declined</b>."}, "This payment failed"),
        ({"status": "expired"}, "This payment was not finished in time"),
        ({"status": "quarantined", "failure": "amount: 1500 asked, 1 paid"}, "We are checking this payment"),
        ({"purpose": "auto_reload"}, "Auto-reload is charging your card"),
        ({"purpose": "auto_reload", "needs_authentication": True}, "Your bank asks you to confirm this payment"),
    ],
)
def test_each_state_is_said_with_what_to_do(owner, alice, fields, said):
    payment = opened(alice, **fields)
    html = page(owner.get(at("payment", payment)))

    assert title(html) == said
    assert ("Your card was <b>declined</b>." in html.text) == (payment.status == "failed")
    assert "1500 asked" not in html.text, "that is for staff"
    assert owner.get(at("checkout", payment))["Location"] == at("payment", payment), "there is nothing to pay"


def test_money_that_went_back_is_listed(owner, alice, stripe):
    payment = bought(owner, alice)
    stripe.pay(payment.checkout_reference)
    owner.get(at("returned", payment))
    payment.refresh_from_db()
    stripe.refund(payment.gateway_reference, 300)
    owner.get(at("returned", payment))

    html = page(owner.get(at("payment", payment)))

    row = html.all("tbody")[0].text.split()
    assert row[-2:] == ["20", "€3.00"]
    assert "Stripe" in html.text


def test_a_charge_that_asks_for_the_bank_is_confirmed_there_and_finished_by_the_way_back(owner, alice, stripe):
    payment = bought(owner, alice, keep="on")
    stripe.pay(payment.checkout_reference, "needs_authentication_later")
    owner.get(at("returned", payment))
    waiting = charge_by_itself(alice)
    html = page(owner.get(at("payment", waiting)))
    assert at("confirm", waiting) in [form.attributes.get("action") for form in html.all("form")]

    html = page(owner.post(at("confirm", waiting)))

    assert html.all("a", class_="button")[0].attributes["href"].startswith(stripe.url)
    stripe.challenge(waiting.gateway_reference)
    answer = owner.get(at("returned", waiting), follow=True)
    assert title(page(answer)) == "Paid: 100 credits added"
    again = owner.post(at("confirm", waiting), follow=True)
    assert "does not wait for a confirmation" in page(again).text


def charge_by_itself(organisation) -> Payment:
    """Let auto-reload buy the smallest pack."""
    auto_reload.switch_on(
        organisation, pack=smallest_pack(organisation), threshold=1000, monthly_cap_minor=10_000_00, actor="user:1"
    )
    reloads.run(organisation.id)
    return Payment.objects.get(purpose="auto_reload")


def test_a_gateway_that_is_not_configured_any_more_is_told(owner, alice):
    payment = opened(alice)
    for answer in (owner.get(at("checkout", payment), follow=True), owner.post(at("confirm", payment), follow=True)):
        assert "Stripe is not set up here any more." in page(answer).text
    assert "nothing is lost" in page(owner.get(at("returned", payment))).text


def test_razorpays_form_is_on_our_page_whose_policy_lets_it_in(asha_owner, asha, razorpay):
    payment = bought(asha_owner, asha, keep="on")
    assert (payment.net_minor, payment.tax_minor) == (100000, 18000)

    answer = asha_owner.get(at("checkout", payment))

    html = page(answer)
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy["script-src"].split() == ["'self'", razorpay.url, "https://cdn.razorpay.com"]
    assert razorpay.url in policy["frame-src"]
    assert policy["form-action"] == "'self'"
    assert "'unsafe" not in answer["Content-Security-Policy"]
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"  # for windows that banks open
    features = answer["Permissions-Policy"].split(", ")
    assert {'payment=(self "https://api.razorpay.com")', "camera=()", "usb=()"} <= set(features)
    assert [script.attributes.get("src") for script in html.all("script")][:2] == [
        f"{razorpay.url}/v1/checkout.js",
        "/static/js/razorpay.js",
    ]
    options = html.by_id(html.by_id("pay").attributes["data-options-id"])
    assert payment.checkout_reference in options.text
    assert html.by_id("message").attributes["role"] == "status"
    assert html.by_id("answer").attributes["action"] == at("returned", payment)
    assert "razorpay" not in asha_owner.get(reverse("billing:overview"))["Content-Security-Policy"]


def test_razorpays_answer_is_credited_and_a_forged_one_is_not(asha_owner, asha, razorpay):
    payment = bought(asha_owner, asha)
    answer = razorpay.pay(payment.checkout_reference, notes={"payment_id": payment.id})

    forged = asha_owner.post(at("returned", payment), {**answer, "razorpay_signature": "0" * 64})
    assert forged["Location"] == at("payment", payment)
    assert "not about your payment" in page(asha_owner.get(forged["Location"])).text
    assert ledger.balance(asha.id).available == 100
    html = page(asha_owner.post(at("returned", payment), answer, follow=True))

    assert title(html) == "Paid: 100 credits added"
    assert "₹180.00" in html.text
    assert [link.text for link in html.all("dl")[0].all("a")] == [Payment.objects.get().invoice.number]
    assert ledger.balance(asha.id).available == 200


def test_somebody_elses_details_are_not_ours(owner, asha, alice):
    """The two fixtures do not leak into each other."""
    give_details(asha)
    assert "Asha" not in owner.get(DETAILS_PAGE).content.decode()
