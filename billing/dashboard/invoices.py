"""An invoice: our own tax invoice as a page and as a PDF; Stripe's are at Stripe, and lead there."""

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.dashboard.access import MemberRequest, member_view
from billing import tax_invoice
from billing.models import Invoice
from zupertry.core import ids


@require_safe
@member_view("billing")
def page(request: MemberRequest, invoice_id: str) -> HttpResponseBase:
    """`GET invoices/{id}`: what it says, ready to print."""
    invoice = _find(request, invoice_id)
    if invoice.url:
        return redirect(invoice.url)
    context = {"invoice": tax_invoice.read(invoice), "invoice_id": invoice.id}
    return render(request, "dashboard/billing/invoice.html", context)


@require_safe
@member_view("billing")
def pdf(request: MemberRequest, invoice_id: str) -> HttpResponseBase:
    """`GET invoices/{id}.pdf`: the same as a file."""
    invoice = _find(request, invoice_id)
    if invoice.pdf_url:
        return redirect(invoice.pdf_url)
    from billing import invoice_pdf  # here, for its library would be read at the start of every command

    content = tax_invoice.read(invoice)
    disposition = f'attachment; filename="{content.file_name}"'
    headers = {"Content-Type": "application/pdf", "Content-Disposition": disposition}
    return HttpResponse(invoice_pdf.render(content), headers=headers)


def _find(request: MemberRequest, invoice_id: str) -> Invoice:
    """Return one of the organisation's invoices. Raises `Http404` for any other."""
    own = Invoice.objects.filter(organisation=request.organisation).select_related("payment")
    invoice = own.filter(pk=invoice_id).first() if ids.is_id("inv", invoice_id) else None
    if invoice is None:
        raise Http404
    return invoice
