"""Staff's pages that need several apps at once: Django looks for them here."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group

from zupertry.staff import schedule
from zupertry.staff.organisations import OrganisationAdmin

__all__ = ["OrganisationAdmin"]

schedule.register(admin.site)
# The raw tables would show sealed seeds, and let addresses and groups be changed with no trace: people's pages show
# what there is of them, and `make_staff` puts staff into groups.
admin.site.unregister([EmailAddress, Authenticator, UserSession, Group])
