"""Random deaths, reorganisations, refusals and commands at every record: always one position set, never a second."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.strategy.lp_records import CLOSE, COLLECT, REBALANCE, SagaEnded, StepBegun
from tests.unit.strategy.lp_saga_world import SECOND, START, Chain, Keeper, Killed, reborn

FAULTS = st.lists(
    st.one_of(
        st.sampled_from(["turn", "turn", "turn", "mine", "mine", "wait", "die", "fail", "gate", "swaps"]),
        st.tuples(st.just("dies in"), st.integers(1, 8)),
        st.tuples(st.just("undo"), st.integers(1, 6)),
        st.tuples(st.just("refuse"), st.sampled_from(["reverted", "unavailable", "fee_cap"])),
        st.tuples(st.just("command"), st.sampled_from(["open", "close"])),
        st.tuples(st.just("want"), st.sampled_from([REBALANCE, COLLECT])),
    ),
    min_size=10, max_size=120,
)  # fmt: skip


class Run:
    """A keeper through its lives."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.keeper = Keeper(self.chain, [])
        self.lives = 1

    def do(self, event: object) -> None:
        """One event, then everything that must hold at every moment."""
        try:
            self._do(event)
        except Killed:
            self.keeper = reborn(self.keeper)
            self.lives += 1
        self.check()

    def _do(self, event: object) -> None:
        keeper, chain = self.keeper, self.chain
        match event:
            case "turn":
                keeper.now_ns += SECOND
                keeper.turn()
            case "mine":
                chain.mine()
            case "wait":
                keeper.now_ns += 40 * SECOND
            case "die":
                raise Killed
            case "fail":
                chain.fails_next = True
            case "gate":
                keeper.gate = "" if keeper.gate else "no fresh CeFi mid"
            case "swaps":
                keeper.swaps = not keeper.swaps
            case ("dies in", int(records)):
                keeper.dies_in = records
            case ("undo", int(depth)):
                chain.undo(depth)
            case ("refuse", str(code)):
                keeper.refuses = code
            case ("command", str(action)):
                keeper.command(action)
            case ("want", str(intent)):
                keeper.wants = intent

    def check(self) -> None:
        """One position set at most, no token lost, no step twice."""
        state = self.chain.state
        assert len({key for key, _, _ in state.ranges.values()}) <= 1, f"two position sets: {state.ranges}"
        base = state.idle[0] + sum(each[1] for each in state.ranges.values())
        quote = state.idle[1] + sum(each[2] for each in state.ranges.values())
        assert 2 * base + quote == 2 * START[0] + START[1]
        assert max(Counter(self.keeper.submitted).values(), default=0) <= 1
        numbers = [each.step for each in self.keeper.records if isinstance(each, StepBegun)]
        assert numbers == list(range(1, len(numbers) + 1))

    def settle(self) -> None:
        """Nothing goes wrong any more."""
        self.keeper.dies_in, self.keeper.gate, self.keeper.refuses = -1, "", ""
        self.chain.fails_next = False
        for _ in range(60):
            self.do("wait")
            self.do("turn")
            self.do("mine")


@settings(max_examples=300, deadline=None)
@given(FAULTS)
def test_whatever_happens_it_ends_in_what_was_wanted(events: list[object]) -> None:
    run = Run()
    for event in events:
        run.do(event)
    run.settle()
    keeper, state = run.keeper, run.chain.state
    assert keeper.book.active is None and not keeper.book.pending and not run.chain.pool
    assert set(keeper.book.standing) == set(state.ranges)
    if keeper.book.wants_open:
        assert len(state.ranges) == 2
    else:
        assert not state.ranges and not any(state.allowances.values())


@pytest.mark.parametrize("intent", ["open", "rebalance", "rebalance by swap", "collect", "close"])
@pytest.mark.parametrize("undo", [0, 1, 3])
def test_a_death_at_any_record_of_any_intent_ends_as_if_it_had_not_been(intent: str, undo: int) -> None:
    for place in range(1, 60):
        run = Run()
        if intent != "open":
            run.settle()
        run.keeper.swaps = intent == "rebalance by swap"
        if intent == CLOSE:
            run.do(("command", "close"))
        elif intent != "open":
            run.do(("want", intent.partition(" ")[0]))
        run.keeper.dies_in = place
        for _ in range(20):
            run.do("turn")
            if run.lives == 2:
                break
            run.do("mine")
        if undo:
            run.do(("undo", undo))
        survived = run.lives == 1
        run.settle()
        ranges = run.chain.state.ranges
        assert len(ranges) == (0 if intent == CLOSE else 2), f"died at {place}"
        _assert_settlements_are_exact(run)
        if survived:
            return
    raise AssertionError("it never lived through it")


def _assert_settlements_are_exact(run: Run) -> None:
    ends = [each for each in run.keeper.records if isinstance(each, SagaEnded)]
    assert ends and ends[-1].settlement is not None and ends[-1].settlement.is_exact
