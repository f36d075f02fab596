"""Django's admin, with our site in the place of its own."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """What `INSTALLED_APPS` names instead of `django.contrib.admin`."""

    default_site = "zupertry.staff.site.StaffSite"
