from collections.abc import Callable

from billing.gateways.base import Gateway
from billing.tests.gateways.stripe.purchases import failure
from zupertry.testing.stripe import StripeServer


def test_a_kept_method_is_looked_at(gateway: Gateway, kept: Callable[[str], str], customer: str) -> None:
    method = kept("declined_later")
    found = gateway.look_at_method(customer, method)
    assert (found.reference, found.last_four, found.usable, found.gone) == (method, "0341", True, False)


def test_a_method_that_was_removed_or_never_was_or_is_anothers_is_gone(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("succeeds")
    for owner, reference in (("cus_other", method), (customer, "pm_unknown")):
        found = gateway.look_at_method(owner, reference)
        assert (found.reference, found.usable, found.gone) == (reference, False, True)
    stripe.detach(method)
    assert gateway.look_at_method(customer, method).gone


def test_forgetting_a_method_twice_or_one_that_never_was_is_no_error(
    gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("succeeds")
    for reference in (method, method, "pm_unknown"):
        gateway.forget_method(customer, reference)
        assert gateway.look_at_method(customer, reference).gone


def test_a_method_is_not_taken_for_forgotten_when_stripe_is_down(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("succeeds")
    stripe.break_next(how="500")
    assert not failure(lambda: gateway.forget_method(customer, method)).permanent
    assert not gateway.look_at_method(customer, method).gone
