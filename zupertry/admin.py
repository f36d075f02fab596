"""Staff's pages that need several apps at once: Django looks for them here."""

from zupertry.staff.organisations import OrganisationAdmin

__all__ = ["OrganisationAdmin"]
