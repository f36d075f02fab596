"""`/v1/workspaces`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import key_of
from accounts.api.serializers import WorkspaceList, WorkspaceOut
from accounts.models import Workspace
from zupertry.core.api import ApiViewSet


class WorkspaceViewSet(mixins.ListModelMixin, ApiViewSet):
    """Where jobs are filed."""

    serializer_class = WorkspaceOut
    pagination_class = None

    def get_queryset(self) -> QuerySet[Workspace]:
        """Return the active workspaces of the key's organisation, oldest first."""
        own = Workspace.objects.filter(organisation=key_of(self.request).organisation)
        return own.filter(status=Workspace.Status.ACTIVE).order_by("id")

    @extend_schema(summary="List workspaces", operation_id="listWorkspaces", tags=["Account"], responses=WorkspaceList)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the active workspaces of the key's organisation, oldest first."""
        return Response({"workspaces": super().list(request, *args, **kwargs).data})
