"""Payment methods that buyers chose to keep."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, organisations
from accounts.models import Organisation
from billing import auto_reload, catalogue, mails
from billing.gateways import base
from billing.gateways.base import GatewayError
from billing.gateways.registry import gateways, refuse
from billing.models import GatewayCustomer, Payment, PaymentMethod
from zupertry.core import ids
from zupertry.core.connections import release_connection
from zupertry.core.errors import Refusal

log = structlog.get_logger(__name__)

EXPIRY_NOTICE = timedelta(days=30)
Status = PaymentMethod.Status


def active(organisation: Organisation) -> list[PaymentMethod]:
    """Return an organisation's methods, the default first, then the oldest; pending and paused ones too."""
    return list(_kept(organisation.id).order_by("-is_default", "pk"))


def keep(payment: Payment, method: base.Method) -> None:
    """Keep what a payment was made with, in the caller's transaction. The first one becomes the default."""
    kept, _ = PaymentMethod.objects.update_or_create(
        gateway=payment.gateway,
        reference=method.reference,
        defaults=_fields(method, Status.PENDING),
        create_defaults={**_fields(method, Status.PENDING), "organisation_id": payment.organisation_id},
    )
    Payment.objects.filter(pk=payment.pk).update(method=kept)
    choose_default(payment.organisation_id)


@transaction.atomic
def make_default(organisation: Organisation, method_id: str, *, actor: str) -> None:
    """Charge this method from now on. Raises `Refusal` (`not_found`), also for one of another region's gateway."""
    organisations.lock(organisation)
    method = _find(organisation, method_id)
    if not _chargeable(organisation.id).filter(pk=method.pk).exists():
        raise Refusal("not_found", "This payment method is another region's, and can't be charged in yours.")
    _kept(organisation.id).filter(is_default=True).update(is_default=False)
    PaymentMethod.objects.filter(pk=method.pk).update(is_default=True)
    audit.record(organisation, actor, "payment_method.made_default", method.id)


def remove(organisation: Organisation, method_id: str, *, actor: str) -> bool:
    """Have the gateway forget a method, then forget it too. Returns whether that switched auto-reload off.

    Raises `Refusal`: `not_found`, `payment_provider_error`.
    """
    method = _find(organisation, method_id)
    customer = GatewayCustomer.objects.get(organisation=organisation, gateway=method.gateway)
    release_connection()
    try:
        gateways[method.gateway].forget_method(customer.reference, method.reference)
    except GatewayError as error:
        refuse(method.gateway, error)
    return _removed(method, actor=actor)


def choose_default(organisation_id: str) -> None:
    """Let one method that can be charged in the organisation's region be the default, in the caller's transaction.

    The one that is stays; else it is the oldest.
    """
    chargeable = _chargeable(organisation_id)
    _kept(organisation_id).filter(is_default=True).exclude(pk__in=chargeable).update(is_default=False)
    if chargeable.filter(is_default=True).exists():
        return
    oldest = chargeable.order_by("pk").first()
    if oldest:
        PaymentMethod.objects.filter(pk=oldest.pk).update(is_default=True)


def refresh(gateway: str, reference: str) -> None:
    """Look at a kept method anew and write down what it is now. One that we do not keep is left alone."""
    method = PaymentMethod.objects.filter(gateway=gateway, reference=reference).exclude(status=Status.REMOVED).first()
    if method is None:
        return
    customer = GatewayCustomer.objects.get(organisation_id=method.organisation_id, gateway=gateway)
    release_connection()
    seen = gateways[gateway].look_at_method(customer.reference, reference)
    if seen.gone:
        _removed(method, actor="system")
    else:
        waiting = Status.PENDING if method.status == Status.PENDING else Status.PAUSED
        known = PaymentMethod.objects.filter(pk=method.pk).exclude(status=Status.REMOVED)
        told = method.expiry_told_at if method.expires_on == seen.expires_on else None
        known.update(**_fields(seen, waiting), expiry_told_at=told)


def refresh_waiting() -> None:
    """Look at each method that can't be charged yet or just now, in case nobody told us that it can."""
    waiting = PaymentMethod.objects.filter(status__in=[Status.PENDING, Status.PAUSED]).order_by("pk")
    for gateway, reference in waiting.values_list("gateway", "reference"):
        try:
            refresh(gateway, reference)
        except GatewayError as error:
            log.warning("method_not_refreshed", gateway=gateway, error=error.message)


def tell_of_expiry() -> int:
    """Mail, once, about each method that ends within 30 days. Returns how many."""
    today = timezone.now().date()
    ending = PaymentMethod.objects.filter(
        status=Status.ACTIVE, expires_on__range=(today, today + EXPIRY_NOTICE), expiry_told_at=None
    )
    return sum(_told(method) for method in ending.order_by("pk")[:1_000])


@transaction.atomic
def _told(method: PaymentMethod) -> bool:
    if not PaymentMethod.objects.filter(pk=method.pk, expiry_told_at=None).update(expiry_told_at=timezone.now()):
        return False
    mails.method_expiring(method)
    return True


@transaction.atomic
def _removed(method: PaymentMethod, *, actor: str) -> bool:
    organisation = Organisation(pk=method.organisation_id)
    organisations.lock(organisation)
    known = PaymentMethod.objects.filter(pk=method.pk).exclude(status=Status.REMOVED)
    if not known.update(status=Status.REMOVED, is_default=False):
        return False
    audit.record(organisation, actor, "payment_method.removed", method.id)
    choose_default(method.organisation_id)
    if _chargeable(method.organisation_id).exists():
        return False
    return auto_reload.lose_method(method.organisation_id, actor=actor)


def _kept(organisation_id: str) -> QuerySet[PaymentMethod]:
    return PaymentMethod.objects.filter(organisation_id=organisation_id).exclude(status=Status.REMOVED)


def _chargeable(organisation_id: str) -> QuerySet[PaymentMethod]:
    """Select what the gateway of the organisation's present region keeps."""
    organisation = Organisation.objects.get(pk=organisation_id)
    return _kept(organisation_id).filter(gateway=catalogue.gateway_for(organisation))


def _find(organisation: Organisation, method_id: str) -> PaymentMethod:
    method = _kept(organisation.id).filter(pk=method_id).first() if ids.is_id("pm", method_id) else None
    if method is None:
        raise Refusal("not_found", "This payment method is not here any more.")
    return method


def _fields(method: base.Method, unusable: Status) -> dict[str, object]:
    return {
        "status": Status.ACTIVE if method.usable else unusable,
        "kind": method.kind,
        "brand": method.brand[:50],  # no bank's long name keeps its customer's credits back
        "last_four": method.last_four,
        "expires_on": method.expires_on,
        "most_minor": method.most_minor,
    }
