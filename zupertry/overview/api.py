"""`/v1/account`: what accounts and billing know of the caller, on one page."""

from typing import Any

from django.db.models import Exists, OuterRef
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import key_of
from accounts.models import CURRENCIES, Region
from billing.models import AutoReload, CreditAccount
from zupertry.core.api import ApiViewSet
from zupertry.core.ids import pattern

PLANS = ["starter", "growth", "scale", "enterprise"]


class AccountOut(serializers.Serializer[Any]):
    """The organisation behind a key, and its credits."""

    org_id = serializers.RegexField(pattern("org"))
    name = serializers.CharField()
    plan = serializers.ChoiceField(choices=PLANS)
    region_code = serializers.ChoiceField(choices=Region.values)
    currency_code = serializers.ChoiceField(choices=sorted(set(CURRENCIES.values())))
    credits = serializers.IntegerField(help_text="What may be spent; negative when credits are owed.")
    credits_reserved = serializers.IntegerField(min_value=0, help_text="What is held by jobs that have not ended.")
    auto_reload_enabled = serializers.BooleanField()
    rate_limit_per_minute = serializers.IntegerField()


class AccountViewSet(mixins.RetrieveModelMixin, ApiViewSet):
    """Who the key belongs to."""

    serializer_class = AccountOut

    @extend_schema(summary="Retrieve the account", operation_id="getAccount", tags=["Account"], responses=AccountOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the organisation, its plan and its credits."""
        return super().retrieve(request, *args, **kwargs)

    def get_object(self) -> dict[str, Any]:
        """Return the account of the key's organisation."""
        organisation = key_of(self.request).organisation
        reloads = AutoReload.objects.filter(pk=OuterRef("pk"), enabled=True)
        account = CreditAccount.objects.annotate(reloads=Exists(reloads)).get(pk=organisation.id)
        return {
            "org_id": organisation.id,
            "name": organisation.name,
            "plan": organisation.plan,
            "region_code": organisation.region,
            "currency_code": organisation.currency,
            "credits": account.available,
            "credits_reserved": account.reserved,
            "auto_reload_enabled": account.reloads,
            "rate_limit_per_minute": organisation.rate_limit_per_minute,
        }
