"""Routes of an organisation's settings, its data, and the end of it; and of the end of a person's account."""

from django.urls import include, path

from zupertry.data import views

organisation = [
    path("", views.settings_page, name="organisation"),
    path("/export", views.export_page, name="export"),
    path("/delete", views.delete_page, name="delete"),
    path("/keep", views.keep, name="keep"),
]

urlpatterns = [
    path("settings", include((organisation, "settings"))),
    path("account/delete", views.delete_account_page, name="delete-account"),
    path("account/keep", views.keep_account, name="keep-account"),
]
