"""Routes of django-allauth, under its names. There is no route to sign up by."""

from allauth.account import views
from django.urls import path, re_path

urlpatterns = [
    path("login", views.login, name="account_login"),
    path("logout", views.logout, name="account_logout"),
    path("inactive", views.account_inactive, name="account_inactive"),
    path("password/reset", views.password_reset, name="account_reset_password"),
    path("password/reset/sent", views.password_reset_done, name="account_reset_password_done"),
    path("password/reset/done", views.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/(?P<uidb36>usr_[0-9a-v]+)-(?P<key>[^/]+)$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
]
