"""What staff see of money, and the little of it that they change. The pages are in `billing/staff/`."""

from django.contrib import admin

from billing import models
from billing.staff.buyers import AutoReloadAdmin, BillingDetailsAdmin, PaymentMethodAdmin
from billing.staff.catalogue import CreditPackAdmin, PlanAdmin
from billing.staff.credits import CreditAccountAdmin, LedgerEntryAdmin
from billing.staff.gateways import DiscrepancyAdmin, GatewayEventAdmin
from billing.staff.invoices import InvoiceAdmin
from billing.staff.payments import PaymentAdmin, ReversalAdmin

admin.site.register(models.AutoReload, AutoReloadAdmin)
admin.site.register(models.BillingDetails, BillingDetailsAdmin)
admin.site.register(models.CreditAccount, CreditAccountAdmin)
admin.site.register(models.CreditPack, CreditPackAdmin)
admin.site.register(models.Discrepancy, DiscrepancyAdmin)
admin.site.register(models.GatewayEvent, GatewayEventAdmin)
admin.site.register(models.Invoice, InvoiceAdmin)
admin.site.register(models.LedgerEntry, LedgerEntryAdmin)
admin.site.register(models.Payment, PaymentAdmin)
admin.site.register(models.PaymentMethod, PaymentMethodAdmin)
admin.site.register(models.Plan, PlanAdmin)
admin.site.register(models.Reversal, ReversalAdmin)
