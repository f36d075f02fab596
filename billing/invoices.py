"""Invoices: a GST tax invoice of our own for what is sold in rupees, elsewhere a link to Stripe's.

A tax invoice keeps a copy of what it says about seller, buyer and rate, whatever changes later.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F

from billing import tax
from billing.gateways.base import Buyer
from billing.models import Invoice, InvoiceSequence, Payment
from zupertry.core.ids import made_at

INDIA = ZoneInfo("Asia/Kolkata")
SERIES = "ZT"
BUYER = ("name", "address", "city", "postal_code", "state", "country", "tax_id")


@transaction.atomic(savepoint=False)
def issue(payment: Payment) -> Invoice | None:
    """Make out the tax invoice of a payment, in the transaction in which it becomes paid; twice gives the same one.

    None where there is nothing to make out: not in rupees, or quoted without tax, by a seller not registered for it.
    """
    if payment.currency != "INR" or not payment.tax_minor or not settings.SELLER["gstin"]:
        return None
    if issued := Invoice.objects.filter(payment=payment).first():
        return issued
    invoice = _made_out(payment)
    invoice.number = _next_number(financial_year(made_at(invoice.id)))
    invoice.save(force_insert=True)
    return invoice


def link(payment: Payment, number: str, url: str, pdf_url: str) -> Invoice:
    """Keep where Stripe's own invoice of a payment is; called again, it keeps the latest."""
    given = {"organisation_id": payment.organisation_id, "number": number, "url": url, "pdf_url": pdf_url}
    invoice, _ = Invoice.objects.update_or_create(payment=payment, defaults=given)
    return invoice


def financial_year(moment: datetime) -> str:
    """Return the Indian financial year of a moment, April to March in Indian time: `2627` is 2026-27."""
    local = moment.astimezone(INDIA)
    first = local.year if local.month >= 4 else local.year - 1
    return f"{first % 100:02}{(first + 1) % 100:02}"


def _made_out(payment: Payment) -> Invoice:
    """Return a payment's tax invoice with everything but its number. The place of supply is the buyer's state.

    So says section 12(2) of the IGST Act, where the buyer's address is on record.
    """
    buyer = Buyer(**payment.buyer)
    seller = settings.SELLER
    gst = tax.split_gst(payment.net_minor, tax.state_of(seller["gstin"]), buyer.state)
    return Invoice(
        organisation_id=payment.organisation_id,
        payment=payment,
        seller={name: seller[name] for name in ("name", "address", "gstin")} | {"gst_percent": tax.GST_PERCENT},
        buyer=_only(BUYER, asdict(buyer)),
        sac=seller["sac"],
        place_of_supply=buyer.state,
        **asdict(gst),
    )


def _only(names: tuple[str, ...], of: dict[str, Any]) -> dict[str, Any]:
    return {name: of[name] for name in names}


def _next_number(year: str) -> str:
    """Return the next number of a financial year: at most 16 characters, as rule 46(b) of the CGST Rules wants it.

    The row stays locked until the transaction ends, so there is no gap: a number that is rolled back is given again.
    """
    sequence = InvoiceSequence.objects.filter(year=year)
    if not sequence.update(last=F("last") + 1):
        InvoiceSequence.objects.bulk_create([InvoiceSequence(year=year)], ignore_conflicts=True)
        sequence.update(last=F("last") + 1)
    return f"{SERIES}/{year}/{sequence.get().last:07}"
