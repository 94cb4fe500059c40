"""The exchange against the plain one, over all kinds of orders, rules and changes; and against its own journal."""

from collections import Counter
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from common.exchange.events import Refusal, RejectReason
from common.exchange.money import units_from_text
from tests.unit.exchange.desk import Desk
from tests.unit.exchange.pair import GROUPS, RULES, Pair, check_money

STEPS = 400


class ExchangeMachine(RuleBasedStateMachine):
    """Each step is a number from which its command is drawn, so that most commands meet something."""

    @initialize(rules=st.sampled_from(RULES), settles=st.booleans())
    def begin(self, rules, settles) -> None:  # type: ignore[no-untyped-def]
        self.pair = Pair(rules, settles)

    @rule(seed=st.integers(0, 2**32))
    def step(self, seed) -> None:  # type: ignore[no-untyped-def]
        self.pair.step(Random(seed))


ExchangeMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestExchange = ExchangeMachine.TestCase


@pytest.mark.parametrize("seed", range(24))
def test_long_runs(seed: int) -> None:
    random = Random(seed)
    pair = Pair(RULES[seed % len(RULES)], settles=seed % 4 == 0)
    for _ in range(STEPS):
        pair.step(random)


@pytest.mark.parametrize("seed", range(6))
def test_poor_accounts_are_refused_and_nothing_is_lost(seed: int) -> None:
    random, rich = Random(seed), Pair(RULES[seed % len(RULES)])
    poor = Desk("-1", "4.5", accounts="abcd", groups=GROUPS, **RULES[seed % len(RULES)])
    for account in "abcd":
        # All but so much that two or three orders take it.
        poor.exchange.ledger.accounts.credit(account, "USDT", -units_from_text("1000000") + 200_000)
        poor.exchange.ledger.accounts.credit(account, "ETH", -units_from_text("100") + 200_000)
    refused = 0
    for _ in range(STEPS):
        for command in rich.draw(random):
            before = poor.exchange.state_hash()
            events = poor.exchange.execute(command)
            refused += sum(getattr(event, "reason", "") == RejectReason.INSUFFICIENT_BALANCE for event in events)
            if len(events) == 1 and isinstance(events[0], Refusal):
                assert poor.exchange.state_hash() == before
            rich.both(command)
            check_money(poor.exchange, {"USDT": 800_000, "ETH": 800_000})
    assert refused


def test_the_draws_reach_everything() -> None:
    seen: Counter[str] = Counter()
    for seed in range(2 * len(RULES)):
        random, pair = Random(1_000 + seed), Pair(RULES[seed % len(RULES)])
        for _ in range(STEPS):
            pair.step(random)
        for event in pair.desk.journal:
            seen[f"{type(event).__name__} {getattr(event, 'reason', '')}".strip()] += 1
    rare = [
        "TradeExecuted", "OrderTriggered", "StopMoved", "PhaseChanged breaker", "PhaseChanged cascade",
        "PhaseChanged schedule", "OrderExpired self_trade", "OrderExpired reduce_only", "OrderExpired time_out",
        "OrderExpired would_take", "OrderExpired unfilled", "OrderAmended self_trade", "OrderAmended reduce_only",
        "OrderRejected would_take", "OrderRejected trigger_already_true", "OrderRejected outside_price_band",
        "OrderRejected market_halted", "OrderRejected market_post_only", "OrderRejected no_position_to_reduce",
        "OrderRejected duplicate_client_order_id", "AmendRejected would_take", "AmendRejected wrong_owner",
        "CancelRejected unknown_order", "BatchRejected would_take", "OrderExpired outside_price_band",
    ]  # fmt: skip
    assert [each for each in rare if not seen[each]] == []
