import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, User
from billing import invoices
from billing.models import Invoice
from zupertry.testing.money import give_details, opened
from zupertry.testing.world import World

SELLER = {"name": "Zupertry Ltd", "address": "1 Marine Drive, Mumbai", "gstin": "27AAPFU0939F1ZV", "sac": "998319"}


@pytest.fixture
def invoice(world: World, settings) -> Invoice:
    """A tax invoice of Alice's organisation, which pays in rupees."""
    settings.SELLER = SELLER
    organisation = world.organisation
    organisation.region = "IN"
    organisation.save()
    give_details(organisation)
    issued = invoices.issue(opened(organisation))
    assert issued
    return issued


@pytest.fixture
def alice(client: Client, world: World) -> Client:
    client.force_login(User.objects.get(email="alice@example.com"))
    return client


def addresses(invoice_id: str) -> list[str]:
    return [reverse(f"billing:{name}", args=[invoice_id]) for name in ("invoice", "invoice-pdf")]


def test_the_page_says_all_that_a_tax_invoice_has_to(alice: Client, invoice: Invoice) -> None:
    answer = alice.get(addresses(invoice.id)[0])
    assert answer.status_code == 200
    page = answer.content.decode()
    for particular in (
        "Tax invoice",
        "Original for recipient",
        invoice.number,
        "Zupertry Ltd",
        "GSTIN 27AAPFU0939F1ZV",
        "Asha Fashions Private Limited",
        "12 MG Road, Bengaluru 560001, India",
        "Not registered for GST",
        "Karnataka (29)",
        "Maharashtra (27)",
        "Reverse charge",
        "100 credits",
        "998319",
        "₹1,000.00",
        "IGST 18 %",
        "₹180.00",
        "₹1,180.00",
        "needs no signature",
    ):
        assert particular in page, particular
    assert addresses(invoice.id)[1] in page


def test_names_are_escaped(alice: Client, invoice: Invoice) -> None:
    Invoice.objects.update(buyer={**invoice.buyer, "name": "<script>लक्ष्मी</script>"})
    page = alice.get(addresses(invoice.id)[0]).content.decode()
    assert "&lt;script&gt;लक्ष्मी&lt;/script&gt;" in page


def test_the_pdf_is_a_file_named_for_its_number(alice: Client, invoice: Invoice) -> None:
    answer = alice.get(addresses(invoice.id)[1])
    assert answer["Content-Type"] == "application/pdf"
    file_name = f"invoice-{invoice.number.replace('/', '-')}.pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="{file_name}"'
    assert answer.content.startswith(b"%PDF-")
    assert "no-store" in answer["Cache-Control"]


def test_stripes_own_invoice_is_at_stripe(alice: Client, world: World) -> None:
    linked = invoices.link(opened(world.organisation), "A-1", "https://stripe.test/a", "https://stripe.test/a.pdf")
    targets = [alice.get(address)["Location"] for address in addresses(linked.id)]
    assert targets == ["https://stripe.test/a", "https://stripe.test/a.pdf"]


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.BILLING, 200), (Role.DEVELOPER, 403), (Role.VIEWER, 403)],
)
def test_only_those_who_handle_money_see_invoices(client: Client, invoice: Invoice, role: str, status: int) -> None:
    bob = User.objects.get(email="bob@example.com")
    Membership.objects.filter(user=bob).update(role=role)
    client.force_login(bob)
    assert [client.get(address).status_code for address in addresses(invoice.id)] == [status, status]


def test_another_organisations_invoice_is_not_there(client: Client, invoice: Invoice) -> None:
    client.force_login(User.objects.get(email="charlie@example.com"))
    assert [client.get(address).status_code for address in addresses(invoice.id)] == [404, 404]


def test_a_stranger_is_led_to_the_login(client: Client, invoice: Invoice) -> None:
    assert all(client.get(address)["Location"].startswith("/login?") for address in addresses(invoice.id))


@pytest.mark.parametrize("wrong", ["inv_" + "0" * 26, "inv_x", "1", "pay_" + "0" * 26])
def test_what_is_no_invoice_is_not_found(alice: Client, wrong: str) -> None:
    assert [alice.get(address).status_code for address in addresses(wrong)] == [404, 404]
