"""Staff's site. Each app registers what is its own; here are the name and the door."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin

admin.site.site_header = "Zupertry staff"
admin.site.site_title = "Zupertry staff"
admin.site.index_title = "Customers, money and work"
# The one login that there is: it slows guessing down, and knows of second factors. Whoever is no staff gets a 403.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
