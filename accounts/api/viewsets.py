"""`/v1/workspaces`."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import key_of
from accounts.api.serializers import WorkspaceList
from accounts.models import Workspace
from zupertry.core.api import ApiViewSet


class WorkspaceViewSet(ApiViewSet):
    """Where jobs are filed."""

    @extend_schema(summary="List workspaces", operation_id="listWorkspaces", tags=["Account"], responses=WorkspaceList)
    def list(self, request: Request) -> Response:
        """Return the active workspaces of the key's organisation, oldest first."""
        active = Workspace.objects.filter(organisation=key_of(request).organisation, status=Workspace.Status.ACTIVE)
        return Response(WorkspaceList({"workspaces": active.order_by("id")}).data)
