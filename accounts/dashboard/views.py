"""The dashboard's first page, and the way from one organisation to another."""

from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.dashboard.access import MemberRequest, enter, member_view


@require_safe
@member_view()
def home(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/`: which organisation this is, and where to go from here."""
    return render(request, "dashboard/home.html")


@require_POST
@member_view()
def switch(request: MemberRequest) -> HttpResponseBase:
    """`POST /dashboard/organisation`: see another of the person's own organisations."""
    enter(request, request.POST.get("organisation", ""))
    return redirect("dashboard")
