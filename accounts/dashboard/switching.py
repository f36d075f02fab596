"""The way from one organisation to another."""

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.dashboard.access import MemberRequest, enter, member_view


@require_POST
@member_view()
def switch(request: MemberRequest) -> HttpResponseBase:
    """`POST /dashboard/organisation`: see another of the person's own organisations."""
    enter(request, request.POST.get("organisation", ""))
    return redirect("dashboard")
