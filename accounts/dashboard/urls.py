"""Routes of the dashboard that are not about money or jobs."""

from django.urls import path

from accounts.dashboard import views

urlpatterns = [
    path("", views.home, name="dashboard"),
    path("organisation", views.switch, name="switch-organisation"),
]
