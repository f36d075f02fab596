"""What `/v1/workspaces` says."""

from typing import Any

from rest_framework import serializers

from accounts.models import Workspace
from zupertry.core.api import TimestampField


class WorkspaceOut(serializers.ModelSerializer[Workspace]):
    """A workspace."""

    id = serializers.CharField()
    created_at = TimestampField()

    class Meta:
        model = Workspace
        fields = ["id", "name", "status", "created_at"]


class WorkspaceList(serializers.Serializer[Any]):
    """Active workspaces, oldest first."""

    workspaces = WorkspaceOut(many=True)
