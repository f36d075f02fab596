"""Which form of ours takes the place of which of django-allauth's. Settings name them, so nothing is imported here."""

ACCOUNT_FORMS = {
    "login": "accounts.dashboard.forms.LoginForm",
    "signup": "accounts.dashboard.forms.SignupForm",
    "confirm_email_verification_code": "accounts.dashboard.forms.EmailCodeForm",
    "add_email": "accounts.dashboard.forms.ChangeEmailForm",
    "change_password": "accounts.dashboard.forms.ChangePasswordForm",
    "set_password": "accounts.dashboard.forms.SetPasswordForm",
    "reauthenticate": "accounts.dashboard.forms.ReauthenticateForm",
    "reset_password": "accounts.dashboard.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.dashboard.forms.ResetPasswordKeyForm",
}

MFA_FORMS = {
    "authenticate": "accounts.dashboard.second_factor.AuthenticateForm",
    "reauthenticate": "accounts.dashboard.second_factor.ReauthenticateForm",
    "activate_totp": "accounts.dashboard.second_factor.ActivateTotpForm",
    "authenticate_webauthn": "accounts.dashboard.second_factor.AuthenticatePasskeyForm",
    "login_webauthn": "accounts.dashboard.second_factor.LoginPasskeyForm",
    "reauthenticate_webauthn": "accounts.dashboard.second_factor.ReauthenticatePasskeyForm",
    "add_webauthn": "accounts.dashboard.second_factor.AddPasskeyForm",
    "edit_webauthn": "accounts.dashboard.second_factor.RenamePasskeyForm",
}
