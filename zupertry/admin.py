"""Staff's pages that need several apps at once: Django looks for them here."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin

from zupertry.staff import schedule
from zupertry.staff.organisations import OrganisationAdmin

__all__ = ["OrganisationAdmin"]

schedule.register(admin.site)
# allauth's own tables would show sealed seeds and let addresses be changed behind their owners' backs: people's pages
# show what there is of them.
admin.site.unregister([EmailAddress, Authenticator, UserSession])
