"""Where an organisation is billed. Another region may be another currency and another gateway."""

from django.db import transaction

from accounts import audit, organisations
from accounts.models import Organisation, Region
from billing import auto_reload, cancelling, methods
from billing.models import Payment
from zupertry.core.errors import Refusal


@transaction.atomic
def move(organisation: Organisation, region: Region, *, actor: str, reason: str) -> bool:
    """Bill an organisation in another region from now on. False: it is billed there already.

    Auto-reload is switched off: its pack and cap are in the currency of before. Payment methods stay with the gateway
    that keeps them; those of another gateway are charged no more, until the organisation moves back.
    Raises `Refusal` (`validation_error`) while a payment is under way.
    """
    organisations.lock(organisation)
    before = Organisation.objects.values_list("region", flat=True).get(pk=organisation.pk)
    if before == region:
        return False
    # Before payments are looked for: a reload that is charging holds this row until its payment can be seen.
    auto_reload.switch_off(organisation, actor=actor)
    if cancelling.is_under_way(organisation):
        raise Refusal("validation_error", cancelling.UNDER_WAY)
    Organisation.objects.filter(pk=organisation.pk).update(region=region)
    methods.choose_default(organisation.id)
    audit.record(
        organisation,
        actor,
        "organisation.region_changed",
        organisation.id,
        reason=reason,
        before=before,
        after=region.value,
    )
    return True


def check_still(payment: Payment) -> None:
    """Make a move to another region, or a deletion, wait for this payment, in the transaction that inserts it.

    Raises `Refusal` (`validation_error`) if the organisation has moved since the payment was thought of, or is to be
    deleted.
    """
    organisation = Organisation(pk=payment.organisation_id)
    organisations.lock(organisation)
    organisations.check_stays(organisation)
    now = Organisation.objects.values_list("region", flat=True).get(pk=organisation.pk)
    if now != payment.organisation.region:
        raise Refusal("validation_error", "Where you are billed has changed. Load the page again to see the prices.")
