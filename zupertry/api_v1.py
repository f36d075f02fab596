"""Every route under `/v1`."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts.api.viewsets import WorkspaceViewSet
from tryon.api.viewsets import JobViewSet, TryOnViewSet
from zupertry.core.schema import SchemaViewSet
from zupertry.overview.api import AccountViewSet

router = SimpleRouter(trailing_slash=False)
router.register("tryon", TryOnViewSet, basename="tryon")
router.register("jobs", JobViewSet, basename="job")
router.register("workspaces", WorkspaceViewSet, basename="workspace")

urlpatterns = [
    *router.urls,
    path("account", AccountViewSet.as_view({"get": "retrieve"}), name="account"),
    path("openapi.json", SchemaViewSet.as_view({"get": "retrieve"}), name="openapi"),
]
