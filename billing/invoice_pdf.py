"""A tax invoice as PDF: one A4 page, in a font that has the rupee sign.

The font covers Latin script with all its diacritics. Letters of other scripts show as boxes, and a line then refers to
the invoice's page, where the browser's fonts show them: what an Indic script needs to be laid out is more than glyphs.
"""

import io
from functools import cache
from xml.sax.saxutils import escape

from django.conf import settings
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from billing.tax_invoice import Party, TaxInvoice
from zupertry.core.money import format_minor

INK, SOFT, ACCENT, LINE = HexColor("#221c20"), HexColor("#5c5358"), HexColor("#8a2b57"), HexColor("#cfc6c1")
REGULAR, BOLD = "NotoSans-Regular", "NotoSans-Bold"
MARGIN = 18 * mm
FRAME_PADDING = 6  # what SimpleDocTemplate adds to a margin, in points
WIDTH = A4[0] - 2 * MARGIN
NO_PADDING = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
TIGHT = [("TOPPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
AT_TOP = ("VALIGN", (0, 0), (-1, -1), "TOP")

TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9.5, leading=14, textColor=INK)
NOTE = ParagraphStyle("note", TEXT, fontSize=8, leading=13, textColor=SOFT)
STRONG = ParagraphStyle("strong", TEXT, fontName=BOLD)
NOTE_AT_RIGHT = ParagraphStyle("note at right", NOTE, alignment=TA_RIGHT)
TITLE = ParagraphStyle("title", TEXT, fontName=BOLD, fontSize=20, leading=24)
BRAND = ParagraphStyle("brand", TITLE, textColor=ACCENT, alignment=TA_RIGHT)
SUM = ParagraphStyle("sum", TEXT, alignment=TA_RIGHT)
STRONG_SUM = ParagraphStyle("strong sum", STRONG, alignment=TA_RIGHT)


def render(invoice: TaxInvoice) -> bytes:
    """Return the PDF's bytes: the same ones each time."""
    _register_fonts()
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN - FRAME_PADDING,
        rightMargin=MARGIN - FRAME_PADDING,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"Tax invoice {invoice.number}",
        author=invoice.seller.name,
        lang="en-IN",
        invariant=1,
    )
    document.build(_content(invoice))
    return file.getvalue()


@cache
def _register_fonts() -> None:
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, settings.BASE_DIR / "static" / "fonts" / f"{name}.ttf"))


def _content(invoice: TaxInvoice) -> list[Flowable]:
    return [
        Table([[_text("Tax invoice", TITLE), _text("Zupertry", BRAND)]], [WIDTH / 2] * 2, style=NO_PADDING),
        _text("Original for recipient", NOTE),
        Spacer(0, 8 * mm),
        _columns(_party("Sold by", invoice.seller), _facts(invoice)),
        Spacer(0, 6 * mm),
        _columns(_party("Sold to", invoice.buyer), []),
        Spacer(0, 10 * mm),
        _lines(invoice),
        Spacer(0, 10 * mm),
        *(_text(note, NOTE) for note in _notes(invoice)),
    ]


def _text(text: str, style: ParagraphStyle = TEXT) -> Paragraph:
    return Paragraph(escape(text), style)


def _columns(left: list[Paragraph], right: list[Paragraph]) -> Table:
    gap = ("RIGHTPADDING", (0, 0), (0, 0), 5 * mm)
    return Table([[left, right]], [WIDTH * 0.55, WIDTH * 0.45], style=[*NO_PADDING, AT_TOP, gap])


def _party(heading: str, party: Party) -> list[Paragraph]:
    gstin = f"GSTIN {party.gstin}" if party.gstin else "Not registered for GST"
    return [
        _text(heading, NOTE),
        _text(party.name, STRONG),
        _text(party.address),
        _text(f"State: {party.state}"),
        _text(gstin),
    ]


def _facts(invoice: TaxInvoice) -> list[Flowable]:
    facts = {
        "Invoice number": invoice.number,
        "Date of issue": f"{invoice.issued_on.day} {invoice.issued_on:%B %Y}",
        "Place of supply": invoice.place_of_supply,
        "Reverse charge": "No",
        "Payment": invoice.paid_with,
    }
    rows = [[_text(name, NOTE), _text(value)] for name, value in facts.items()]
    return [Table(rows, [28 * mm, WIDTH * 0.45 - 28 * mm], style=[*NO_PADDING, AT_TOP, *TIGHT])]


def _lines(invoice: TaxInvoice) -> Table:
    """Return what was sold, its taxes and the total."""
    rows = [
        [_text("Description", NOTE), _text("SAC", NOTE), _text("Taxable value", NOTE_AT_RIGHT)],
        [_text(invoice.description), _text(invoice.sac), _sum(invoice.taxable_minor)],
        *([_text(f"{tax.name} {tax.percent} %"), "", _sum(tax.amount_minor)] for tax in invoice.taxes),
        [_text("Total", STRONG), "", _sum(invoice.total_minor, STRONG_SUM)],
    ]
    rules = [("LINEBELOW", (0, row), (-1, row), 0.5, LINE) for row in (0, 1, len(rows) - 2)]
    return Table(rows, [WIDTH - 65 * mm, 25 * mm, 40 * mm], style=[*NO_PADDING, AT_TOP, *rules])


def _sum(amount_minor: int, style: ParagraphStyle = SUM) -> Paragraph:
    return _text(format_minor(amount_minor, "INR"), style)


def _notes(invoice: TaxInvoice) -> list[str]:
    """Return what stands below the sums. An invoice that is issued electronically needs no signature (rule 46)."""
    notes = ["Paid in full.", f"This invoice was made by computer for {invoice.seller.name} and needs no signature."]
    names = (invoice.seller.name, invoice.seller.address, invoice.buyer.name, invoice.buyer.address)
    if not all(_can_show(name) for name in names):
        notes.append("Letters that show as boxes can be read on the page of this invoice, in the dashboard.")
    return notes


def _can_show(text: str) -> bool:
    glyphs = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return all(ord(letter) in glyphs for letter in text)
