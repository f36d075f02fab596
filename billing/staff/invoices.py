"""What payments are documented by, as staff see it: the same file that the customer gets."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.dashboard.listings import row_of
from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.links import link_to
from billing import tax_invoice
from billing.models import Invoice
from billing.staff.listing import elsewhere


class InvoiceAdmin(ReadOnlyAdmin):
    """Our own tax invoices, and links to Stripe's."""

    list_display = ["__str__", "created_at", "customer", "of_payment", "file"]
    list_select_related = ["organisation", "payment"]
    ordering = ["-pk"]
    search_fields = ["id", "number", "payment", "organisation"]
    ids_searched = {"id": "inv", "payment": "pay", "organisation": "org"}
    search_help_text = "The invoice's number, or the id of a payment or organisation, in full."
    csv_hidden = frozenset({"seller", "buyer"})
    readonly_fields = ["file"]

    @admin.display(description="organisation")
    def customer(self, invoice: Invoice) -> SafeString:
        """Who bought."""
        return link_to(invoice.organisation)

    @admin.display(description="payment")
    def of_payment(self, invoice: Invoice) -> SafeString:
        """What it documents."""
        return link_to(invoice.payment)

    @admin.display(description="PDF")
    def file(self, invoice: Invoice) -> SafeString | None:
        """The file that the customer gets."""
        if address := invoice.pdf_url or invoice.url:
            return elsewhere(address, "At Stripe")
        return format_html(
            '<a href="{}" target="_blank">PDF</a>', reverse("admin:billing_invoice_pdf", args=[invoice.pk])
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the file."""
        own = path("<str:invoice_id>/pdf/", self.admin_site.admin_view(self.pdf_view), name="billing_invoice_pdf")
        return [own, *super().get_urls()]

    def pdf_view(self, request: HttpRequest, invoice_id: str) -> HttpResponse:
        """Answer with an invoice as a PDF, to be looked at; lead to Stripe's where it is Stripe's."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        invoice = row_of(Invoice.objects.select_related("payment"), "inv", invoice_id)
        if address := invoice.pdf_url or invoice.url:
            return redirect(address)
        from billing import invoice_pdf  # here, for its library would be read at the start of every command

        content = tax_invoice.read(invoice)
        disposition = f'inline; filename="{content.file_name}"'
        headers = {"Content-Type": "application/pdf", "Content-Disposition": disposition}
        return HttpResponse(invoice_pdf.render(content), headers=headers)
