"""What a GST tax invoice says, line by line: the same on its page and in its PDF.

The particulars are those of rule 46 of the CGST Rules, 2017. An issued invoice says the same for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from billing import tax
from billing.invoices import INDIA
from billing.models import Invoice
from zupertry.core.money import format_count


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer. `gstin` is empty for a buyer who is not registered; `state` is its name and code."""

    name: str
    address: str
    state: str
    gstin: str


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax: its name, its rate in per cent, and how much it is in paise."""

    name: str
    percent: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class TaxInvoice:
    """All that is shown of an invoice. Sums are paise; `issued_on` is the day in India."""

    number: str
    issued_on: date
    seller: Party
    buyer: Party
    place_of_supply: str
    description: str
    sac: str
    taxable_minor: int
    taxes: tuple[Tax, ...]
    paid_with: str

    @property
    def total_minor(self) -> int:
        """What was paid."""
        return self.taxable_minor + sum(tax.amount_minor for tax in self.taxes)

    @property
    def file_name(self) -> str:
        """What its PDF is called: the number, with no slash in it."""
        return f"invoice-{self.number.replace('/', '-')}.pdf"


def read(invoice: Invoice) -> TaxInvoice:
    """Return what a tax invoice of ours says."""
    payment = invoice.payment
    return TaxInvoice(
        number=invoice.number,
        issued_on=invoice.created_at.astimezone(INDIA).date(),
        seller=_seller(invoice.seller),
        buyer=_buyer(invoice.buyer),
        place_of_supply=_state(invoice.place_of_supply),
        description=f"{format_count(payment.credits, payment.currency)} credits for virtual try-on (Zupertry)",
        sac=invoice.sac,
        taxable_minor=payment.net_minor,
        taxes=_taxes(invoice),
        paid_with=payment.gateway_reference or payment.id,
    )


def _seller(copy: Mapping[str, str]) -> Party:
    return Party(copy["name"], copy["address"], _state(tax.state_of(copy["gstin"])), copy["gstin"])


def _buyer(copy: Mapping[str, str]) -> Party:
    street = ", ".join(line.rstrip(",") for line in copy["address"].splitlines())
    return Party(
        copy["name"], f"{street}, {copy['city']} {copy['postal_code']}, India", _state(copy["state"]), copy["tax_id"]
    )


def _state(code: str) -> str:
    return f"{tax.STATES[code]} ({code})"


def _taxes(invoice: Invoice) -> tuple[Tax, ...]:
    """Return the taxes there are, under their names and with the rates that they were charged at."""
    percent = invoice.seller["gst_percent"]
    local = "UTGST" if invoice.place_of_supply in tax.UNION_TERRITORIES else "SGST"
    possible = (
        Tax("CGST", f"{percent / 2:g}", invoice.cgst_minor),
        Tax(local, f"{percent / 2:g}", invoice.sgst_minor),
        Tax("IGST", f"{percent:g}", invoice.igst_minor),
    )
    return tuple(one for one in possible if one.amount_minor)
