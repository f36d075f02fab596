"""What goes into and comes out of `/v1/credits` and `/v1/ledger`."""

from typing import Any

from rest_framework import serializers

from billing.models import CreditAccount, LedgerEntry
from zupertry.core.api import TimestampField
from zupertry.core.ids import pattern
from zupertry.core.pagination import PageQuery


class CreditsOut(serializers.ModelSerializer[CreditAccount]):
    """What the organisation has."""

    available = serializers.IntegerField(help_text="What may be spent; negative when credits are owed.")
    reserved = serializers.IntegerField(min_value=0, help_text="What is held by jobs that have not ended.")

    class Meta:
        model = CreditAccount
        fields = ["available", "reserved"]


class LedgerEntryOut(serializers.ModelSerializer[LedgerEntry]):
    """One change of the credits. It is never altered."""

    id = serializers.RegexField(pattern("led"))
    available_delta = serializers.IntegerField(help_text="Credits by which `available` changed.")
    reserved_delta = serializers.IntegerField(help_text="Credits by which `reserved` changed.")
    reference = serializers.CharField(
        help_text="What it is for: the job, the payment, or the gateway's refund or dispute."
    )
    note = serializers.CharField(help_text="Why, in words; mostly empty.")
    created_at = TimestampField()

    class Meta:
        model = LedgerEntry
        fields = ["id", "kind", "available_delta", "reserved_delta", "reference", "note", "created_at"]


class LedgerQuery(PageQuery):
    """How to narrow the listing, and which page of it."""

    kind = serializers.ChoiceField(choices=LedgerEntry.Kind.choices, required=False, help_text="Entries of this kind.")
    created_after = serializers.DateTimeField(required=False, help_text="Made later than this, in ISO 8601.")
    created_before = serializers.DateTimeField(required=False, help_text="Made earlier than this, in ISO 8601.")


class LedgerPage(serializers.Serializer[Any]):
    """A page of ledger entries, newest first."""

    entries = LedgerEntryOut(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Send it as `cursor` for the next page.")
    has_more = serializers.BooleanField(help_text="Whether there is a next page.")
