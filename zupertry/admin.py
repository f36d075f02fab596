"""Staff's pages that need several apps at once: Django looks for them here."""

from django.contrib import admin

from zupertry.staff import schedule
from zupertry.staff.organisations import OrganisationAdmin

__all__ = ["OrganisationAdmin"]

schedule.register(admin.site)
