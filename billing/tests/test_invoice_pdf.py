import base64
import re
import zlib
from dataclasses import replace
from datetime import date

import pytest
from reportlab.pdfbase import pdfmetrics

from billing import invoice_pdf
from billing.tax_invoice import Party, Tax, TaxInvoice

INVOICE = TaxInvoice(
    number="ZT/2627/0000042",
    issued_on=date(2026, 4, 1),
    seller=Party("Zupertry Ltd", "1 Marine Drive, Mumbai", "Maharashtra (27)", "27AAPFU0939F1ZV"),
    buyer=Party("Asha & Sons Pvt Ltd", "2nd Cross, Bengaluru 560001", "Karnataka (29)", "29AAPFU0939F1ZR"),
    place_of_supply="Karnataka (29)",
    description="2,00,000 credits for virtual try-on (Zupertry)",
    sac="998319",
    taxable_minor=8_00_000_00,
    taxes=(Tax("CGST", "9", 72_000_00), Tax("SGST", "9", 72_000_00)),
    paid_with="pay_29QQoUBi66xm2f",
)


def text_of(pdf: bytes) -> str:
    """Return the text of a PDF of reportlab's, in which ASCII stands for itself."""
    streams = re.findall(rb"/ASCII85Decode /FlateDecode \].*?stream\r?\n(.*?)~>\s*endstream", pdf, re.DOTALL)
    pages = (zlib.decompress(base64.a85decode(stream)) for stream in streams)
    shown = (text for page in pages for text in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", page))
    return "\n".join(re.sub(rb"\\([()\\])", rb"\1", text).decode("latin-1") for text in shown)


def with_buyer(name: str, address: str = "2nd Cross, Bengaluru 560001") -> TaxInvoice:
    return replace(INVOICE, buyer=Party(name, address, "Karnataka (29)", ""))


def pages_in(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_everything_is_on_one_page() -> None:
    pdf = invoice_pdf.render(INVOICE)
    assert pdf.startswith(b"%PDF-")
    assert pages_in(pdf) == 1
    text = text_of(pdf)
    for party in (INVOICE.seller, INVOICE.buyer):
        assert all(particular in text for particular in (party.name, party.address, party.state, party.gstin))
    for particular in (
        "Tax invoice",
        "Original for recipient",
        INVOICE.number,
        "1 April 2026",
        "Place of supply",
        "Reverse charge",
        INVOICE.description,
        INVOICE.sac,
        "8,00,000.00",
        "CGST 9 %",
        "SGST 9 %",
        "72,000.00",
        "9,44,000.00",
        INVOICE.paid_with,
        "needs no signature",
    ):
        assert particular in text, particular


def test_it_is_the_same_file_each_time() -> None:
    assert invoice_pdf.render(INVOICE) == invoice_pdf.render(INVOICE)


def test_names_are_text_and_no_markup() -> None:
    text = text_of(invoice_pdf.render(with_buyer("<b>Asha</b> <img src='file:///etc/hosts'/>")))
    assert "<b>Asha</b>" in text.replace("\n", "")
    assert "file:///etc/hosts" in text


def test_a_buyer_without_a_number_is_said_not_to_be_registered() -> None:
    assert "Not registered for GST" in text_of(invoice_pdf.render(with_buyer("Asha")))


@pytest.mark.parametrize("letters", ["₹€“”…", "ĀāĪīŚśṢṣṬṭḌḍḤḥṚṛÑñ", "äöüßéèçåøłšž", "Ạầễợữ"])
def test_the_font_has_the_rupee_and_all_of_latin(letters: str) -> None:
    assert "boxes" not in text_of(invoice_pdf.render(with_buyer(letters)))
    for font in (invoice_pdf.REGULAR, invoice_pdf.BOLD):
        assert all(ord(letter) in pdfmetrics.getFont(font).face.charToGlyph for letter in letters)


def test_letters_that_the_font_has_not_are_boxes_and_said_to_be() -> None:
    text = text_of(invoice_pdf.render(with_buyer("लक्ष्मी Textiles", "தெரு 3, Chennai 600001")))
    assert "Letters that show as boxes" in text
    assert "Textiles" in text
    assert "3, Chennai 600001" in text


@pytest.mark.parametrize("address", ["x" * 500, "12 Long Road, " * 36, "ற" * 500], ids=["word", "words", "boxes"])
def test_the_longest_name_and_address_fit_the_page(address: str) -> None:
    assert pages_in(invoice_pdf.render(with_buyer("W" * 200, address))) == 1
