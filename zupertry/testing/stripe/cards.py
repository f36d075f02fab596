"""What a buyer may pay with on the fake's page, after Stripe's own test cards: https://docs.stripe.com/testing"""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["succeeds", "declines", "challenges", "processes"]


@dataclass(frozen=True, slots=True)
class Card:
    """`first` is what comes of paying at the checkout, `later` of any charge of the kept method."""

    label: str
    last_four: str
    first: Outcome
    later: Outcome
    kind: Literal["card", "us_bank_account"] = "card"


CARDS = {
    "succeeds": Card("Pay with 4242 4242 4242 4242 (succeeds)", "4242", "succeeds", "succeeds"),
    "declined": Card("Pay with a card that is declined", "0002", "declines", "declines"),
    "needs_authentication": Card("Pay with a card that needs authentication", "3155", "challenges", "succeeds"),
    "declined_later": Card("Pay with a card that is declined when charged later", "0341", "succeeds", "declines"),
    "needs_authentication_later": Card(
        "Pay with a card that needs authentication when charged later", "3184", "succeeds", "challenges"
    ),
    "bank_debit": Card("Pay by bank debit (settles later)", "6789", "processes", "processes", kind="us_bank_account"),
}
