"""Any order of everything that happens to credits, against a model of a few lines: the ledger agrees, always."""

from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Organisation
from billing import auto_reload, cancelling, catalogue, ledger, mails, payments, reloads, replay
from billing.gateways.base import GatewayError, MoneyBack, State
from billing.models import AutoReload, Payment
from zupertry.bootstrap import bootstrap
from zupertry.core import ids
from zupertry.core.errors import Refusal
from zupertry.testing.memory_gateway import MemoryGateway, memory_gateway
from zupertry.testing.money import give_details

LINKS = payments.Links("https://shop.example.com/{payment}", "https://shop.example.com/")

ENDS = st.sampled_from([State.PAID, State.PAID, *State])
KINDS = st.sampled_from(["refund", "dispute"])


class Crash(Exception):
    """The process dies."""


class MoneyMachine(RuleBasedStateMachine):
    """One organisation with a gateway in memory. `available` and `reserved` are what the model expects."""

    gateway: MemoryGateway
    begun: Bundle[str] = Bundle("begun")
    backs: Bundle[tuple[str, MoneyBack]] = Bundle("backs")

    def __init__(self) -> None:
        super().__init__()
        made = bootstrap("Model & Co", f"{ids.new('m')}@example.com", "password", "EU", "starter", 3)
        self.organisation = Organisation.objects.get(pk=made.org_id)
        give_details(self.organisation)
        self.available, self.reserved = 3, 0
        self.credited: set[str] = set()
        self.gone: dict[str, dict[str, tuple[int, int]]] = {}
        self.gateway.lose_answers, self.gateway.charges_end = 0, State.PAID

    @rule(target=begun, pack=st.integers(0, 2), keep=st.booleans(), lost=st.booleans(), end=ENDS)
    def buy(self, pack: int, keep: bool, lost: bool, end: State) -> str:
        """A buyer goes to the gateway; where its answer is lost, the same form is sent again."""
        self.gateway.lose_answers, token = int(lost), ids.new("form")
        if lost:
            with pytest.raises(Refusal) as refusal:
                self._begin(pack, token, keep)
            assert refusal.value.code == "payment_provider_error"
        payment_id = self._begin(pack, token, keep)
        self.the_gateway_decides(payment_id, end, looks=1)
        return payment_id

    @rule(payment_id=begun, state=ENDS, looks=st.integers(0, 3))
    def the_gateway_decides(self, payment_id: str, state: State, looks: int) -> None:
        """What is paid stays paid; all else may change. Anybody looks at any time, any number of times."""
        if self.gateway.payments[payment_id].state != State.PAID:
            self.gateway.end(payment_id, state)
        self._look(payment_id, looks)

    @rule(payment_id=begun)
    def the_buyer_cancels(self, payment_id: str) -> None:
        """What is paid by then is credited, and what is undecided is ended or left."""
        payment = Payment.objects.get(pk=payment_id)
        with suppress(Refusal):
            cancelling.cancel(payment, actor="user:1")
        if payment.waits_for_buyer:
            self._expect_settled(payment_id)

    @rule(payment_id=begun)
    def it_crashes_in_the_middle(self, payment_id: str) -> None:
        """Whatever the transaction did is undone, and the next look does it all."""
        with pytest.MonkeyPatch.context() as patched, suppress(Crash):
            for step in ("receipt", "payment_reversed", "payment_reinstated"):
                patched.setattr(mails, step, _crash)
            payments.settle(payment_id)
            self._expect_settled(payment_id)

    @rule(payment_id=begun)
    def the_gateway_is_away(self, payment_id: str) -> None:
        self.gateway.lose_answers = 1
        with pytest.raises(GatewayError):
            payments.settle(payment_id)

    @rule(target=backs, payment_id=begun, kind=KINDS, permille=st.integers(1, 1_000), looks=st.integers(0, 2))
    def money_goes_back(self, payment_id: str, kind: str, permille: int, looks: int) -> Any:
        if self.gateway.payments[payment_id].state != State.PAID:
            return multiple()
        amount = max(1, self.gateway.payments[payment_id].amount_minor * permille // 1_000)
        back = MoneyBack(kind, ids.new("back"), amount, standing=True, created_at=timezone.now())
        self.gateway.take_back(payment_id, back)
        self._look(payment_id, looks)
        return (payment_id, back)

    @rule(back=consumes(backs), looks=st.integers(0, 2))
    def it_comes_to_nothing(self, back: tuple[str, MoneyBack], looks: int) -> None:
        """A refund fails, a dispute is won: before or after we looked."""
        self.gateway.take_back(back[0], replace(back[1], standing=False))
        self._look(back[0], looks)

    @rule(end=st.sampled_from([None, "capture", "release"]))
    def a_job(self, end: str | None) -> None:
        job_id = ids.new("job")
        if self.available < 1:
            with pytest.raises(Refusal, match="credits"):
                ledger.hold(self.organisation.id, job_id, actor="key:1")
            return
        ledger.hold(self.organisation.id, job_id, actor="key:1")
        self.available -= 1
        if end == "capture":
            ledger.capture(self.organisation.id, job_id)
        elif end == "release":
            ledger.release(self.organisation.id, job_id)
            self.available += 1
        else:
            self.reserved += 1

    @rule(threshold=st.integers(1, 5_000))
    def switch_auto_reload_on(self, threshold: int) -> None:
        pack = catalogue.offer(self.organisation)[0]
        usable = auto_reload.usable_method(self.organisation.id)
        with nullcontext() if usable else pytest.raises(Refusal, match="saved payment method"):
            auto_reload.switch_on(
                self.organisation, pack=pack, threshold=threshold, monthly_cap_minor=10**9, actor="user:1"
            )

    @rule(target=begun, end=ENDS, lost=st.booleans())
    def auto_reload_may_run(self, end: State, lost: bool) -> Any:
        """However often it is woken, and whether or not the answer arrives, it is at most one charge an hour."""
        AutoReload.objects.filter(pk=self.organisation.id).update(claimed_at=timezone.now() - timedelta(hours=2))
        self.gateway.charges_end, self.gateway.lose_answers = end, int(lost)
        before = set(self.gateway.payments)
        for _ in range(3):
            reloads.run(self.organisation.id)
        self.gateway.lose_answers = 0
        charged = set(self.gateway.payments) - before
        assert len(charged) <= 1
        for payment_id in charged:
            Payment.objects.filter(pk=payment_id).update(next_check_at=timezone.now())
            payments.follow_up(payment_id)
            self._expect_settled(payment_id)
        return multiple(*charged)

    @invariant()
    def the_account_is_what_the_model_says(self) -> None:
        account = ledger.balance(self.organisation.id)
        assert (account.available, account.reserved) == (self.available, self.reserved)

    @invariant()
    def the_ledger_explains_every_account(self) -> None:
        assert replay.differences() == []

    def _begin(self, pack: int, token: str, keep: bool) -> str:
        offered = catalogue.offer(self.organisation)[pack]
        return payments.begin(self.organisation, offered, token=token, actor="user:1", keep_method=keep, links=LINKS).id

    def _look(self, payment_id: str, times: int) -> None:
        for _ in range(times):
            payments.settle(payment_id)
            self._expect_settled(payment_id)

    def _expect_settled(self, payment_id: str) -> None:
        """What is paid is credited once, less what went back by its share."""
        snapshot, payment = self.gateway.payments[payment_id], Payment.objects.get(pk=payment_id)
        self.organisation.refresh_from_db()
        if snapshot.state != State.PAID:
            return
        if payment_id not in self.credited:
            self.credited.add(payment_id)
            self.available += payment.credits
        for back in sorted(snapshot.money_back, key=lambda back: (back.created_at, back.reference)):
            self._expect_back(payment, back)

    def _expect_back(self, payment: Payment, back: MoneyBack) -> None:
        """Credits go in proportion to money, all for all, and come back as they went."""
        gone = self.gone.setdefault(payment.id, {})
        if back.standing and back.reference not in gone:
            taken = sum(credits_ for _, credits_ in gone.values())
            gone[back.reference] = (back.amount_minor, 0)
            gone[back.reference] = (back.amount_minor, self._due(payment, gone) - taken)
            self.available -= gone[back.reference][1]
        elif not back.standing and back.reference in gone:
            taken = gone.pop(back.reference)[1]
            left = min(taken, self._due(payment, gone) - sum(credits_ for _, credits_ in gone.values()))
            if left > 0:  # what still stands keeps what is its own
                heir = list(gone)[-1]
                gone[heir] = (gone[heir][0], gone[heir][1] + left)
            self.available += taken - max(0, left)

    @staticmethod
    def _due(payment: Payment, gone: dict[str, tuple[int, int]]) -> int:
        money = Fraction(sum(amount for amount, _ in gone.values()), payment.amount_minor)
        return floor(min(Fraction(1), money) * payment.credits + Fraction(1, 2))


def _crash(*_: object) -> None:
    raise Crash


@pytest.mark.django_db
def test_the_ledger_agrees_whatever_happens_in_whatever_order():
    with memory_gateway() as gateway:
        MoneyMachine.gateway = gateway
        run_state_machine_as_test(
            MoneyMachine,
            settings=settings(
                max_examples=20,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            ),
        )
