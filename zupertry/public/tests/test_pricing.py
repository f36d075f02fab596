"""The prices that anybody may read are those of the catalogue."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing.models import CreditPack, Plan
from zupertry.testing.page import Element, parse

pytestmark = pytest.mark.django_db


def pricing(query: str = "") -> Element:
    answer = Client().get(f"/pricing{query}")
    assert answer.status_code == 200
    return parse(answer.content.decode()).all("main")[0]


def rows(plan: Element) -> list[list[str]]:
    return [[cell.text for cell in row.all("th", "td")] for row in plan.all("tr")[1:]]


def chosen(page: Element) -> list[str]:
    return [link.text for link in page.all("a") if link.attributes.get("aria-current")]


def test_every_plan_has_its_packs_with_what_a_picture_costs():
    page = pricing("?currency=USD")

    assert [plan.all("h2")[0].text for plan in page.all(class_="plan")] == ["Starter", "Growth", "Scale", "Enterprise"]
    starter = page.all(class_="plan")[0]
    assert rows(starter)[:2] == [["100", "$15.00", "$0.15"], ["500", "$65.00", "$0.13"]]
    assert starter.all("strong")[0].text == "$0.11"
    assert "Growth" in rows(starter)[-1][0]


@pytest.mark.parametrize(
    ("query", "currency", "price"),
    [
        ("", "USD", "$15.00"),
        ("?currency=inr", "INR", "₹1,000.00"),
        ("?currency=EUR", "EUR", "€15.00"),
        ("?currency=XXX", "USD", "$15.00"),
    ],
)
def test_the_currency_is_the_readers_to_choose(query, currency, price):
    page = pricing(query)

    assert chosen(page) == [currency]
    assert rows(page.all(class_="plan")[0])[0][1] == price


def test_what_is_not_on_sale_is_not_shown():
    now = timezone.now()
    CreditPack.objects.filter(currency="EUR").update(active_from=now - timedelta(days=2), active_until=now)
    page = pricing("?currency=EUR")

    assert not page.all(class_="plan")
    assert "Nothing is on sale in Euros" in page.text


def test_free_credits_are_those_of_the_starter_plan():
    Plan.objects.filter(pk="starter").update(signup_credits=1234)
    assert "the first 1,234 credits are on us" in pricing().text
    Plan.objects.filter(pk="starter").update(signup_credits=0)
    assert "on us" not in pricing().text


def test_goods_and_services_tax_is_named_where_it_is_added():
    assert "18 % GST" in pricing("?currency=INR").text
    assert "GST" not in pricing("?currency=USD").text


def test_the_number_of_queries_does_not_grow_with_the_catalogue(django_assert_num_queries):
    with django_assert_num_queries(2):
        pricing()


def test_someone_with_a_session_is_led_to_the_dashboard(settings):
    visitor = Client()
    visitor.cookies[settings.SESSION_COOKIE_NAME] = "anything"

    links = {link.attributes["href"] for link in parse(visitor.get("/").content.decode()).all("a")}
    assert "/dashboard/" in links
    assert "/login" not in links


def test_who_is_logged_in_sees_the_currency_of_their_organisation_and_may_still_choose(world):
    visitor = Client()
    visitor.force_login(User.objects.get(email="alice@example.com"))

    own, asked = visitor.get("/pricing"), visitor.get("/pricing?currency=USD")

    assert chosen(parse(own.content.decode())) == ["EUR"]
    assert chosen(parse(asked.content.decode())) == ["USD"]
    assert own["Cache-Control"] == "private"
    assert {"Cookie"} <= set(own["Vary"].split(", "))


def test_strangers_and_who_has_no_organisation_see_dollars_and_the_page_varies_by_cookie(db):
    visitor = Client()
    visitor.force_login(User.objects.create_user("dora@example.com", "a-password"))
    for client in (visitor, Client()):
        answer = client.get("/pricing")
        assert chosen(parse(answer.content.decode())) == ["USD"]
        assert "Cookie" in answer["Vary"].split(", ")
        assert "Cache-Control" not in answer
