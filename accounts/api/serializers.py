"""What `/v1/workspaces` says."""

from typing import Any

from rest_framework import serializers

from accounts.models import Workspace
from zupertry.core.api import TimestampField
from zupertry.core.ids import pattern


class WorkspaceOut(serializers.ModelSerializer[Workspace]):
    """A workspace."""

    id = serializers.RegexField(pattern("ws"))
    created_at = TimestampField()

    class Meta:
        model = Workspace
        fields = ["id", "name", "status", "created_at"]


class WorkspaceList(serializers.Serializer[Any]):
    """Active workspaces, oldest first."""

    workspaces = WorkspaceOut(many=True)
