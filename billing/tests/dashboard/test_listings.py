"""Payments and the ledger: pages, filters, CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from accounts.dashboard.listings import ROWS
from billing import ledger
from billing.dashboard.listings import CSV_COLUMNS
from billing.models import Invoice, LedgerEntry, Payment
from zupertry.core import ids
from zupertry.testing.money import opened
from zupertry.testing.page import Element, parse

PAYMENTS, LEDGER, CSV = (reverse(f"billing:{name}") for name in ("payments", "ledger", "ledger-csv"))


def page(client, address) -> Element:
    answer = client.get(address)
    assert answer.status_code == 200
    return parse(answer.content.decode())


def rows(html: Element) -> list[str]:
    return [" ".join(row.text.split()) for body in html.all("tbody") for row in body.all("tr")]


def link(html: Element, text: str) -> str | None:
    return next((a.attributes["href"] for a in html.all("a") if a.text == text), None)


def walk(client, address) -> list[list[str]]:
    """The rows of every page, by following “Older”."""
    html = page(client, address)
    pages = [rows(html)]
    while older := link(html, "Older"):
        html = page(client, older)
        pages.append(rows(html))
    return pages


def entry(organisation, made_at: datetime, kind="grant", reference="", note="") -> LedgerEntry:
    """An entry made at some other time."""
    id_ = ids.encode("led", ids.first_at(made_at))
    made = LedgerEntry(
        id=id_,
        account_id=organisation.id,
        kind=kind,
        available_delta=1500,
        reserved_delta=0,
        reference=reference or id_,
        actor="system",
        note=note,
    )
    made.save(force_insert=True)
    return made


def test_no_payments_are_said_with_what_to_do(owner):
    assert "Nothing was bought yet" in page(owner, PAYMENTS).text


def test_payments_are_walked_through_newest_first_each_once(owner, alice):
    made = [opened(alice, credits=number + 1) for number in range(2 * ROWS + 1)]

    pages = walk(owner, PAYMENTS)

    assert [len(page) for page in pages] == [ROWS, ROWS, 1]
    seen = [int(row.split(" credits")[0].split()[-1]) for page in pages for row in page]
    assert seen == [payment.credits for payment in reversed(made)]
    assert link(page(owner, PAYMENTS), "Newest") is None


@pytest.mark.parametrize("name", ["payments", "overview", "ledger"])
def test_times_say_that_they_are_utcs(owner, alice, name):
    opened(alice)
    assert "Time (UTC)" in [heading.text for heading in page(owner, reverse(f"billing:{name}")).all("th")]


def test_a_page_that_just_fits_has_no_older_one(owner, alice):
    for _ in range(ROWS):
        opened(alice)
    assert link(page(owner, PAYMENTS), "Older") is None


@pytest.mark.parametrize("before", ["nonsense", "pay_1", f"led_{'0' * 26}", "pay_" + "0" * 26 + "'"])
def test_a_page_after_nothing_of_ours_does_not_exist(owner, before):
    assert owner.get(f"{PAYMENTS}?{urlencode({'before': before})}").status_code == 404


def test_a_row_has_status_amount_and_the_invoice(owner, alice):
    payment = opened(alice, status="paid")
    Invoice.objects.create(organisation=alice, payment=payment, number="<Z-1>", url="https://invoice.example/1")

    html = page(owner, PAYMENTS)

    assert rows(html)[0].endswith("100 credits Paid <Z-1> €15.00")
    assert link(html, "<Z-1>") == "https://invoice.example/1"


@pytest.mark.parametrize("status", Payment.Status.values)
def test_each_status_has_its_word(owner, alice, status):
    opened(alice, status=status)
    words = {"created": "Open", "quarantined": "Being checked"}
    assert words.get(status, status.capitalize()) in rows(page(owner, PAYMENTS))[0]


def test_the_ledger_has_every_entry_newest_first_with_signs_and_names(owner, alice):
    job, key = ids.new("job"), alice.api_keys.get(mode="live")
    ledger.hold(alice.id, job, actor=f"key:{key.id}")
    ledger.capture(alice.id, job)

    listed = rows(page(owner, LEDGER))

    assert len(listed) == 3
    assert listed[0].endswith(f"Capture {job} Zupertry – −1")  # noqa: RUF001 (a real dash and minus)
    assert listed[1].endswith(f"Hold {job} Key “First live key” −1 +1")  # noqa: RUF001
    assert listed[2].endswith("Zupertry +100 –")  # noqa: RUF001


def test_a_purchase_leads_to_its_payment(owner, alice):
    payment = opened(alice)
    ledger.purchase(alice.id, 100, payment.id, actor="user:1")
    assert link(page(owner, LEDGER), payment.id) == reverse("billing:payment", args=[payment.id])


def test_what_a_job_held_and_took_leads_to_the_job(owner, alice):
    entry(alice, datetime.now(UTC), kind="hold", reference="job_1")
    assert link(page(owner, LEDGER), "job_1") == reverse("tryon:job", args=["job_1"])


def test_what_is_noted_is_escaped(owner, alice):
    ledger.grant(alice.id, 1, "x", actor="staff:usr_1", note="<script>alert(1)</script>")
    assert "<script>alert(1)</script>" in rows(page(owner, LEDGER))[0]
    assert b"<script>alert" not in owner.get(LEDGER).content


def test_filters_take_days_of_utc_at_both_ends(owner, alice):
    day = datetime(2020, 5, 17, tzinfo=UTC)
    for moment in (-timedelta(milliseconds=1), timedelta(0), timedelta(days=1, milliseconds=-1), timedelta(days=1)):
        entry(alice, day + moment, note=str(moment))

    found = rows(page(owner, f"{LEDGER}?since=2020-05-17&until=2020-05-17"))

    assert [row.split(",")[0] for row in found] == ["17 May 2020", "17 May 2020"]
    assert len(rows(page(owner, f"{LEDGER}?since=2020-05-18&until=9999-12-31"))) == 2
    assert len(rows(page(owner, f"{LEDGER}?until=0001-01-01"))) == 0


def test_filters_take_a_kind_and_a_reference(owner, alice):
    job = ids.new("job")
    ledger.hold(alice.id, job, actor="system")
    ledger.release(alice.id, job)

    assert len(rows(page(owner, f"{LEDGER}?kind=hold"))) == 1
    assert len(rows(page(owner, f"{LEDGER}?reference=+{job}+"))) == 2
    none = page(owner, f"{LEDGER}?reference=nothing")
    assert "No entry fits these filters" in none.text
    assert none.by_id("id_reference").attributes["value"] == "nothing"


@pytest.mark.parametrize(
    ("query", "field"), [("kind=theft", "kind"), ("since=yesterday", "since"), ("until=2020-13-01", "until")]
)
def test_a_filter_that_cannot_be_read_is_said_beside_it_and_filters_nothing(owner, query, field):
    html = page(owner, f"{LEDGER}?{query}")
    assert html.by_id(f"id_{field}_error").text
    assert len(rows(html)) == 1


def test_filters_hold_on_older_pages_and_in_the_csv(owner, alice):
    for number in range(ROWS + 2):
        ledger.grant(alice.id, 1, f"gift-{number}", actor="system", note="")
        ledger.clawback(alice.id, 1, f"loss-{number}", note="")
    filtered = f"{LEDGER}?kind=clawback&reference="

    assert [len(found) for found in walk(owner, filtered)] == [ROWS, 2]
    first = page(owner, filtered)
    assert link(first, "CSV") == f"{CSV}?kind=clawback"
    second = page(owner, link(first, "Older") or "")
    assert link(second, "Newest") == f"{LEDGER}?kind=clawback"


def table(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_csv_has_every_entry_in_full(owner, alice):
    for number in range(ROWS + 5):
        ledger.grant(alice.id, 1500, f"gift-{number}", actor="staff:usr_1", note='a "note", with all')

    answer = owner.get(CSV)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="ledger-{alice.id}-' in answer["Content-Disposition"]
    head, first, *rest = table(answer)
    assert head == CSV_COLUMNS
    assert first[2:] == ["grant", "1500", "0", f"gift-{ROWS + 4}", "staff:usr_1", 'a "note", with all']
    assert datetime.fromisoformat(first[1]).tzinfo
    assert len(rest) == ROWS + 5


def test_a_note_that_looks_like_a_formula_is_a_text_to_a_spreadsheet(owner, alice):
    ledger.grant(alice.id, 1, "=1+1", actor="system", note="@SUM(A1)")
    ledger.clawback(alice.id, 2, "re_1", note="")
    rows = table(owner.get(CSV))
    assert (rows[2][5], rows[2][7]) == ("'=1+1", "'@SUM(A1)")
    assert rows[1][3] == "-2", "numbers stay numbers"


def test_the_csv_takes_the_filters(owner, alice):
    ledger.clawback(alice.id, 2, "re_1", note="")
    assert [row[2] for row in table(owner.get(f"{CSV}?kind=clawback"))[1:]] == ["clawback"]


def test_the_csv_takes_one_query_for_its_rows(owner, alice, django_assert_num_queries):
    for number in range(30):
        ledger.grant(alice.id, 1, f"gift-{number}", actor="system", note="")
    answer = owner.get(CSV)
    with django_assert_num_queries(1):
        table(answer)
