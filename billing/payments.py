"""Buying credits: a row of ours first, then the gateway, then whatever the gateway says became of it.

Whoever has reason to look (the buyer who comes back, an event, the clock) calls `settle`, and `settle` believes nothing
but a fresh look at the gateway by references that are ours.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import organisations
from accounts.models import Organisation
from billing import auto_reload, catalogue, details, regions, settlement
from billing.gateways.base import UNAUTHORISED, Buyer, CheckoutForm, Gateway, GatewayError, Order
from billing.gateways.registry import gateways, refuse
from billing.models import CreditPack, GatewayCustomer, Payment
from zupertry.core.connections import release_connection
from zupertry.core.errors import Refusal
from zupertry.core.support import at_support

RETRY_FOR = timedelta(hours=23)
"""How long the same call is sent again: gateways remember an idempotency key for a day."""
RETRY_INTERVAL = timedelta(minutes=5)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Links:
    """Where the gateway sends the buyer afterwards. `{payment}` stands for the payment's id."""

    return_url: str
    cancel_url: str


def begin(
    organisation: Organisation, pack: CreditPack, *, token: str, actor: str, keep_method: bool, links: Links
) -> Payment:
    """Begin a purchase that the buyer completes, and return it: at `checkout_url`, or where that is empty, on our page.

    `token` is the form's own: the same form again is the same purchase. Raises `Refusal`: `validation_error`
    (no billing details, a form used up, an organisation that is to be deleted or has moved to another region),
    `payment_provider_error`.
    """
    organisations.check_stays(organisation)
    _check_gateway(organisation)
    buyer = details.buyer(organisation)
    wanted = new(organisation, pack, buyer, actor=actor, idempotency_key=f"checkout:{organisation.id}:{token}")
    wanted.keep_method = keep_method
    payment = _inserted(wanted)
    begun = payment.status != Payment.Status.CREATED
    same = payment.pack_id == pack.id and (payment.keep_method == keep_method or not begun)
    if not same or payment.status not in Payment.UNDECIDED:
        raise Refusal("validation_error", "This form was used already. Load the page again to buy once more.")
    if not begun:
        payment.keep_method = keep_method
        _open(payment, buyer, links)
    return payment


def new(organisation: Organisation, pack: CreditPack, buyer: Buyer, *, actor: str, idempotency_key: str) -> Payment:
    """Return a payment for a pack at its price of now and by the buyer as they are now, not saved yet."""
    price = catalogue.quote(pack)
    return Payment(
        organisation=organisation,
        pack=pack,
        gateway=catalogue.gateway_for(organisation),
        actor=actor,
        credits=pack.credits,
        currency=pack.currency,
        net_minor=price.net_minor,
        tax_minor=price.tax_minor,
        buyer=asdict(buyer),
        idempotency_key=idempotency_key,
        next_check_at=timezone.now() + RETRY_INTERVAL,
    )


def checkout_form(payment: Payment) -> CheckoutForm | None:
    """Return what our page shows for an open payment; None where the gateway has a page of its own."""
    order = _order(payment, _customer(payment.gateway, payment.organisation_id), Links("", ""))
    return gateways[payment.gateway].checkout_form(order, payment.checkout_reference, Buyer(**payment.buyer))


def accept_answer(payment: Payment, answer: Mapping[str, str]) -> Payment:
    """Settle a payment with what the buyer's browser brought from the gateway.

    Raises `Refusal`: `validation_error` when that is not the gateway's, `payment_provider_error`.
    """
    if not gateways[payment.gateway].is_answer_of(payment.checkout_reference, answer):
        log.warning("payment_answer_forged", payment=payment.id)
        raise Refusal(
            "validation_error", "This answer is not about your payment. Nothing was changed; load the page again."
        )
    return settle_now(payment.id)


def settle_now(payment_id: str) -> Payment:
    """Settle for somebody who waits. Raises `Refusal` (`payment_provider_error`); the clock will try again."""
    try:
        return settle(payment_id)
    except GatewayError as error:
        refuse(Payment.objects.values_list("gateway", flat=True).get(pk=payment_id), error)


def settle(payment_id: str, *, gateway_reference: str = "") -> Payment:
    """Look at the gateway and make it so here; safe at any time, any number of times, at once. Returns the payment.

    `gateway_reference` is for a charge whose reference was lost before it was written down. Raises `GatewayError`.
    """
    payment = Payment.objects.get(pk=payment_id)
    structlog.contextvars.bind_contextvars(org=payment.organisation_id)
    charge = payment.gateway_reference or gateway_reference
    if payment.checkout_reference or charge:
        gateway = gateways[payment.gateway]
        release_connection()
        snapshot = gateway.look(checkout_reference=payment.checkout_reference, gateway_reference=charge)
        settlement.apply(payment.id, snapshot, livemode=gateway.livemode)
    return Payment.objects.get(pk=payment_id)


def authenticate(payment: Payment, return_url: str) -> str:
    """Return where the buyer confirms the charge that waits for them.

    Raises `Refusal`: `validation_error` when it waits no more, `payment_provider_error`.
    """
    if not payment.needs_authentication or payment.status not in Payment.UNDECIDED:
        raise Refusal("validation_error", "This payment does not wait for a confirmation any more.")
    try:
        return gateways[payment.gateway].authenticate(payment.gateway_reference, return_url)
    except GatewayError as error:
        refuse(payment.gateway, error)


def charge(payment: Payment) -> None:
    """Charge the payment's method while its owner is away; the same payment again is the same charge.

    What is not known afterwards is asked again by `follow_up`.
    """
    assert payment.method
    try:
        gateway = gateways[payment.gateway]
        customer = _customer(payment.gateway, payment.organisation_id)
        page = f"{settings.PUBLIC_URL}/dashboard/billing/"
        order = replace(_order(payment, customer, Links(page, page)), most_minor=auto_reload.may_take(payment))
        release_connection()
        snapshot = gateway.charge(order, payment.method.reference, Buyer(**payment.buyer))
    except GatewayError as error:
        log.warning("charge_unknown", payment=payment.id, error=error.message, permanent=error.permanent)
        if error.permanent and error.code != UNAUTHORISED:
            settlement.fail(payment.id, f"{payment.gateway.capitalize()} refused the charge.")
        return
    settlement.apply(payment.id, snapshot, livemode=gateway.livemode)


def follow_up(payment_id: str) -> None:
    """Go on with a payment that is due for it: ask what became of it, and when to ask next. Raises `GatewayError`.

    A charge by itself whose first call got no answer is made again under its key, while it is still wanted.
    """
    now = timezone.now()
    due = Payment.objects.filter(pk=payment_id, next_check_at__lte=now)
    if not due.update(next_check_at=now + RETRY_INTERVAL):
        return
    payment = Payment.objects.select_related("organisation", "method", "pack").get(pk=payment_id)
    if payment.status != Payment.Status.CREATED:
        _look_again(payment)
    elif now - payment.created_at > RETRY_FOR:
        settlement.fail(payment_id, "The gateway could not be reached in time.")
    elif payment.purpose == Payment.Purpose.AUTO_RELOAD:
        if auto_reload.is_on(payment.organisation_id):
            charge(payment)
        else:
            _charge_no_more(payment)


def _charge_no_more(payment: Payment) -> None:
    """Bring a charge up to what it came to if it was begun before its answer was lost; else end it."""
    gateway = gateways[payment.gateway]
    order = _order(payment, _customer(payment.gateway, payment.organisation_id), Links("", ""))
    release_connection()
    if snapshot := gateway.begun(order):
        settlement.apply(payment.id, snapshot, livemode=gateway.livemode)
    else:
        settlement.end_unbegun(payment.id, "Nothing was charged: auto-reload was off, or the organisation suspended.")


def _look_again(payment: Payment) -> None:
    """Settle, or end what its gateway has not told about for longer than anything takes there."""
    try:
        settle(payment.id)
    except GatewayError:
        if timezone.now() - payment.created_at <= settlement.PATIENCE_WITH_BANKS:
            raise
        settlement.lose_sight(payment.id)


def _check_gateway(organisation: Organisation) -> None:
    if not catalogue.can_be_paid(organisation):
        name = catalogue.gateway_for(organisation).capitalize()
        raise Refusal("payment_provider_error", f"Paying by {name} is not set up here yet. Write to us{at_support()}.")


def _inserted(payment: Payment) -> Payment:
    """Insert a payment, or return the one that has its idempotency key already."""
    try:
        with transaction.atomic():
            regions.check_still(payment)
            payment.save(force_insert=True)
    except IntegrityError:
        return Payment.objects.select_related("organisation", "pack").get(idempotency_key=payment.idempotency_key)
    return payment


def _open(payment: Payment, buyer: Buyer, links: Links) -> None:
    """Have the gateway open a purchase for the buyer as they are now: a first try may have failed on their details."""
    gateway = gateways[payment.gateway]
    release_connection()
    try:
        customer = _known_customer(gateway, buyer)
        checkout = gateway.open_checkout(_order(payment, customer, links))
    except GatewayError as error:
        refuse(payment.gateway, error)
    changes = {
        "status": Payment.Status.OPEN,
        "checkout_reference": checkout.reference,
        "checkout_url": checkout.url,
        "buyer": asdict(buyer),
        "keep_method": payment.keep_method,
        "next_check_at": timezone.now() + settlement.FIRST_CHECK,
    }
    Payment.objects.filter(pk=payment.pk, status=Payment.Status.CREATED).update(**changes)
    payment.refresh_from_db()


def _known_customer(gateway: Gateway, buyer: Buyer) -> str:
    """Return the gateway's reference of the buyer, whom it knows then as they are now."""
    known = GatewayCustomer.objects.filter(organisation_id=buyer.organisation_id, gateway=gateway.name).first()
    if known:
        gateway.update_customer(known.reference, buyer)
        return known.reference
    reference = gateway.make_customer(buyer)
    known, _ = GatewayCustomer.objects.get_or_create(
        organisation_id=buyer.organisation_id, gateway=gateway.name, defaults={"reference": reference}
    )
    return known.reference


def _customer(gateway: str, organisation_id: str) -> str:
    return GatewayCustomer.objects.get(organisation_id=organisation_id, gateway=gateway).reference


def _order(payment: Payment, customer: str, links: Links) -> Order:
    return Order(
        payment_id=payment.id,
        idempotency_key=payment.idempotency_key,
        customer=customer,
        currency=payment.currency,
        net_minor=payment.net_minor,
        tax_minor=payment.tax_minor,
        description=f"{payment.credits} Zupertry credits",
        return_url=links.return_url.format(payment=payment.id),
        cancel_url=links.cancel_url.format(payment=payment.id),
        keep_method=payment.keep_method,
        most_minor=auto_reload.MANDATE_LIMIT_MINOR if payment.keep_method else None,
    )
