"""What an organisation may buy, and what it costs."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation
from billing import tax
from billing.currencies import GATEWAYS, Currency
from billing.models import AutoReload, CreditPack, Payment, Plan
from zupertry.core import ids
from zupertry.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class Quote:
    """What a pack costs, in minor units of the organisation's currency.

    `tax_minor` is the tax that we add. Where Stripe works tax out, it is 0 and added on Stripe's own page.
    """

    net_minor: int
    tax_minor: int

    @property
    def amount_minor(self) -> int:
        """What the buyer pays us."""
        return self.net_minor + self.tax_minor


def offer(organisation: Organisation) -> list[CreditPack]:
    """Return the packs on sale to an organisation, on its plan and in its currency, the smallest first."""
    own = on_sale().filter(plan_id=organisation.plan, currency=organisation.currency)
    return list(own.select_related("moves_to").order_by("credits", "pk"))


def price_list(currency: str) -> list[CreditPack]:
    """Return everything on sale in a currency, plan by plan: that with the smallest pack first."""
    packs = on_sale().filter(currency=currency).select_related("plan", "moves_to").order_by("credits", "pk")
    order = list(dict.fromkeys(pack.plan_id for pack in packs))
    return sorted(packs, key=lambda pack: order.index(pack.plan_id))


def find(organisation: Organisation, pack_id: str) -> CreditPack:
    """Return one of the packs on sale to an organisation. Raises `Refusal` (`validation_error`) for any other."""
    known = ids.is_id("pck", pack_id)
    pack = next((pack for pack in offer(organisation) if pack.id == pack_id), None) if known else None
    if pack is None:
        message = "This pack is not on sale any more. Choose one of those on the page."
        raise Refusal("validation_error", message, fields={"pack": [message]})
    return pack


def on_sale() -> QuerySet[CreditPack]:
    """Return the packs that can be bought now, of every plan and in every currency."""
    now = timezone.now()
    return CreditPack.objects.filter(Q(active_until=None) | Q(active_until__gt=now), active_from__lte=now)


def is_on_sale(pack: CreditPack) -> bool:
    """Say whether a pack can be bought now, whatever plan it is of."""
    return on_sale().filter(pk=pack.pk).exists()


def quote(pack: CreditPack) -> Quote:
    """Return what a pack costs now."""
    return Quote(pack.price_minor, tax.tax_for(pack.currency, pack.price_minor))


def gateway_for(organisation: Organisation) -> str:
    """Return the name of the gateway that takes an organisation's money."""
    return str(GATEWAYS[Currency(organisation.currency)])


def can_be_paid(organisation: Organisation) -> bool:
    """Say whether that gateway is configured here."""
    return gateway_for(organisation) in settings.PAYMENT_GATEWAYS


def is_settled(pack_id: str) -> bool:
    """Say whether a pack stays as it is: somebody may have seen it at its price, bought it, or has it bought."""
    return (
        CreditPack.objects.filter(pk=pack_id, active_from__lte=timezone.now()).exists()
        or Payment.objects.filter(pack=pack_id).exists()
        or AutoReload.objects.filter(pack=pack_id).exists()
    )


@transaction.atomic
def replace(pack: CreditPack) -> None:
    """Sell a pack as it is changed, under a new id. The row that it was ends when that begins, and stays otherwise."""
    pack.active_from = max(pack.active_from, timezone.now())
    if pack.active_until and pack.active_until <= pack.active_from:
        pack.active_until = None
    on_sale = Q(active_until=None) | Q(active_until__gt=pack.active_from)
    CreditPack.objects.filter(on_sale, pk=pack.pk).update(active_until=pack.active_from)
    pack.pk = ids.new("pck")
    pack.save(force_insert=True)


def follow_purchase(payment: Payment) -> None:
    """Move the buyer to the plan that the pack leads to, in the caller's transaction, if they are still on its own."""
    pack = CreditPack.objects.get(pk=payment.pack_id)
    if pack.moves_to_id is None:
        return
    _move(payment.organisation_id, pack.plan_id, pack.moves_to_id, actor=payment.actor, payment=payment.id)


@transaction.atomic
def move(organisation: Organisation, plan: Plan, *, actor: str, reason: str) -> bool:
    """Put an organisation on a plan, as staff wish. It is offered that plan's packs from now on. False: it was."""
    before = Organisation.objects.values_list("plan", flat=True).get(pk=organisation.pk)
    return before != plan.code and _move(organisation.pk, before, plan.code, actor=actor, reason=reason)


def _move(organisation_id: str, before: str, after: str, *, actor: str, **why: str) -> bool:
    moved = Organisation.objects.filter(pk=organisation_id, plan=before).update(plan=after)
    if moved:
        changed = Organisation(pk=organisation_id)
        details = {"before": before, "after": after, **why}
        audit.record(changed, actor, "organisation.plan_changed", organisation_id, **details)
    return bool(moved)
