"""Every route under `/v1`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts.api.viewsets import WorkspaceViewSet
from billing.api.viewsets import CreditsViewSet, LedgerViewSet
from tryon.api.viewsets import JobViewSet, TryOnViewSet
from zupertry.core.schema import SchemaViewSet
from zupertry.overview.api import AccountViewSet

router = SimpleRouter(trailing_slash=False)
router.register("tryon", TryOnViewSet, basename="tryon")
router.register("jobs", JobViewSet, basename="job")
router.register("workspaces", WorkspaceViewSet, basename="workspace")
router.register("ledger", LedgerViewSet, basename="ledger")

urlpatterns = [
    *router.urls,
    path("account", AccountViewSet.as_view({"get": "retrieve"}), name="account"),
    path("credits", CreditsViewSet.as_view({"get": "retrieve"}), name="credits"),
    path("openapi.json", SchemaViewSet.as_view({"get": "retrieve"}), name="openapi"),
]
