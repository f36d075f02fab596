"""Routes of the billing pages."""

from django.urls import path

from billing.dashboard import buying, invoices, listings, views

app_name = "billing"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("details", buying.billing_details, name="details"),
    path("buy", buying.buy, name="buy"),
    path("payments", listings.payment_list, name="payments"),
    path("payments/<str:payment_id>", buying.payment, name="payment"),
    path("payments/<str:payment_id>/checkout", buying.checkout, name="checkout"),
    path("payments/<str:payment_id>/returned", buying.returned, name="returned"),
    path("payments/<str:payment_id>/confirm", buying.confirm, name="confirm"),
    path("payments/<str:payment_id>/cancel", buying.cancel, name="cancel"),
    path("methods", views.method_list, name="methods"),
    path("methods/<str:method_id>/default", views.make_default, name="make-default"),
    path("methods/<str:method_id>/remove", views.remove_method, name="remove-method"),
    path("auto-reload", views.auto_reload_page, name="auto-reload"),
    path("auto-reload/off", views.auto_reload_off, name="auto-reload-off"),
    path("invoices/<str:invoice_id>.pdf", invoices.pdf, name="invoice-pdf"),
    path("invoices/<str:invoice_id>", invoices.page, name="invoice"),
    path("ledger", listings.ledger_page, name="ledger"),
    path("ledger.csv", listings.ledger_csv, name="ledger-csv"),
]
