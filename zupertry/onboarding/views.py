"""The pages between a first login and the dashboard."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.models import User
from zupertry.onboarding import beginning
from zupertry.onboarding.forms import OnboardingForm


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@sensitive_variables("made")
def onboarding(request: HttpRequest) -> HttpResponseBase:
    """`/onboarding`: make an organisation, and show its test key once. Who has one is led to the dashboard."""
    person = cast(User, request.user)
    if beginning.is_over(person):
        return redirect("dashboard")
    form = OnboardingForm(request.POST or None)
    if not form.is_valid():
        return render(request, "dashboard/onboarding/organisation.html", {"form": form})
    made = beginning.begin(person, form.cleaned_data["name"], form.cleaned_data["country"])
    if made is None:
        return redirect("dashboard")
    return render(request, "dashboard/onboarding/begun.html", {"made": made, "next": reverse("tryon:playground")})
