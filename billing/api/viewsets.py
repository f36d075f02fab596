"""`/v1/credits` and `/v1/ledger`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import key_of
from billing import ledger
from billing.api.serializers import CreditsOut, LedgerEntryOut, LedgerPage, LedgerQuery
from billing.models import CreditAccount, LedgerEntry
from zupertry.core.api import ApiViewSet
from zupertry.core.pagination import KeysetPagination, made_within


class CreditsViewSet(mixins.RetrieveModelMixin, ApiViewSet):
    """The balance that gates submissions."""

    serializer_class = CreditsOut

    @extend_schema(summary="Retrieve the credits", operation_id="getCredits", tags=["Credits"], responses=CreditsOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the organisation's credits. A live job needs one that is available."""
        return super().retrieve(request, *args, **kwargs)

    def get_object(self) -> CreditAccount:
        """Return the account of the key's organisation."""
        return ledger.balance(key_of(self.request).organisation_id)


class LedgerPages(KeysetPagination):
    """Pages of ledger entries."""

    prefix = "led"
    rows_name = "entries"


class LedgerViewSet(mixins.ListModelMixin, ApiViewSet):
    """Every change of the credits."""

    serializer_class = LedgerEntryOut
    pagination_class = LedgerPages

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """Return the entries of the key's organisation."""
        return LedgerEntry.objects.filter(account_id=key_of(self.request).organisation_id)

    @extend_schema(
        summary="List the ledger",
        operation_id="listLedger",
        tags=["Credits"],
        parameters=[LedgerQuery],
        responses=LedgerPage,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return every change of the organisation's credits, newest first; together they make the balance."""
        response: Response = super().list(request, *args, **kwargs)
        return response

    def filter_queryset(self, queryset: Any) -> Any:
        """Return those of `queryset` that the query asks for."""
        query = LedgerQuery(data=self.request.query_params.dict(), context={"prefix": LedgerPages.prefix})
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        if "kind" in asked:
            queryset = queryset.filter(kind=asked["kind"])
        return made_within(queryset, "led", asked.get("created_after"), asked.get("created_before"))
