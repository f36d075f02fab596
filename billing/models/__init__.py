"""What is sold, what each organisation has, and every change of it: credits in the ledger, money in payments.

Money is integer minor units (paise, cents) with an ISO 4217 currency.
"""

from billing.models.buyers import BillingDetails, GatewayCustomer, PaymentMethod
from billing.models.catalogue import CreditPack, Plan
from billing.models.credits import CreditAccount, LedgerEntry
from billing.models.gateways import Discrepancy, GatewayEvent
from billing.models.invoices import Invoice, InvoiceSequence
from billing.models.payments import AutoReload, Payment, Reversal

__all__ = [
    "AutoReload",
    "BillingDetails",
    "CreditAccount",
    "CreditPack",
    "Discrepancy",
    "GatewayCustomer",
    "GatewayEvent",
    "Invoice",
    "InvoiceSequence",
    "LedgerEntry",
    "Payment",
    "PaymentMethod",
    "Plan",
    "Reversal",
]
