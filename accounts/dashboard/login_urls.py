"""Routes of django-allauth, under its names: those of strangers, and those of a person's own account."""

from allauth.account import views
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accounts.dashboard import profile
from accounts.dashboard.access import person_view
from accounts.dashboard.onward import led_on

entrance = [
    path("signup", views.signup, name="account_signup"),
    path("signup/code", views.email_verification_sent, name="account_email_verification_sent"),
    path("login", views.login, name="account_login"),
    path("login/code", second_factor.authenticate, name="mfa_authenticate"),
    path("login/passkey", passkeys.login_webauthn, name="mfa_login_webauthn"),
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
    path("confirm", views.reauthenticate, name="account_reauthenticate"),
    path("confirm/code", second_factor.reauthenticate, name="mfa_reauthenticate"),
    path("confirm/passkey", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
]
account = [
    path("email", person_view(views.email), name="account_email"),
    path("password", person_view(views.password_change), name="account_change_password"),
    path("password/first", person_view(views.password_set), name="account_set_password"),
    path("sessions", profile.session_list, name="usersessions_list"),
    path("sessions/end", profile.end_sessions, name="end-sessions"),
    path("security", led_on(person_view(second_factor.index)), name="mfa_index"),
    path("security/app", led_on(person_view(totp.activate_totp)), name="mfa_activate_totp"),
    path("security/app/remove", person_view(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("security/codes", led_on(person_view(recovery_codes.view_recovery_codes)), name="mfa_view_recovery_codes"),
    path("security/codes/new", person_view(recovery_codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("security/codes.txt", person_view(recovery_codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("security/passkeys", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("security/passkeys/add", led_on(person_view(passkeys.add_webauthn)), name="mfa_add_webauthn"),
    path("security/passkeys/<int:pk>", person_view(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("security/passkeys/<int:pk>/remove", person_view(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
]
urlpatterns = [
    *entrance,
    path("dashboard/account", profile.profile, name="profile"),
    path("dashboard/account/", include(account)),
]
