"""The exchange against the plain one, over all kinds of orders, rules and changes; and against its own journal."""

from collections import Counter
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.unit.exchange.pair import RULES, Pair

STEPS = 400


class ExchangeMachine(RuleBasedStateMachine):
    """Each step is a number from which its command is drawn, so that most commands meet something."""

    @initialize(rules=st.sampled_from(RULES))
    def begin(self, rules) -> None:  # type: ignore[no-untyped-def]
        self.pair = Pair(rules)

    @rule(seed=st.integers(0, 2**32))
    def step(self, seed) -> None:  # type: ignore[no-untyped-def]
        self.pair.step(Random(seed))


ExchangeMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestExchange = ExchangeMachine.TestCase


@pytest.mark.parametrize("seed", range(24))
def test_long_runs(seed: int) -> None:
    random = Random(seed)
    pair = Pair(RULES[seed % len(RULES)])
    for _ in range(STEPS):
        pair.step(random)


def test_the_draws_reach_everything() -> None:
    seen: Counter[str] = Counter()
    for seed, rules in enumerate(RULES):
        random, pair = Random(1_000 + seed), Pair(rules)
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
