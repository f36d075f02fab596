"""Keyset pages, newest first: a cursor is the id after which the next page begins."""

import base64
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from zupertry.core import ids
from zupertry.core.api import StrictCharField

RowT = TypeVar("RowT", bound=Model)


class PageQuery(serializers.Serializer[Any]):
    """Which page of a listing. The context's `prefix` is that of the rows' ids.

    A listing with filters adds them in a subclass, by which its view checks the whole query: everything that is wrong
    with it is then told at once.
    """

    limit = serializers.IntegerField(
        required=False, default=20, min_value=1, max_value=100, help_text="Rows on a page, at most."
    )
    cursor = StrictCharField(required=False, help_text="`next_cursor` of the page before.")

    def validate_cursor(self, cursor: str) -> str:
        """Return the id that the cursor stands for."""
        last_id = _decode(cursor)
        if not ids.is_id(self.context["prefix"], last_id) or _encode(last_id) != cursor:
            raise serializers.ValidationError("This is no cursor of ours. Send the next_cursor of the page before.")
        return last_id


class KeysetPagination(BasePagination):
    """Pages of rows whose ids have this prefix, under this name, in one query each."""

    prefix = ""
    rows_name = ""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """Return the rows of the page that the query asks for. Raises `ValidationError` for a query that is none."""
        query = PageQuery(data=request.query_params.dict(), context={"prefix": self.prefix})
        query.is_valid(raise_exception=True)
        limit, last_id = query.validated_data["limit"], query.validated_data.get("cursor")
        if last_id is not None:
            queryset = queryset.filter(pk__lt=last_id)
        found = self.fetch(queryset.order_by("-pk")[: limit + 1], request)
        self.next_cursor = _encode(found[limit - 1].pk) if len(found) > limit else None
        return found[:limit]

    def fetch(self, rows: QuerySet[Any], request: Request) -> list[Any]:
        """Return these rows by one statement, which a subclass may have check the request's filters as well."""
        return list(rows)

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with what is needed to ask for the next one."""
        has_more = self.next_cursor is not None
        return Response({self.rows_name: data, "next_cursor": self.next_cursor, "has_more": has_more})


def made_within(rows: QuerySet[RowT], prefix: str, after: datetime | None, before: datetime | None) -> QuerySet[RowT]:
    """Return the rows, whose ids have this prefix, that were made after and before these moments.

    Whole milliseconds are compared, which ids begin with, so that the listing's own index serves.
    """
    if after:
        rows = rows.filter(pk__gte=ids.encode(prefix, ids.first_after(after)))
    if before:
        rows = rows.filter(pk__lt=ids.encode(prefix, ids.first_at(before)))
    return rows


def _encode(last_id: str) -> str:
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        return ""
