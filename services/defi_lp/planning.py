"""Steps as they would be planned now: what the saga decides from, and the call that carries a step out."""

from typing import Any, NamedTuple

from common.amm.position import Range
from common.chain.abi import Call
from common.chain.clmm import PositionState, Purpose
from common.model.errors import InvariantBroken, RequestRefused
from common.strategy.lp_book import Saga
from common.strategy.lp_holdings import Holdings, OwnedRange
from common.strategy.lp_keeper import Keeper
from common.strategy.lp_plan import MovePlan, PlannedBurn, plan_burns
from common.strategy.lp_pool import PoolView
from common.strategy.lp_records import (
    APPROVE,
    BASE,
    CLOSE,
    COLLECT,
    MANAGER,
    MINT,
    MOVE,
    QUOTE,
    REVOKE,
    ROUTER,
    SWAP,
    WITHDRAW,
)
from common.strategy.lp_saga import Act, SagaView
from common.strategy.lp_state import Observation
from services.defi_lp.calls import collect_call, move_call, swap_call, withdraw_call
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.contracts import Venue
from services.defi_lp.reading import Reading

SECOND_NS = 10**9
PURPOSES = {MANAGER: Purpose.LIQUIDITY, ROUTER: Purpose.SWAP}


class Drawn(NamedTuple):
    """The view that a saga decides from, and the plan behind it; no plan without a mid, or where none is needed."""

    view: SagaView
    plan: MovePlan | None


class Planner:
    """Plans of one LP at one venue."""

    def __init__(self, config: DefiLpConfig, venue: Venue, owner: str) -> None:
        self._config, self._venue, self._owner = config, venue, owner
        self.keeper = Keeper(rules=config.keeper, model=config.model, plan=config.plan)

    def draw(
        self, reading: Reading, seen: Observation, saga: Saga | None = None, intent: str = "",
        pool: PoolView | None = None,
    ) -> Drawn:  # fmt: skip
        """As things are now, for this saga; without one, for an intent that has not begun and the pool it would be for
        (absent: home).
        """
        intent = saga.begun.intent if saga else intent
        pool, plan = seen.pool(saga.begun.fee_ppm) if saga else pool, None
        price_gate = self.keeper.price_gate(seen, pool)
        if intent not in (CLOSE, COLLECT) and seen.mid is not None:
            still_swaps = saga is None or (saga.begun.swaps and not saga.has(SWAP) and not saga.swap_refused)
            plan = self.keeper.draw(seen, pool, swaps=still_swaps)
        closable = sum(bool(each.pool_id) for each in reading.strays) if intent == CLOSE else 0
        base, quote = plan.deposits(plan.pair) if plan else (0, 0)
        return Drawn(
            SagaView(
                block_number=reading.head.number, ranges=len(reading.holdings.ranges) + closable,
                allowances=self.allowances(reading), deposits=(base, quote), sells=_sells(plan),
                price_gate=price_gate.text if price_gate else "", gas_gate=self.gas_gate(reading),
            ),
            plan,
        )  # fmt: skip

    def call(self, act: Act, drawn: Drawn, reading: Reading, seen: Observation, now_ns: int) -> Call[Any]:
        """The transaction of a step. Raises InvariantBroken for a step that was decided without its plan."""
        at, deadline_s = self._venue.adapter, self._deadline_s(reading, now_ns)
        if act.kind in (APPROVE, REVOKE):
            return self._approval(act, drawn.view)
        if act.kind == COLLECT:
            return collect_call(at, reading.holdings, self._owner, deadline_s)
        if act.kind == WITHDRAW:
            return withdraw_call(at, self.burns(reading, seen), self._owner, deadline_s)
        plan = drawn.plan
        if plan is None:
            raise InvariantBroken(f"{act.kind} was decided without a plan")
        if act.kind == SWAP and plan.swap is not None:
            return swap_call(at, self.pool_id(plan.swap.pair.fee_ppm), plan.swap, self._owner, deadline_s)
        if act.kind in (MOVE, MINT):
            return move_call(at, self.pool_id(plan.pair.fee_ppm), plan, self._owner, deadline_s)
        raise InvariantBroken(f"no step of kind {act.kind} can be planned")

    def burns(self, reading: Reading, seen: Observation) -> tuple[PlannedBurn, ...]:
        """Every range out, of every pool that we know, under minimums that hang on the mid."""
        mid, rules = seen.mid or reading.holdings.price, self._config.plan
        burns = plan_burns(reading.holdings, mid, rules)
        for pool in reading.pools:
            strays = tuple(_owned(each) for each in reading.strays if each.pool_id == pool.pool_id)
            holdings = Holdings(
                pair=pool.pair, sqrt_price_x96=pool.sqrt_price_x96, tick=pool.tick, ranges=strays,
                idle_base=0, idle_quote=0,
            )  # fmt: skip
            burns += plan_burns(holdings, mid, rules)
        return burns

    def allowances(self, reading: Reading) -> dict[str, int]:
        """What both contracts may still take, by subject."""
        tokens = dict(zip((BASE, QUOTE), self._venue.tokens, strict=True))
        return {
            f"{token}:{spender}": reading.allowance(purpose, address)
            for spender, purpose in PURPOSES.items()
            for token, address in tokens.items()
        }

    def gas_gate(self, reading: Reading) -> str:
        """Why gas is too dear now, or ""."""
        policy = self._config.gas
        try:
            policy.check_cost(self._config.move_gas, policy.first_fees(reading.head.base_fee))
        except RequestRefused as refusal:
            return f"gas is too dear: {refusal.detail}"
        return ""

    def is_closed(self, reading: Reading) -> bool:
        """No range of ours stands in a pool that we know, and no contract may take anything."""
        ranges = reading.holdings.ranges or any(each.pool_id for each in reading.strays)
        return not ranges and not any(self.allowances(reading).values())

    def first_money_missing(self, reading: Reading) -> str:
        """What a wallet that never acted waits for before it does, or ""."""
        needed = self.gas_needed_wei(reading, closing=False)
        if reading.native_wei >= needed:
            return ""
        return f"the wallet waits for its first native coin: it has {reading.native_wei} wei of {needed}"

    def gas_needed_wei(self, reading: Reading, closing: bool) -> int:
        """What the node wants to see in the wallet before it takes the next transaction."""
        policy = self._config.gas
        gas = self._config.collect_gas if closing else self._config.move_gas
        return gas * min(2 * reading.head.base_fee + policy.tip_wei, policy.fee_max_wei)

    def pool_id(self, fee_ppm: int) -> str:
        """The candidate pool of a fee tier."""
        return next(name for name, pair in self._venue.adapter.pools.items() if pair.fee_ppm == fee_ppm)

    def _approval(self, act: Act, view: SagaView) -> Call[Any]:
        token, spender = act.subject.split(":")
        amount = 0
        if act.kind == APPROVE:
            needed = view.sells[1] if spender == ROUTER and view.sells else view.deposits[token == QUOTE]
            # Moves come again; of a swap only the drift of the price until it is sent must be covered.
            amount = needed * (2 if spender == ROUTER else self._config.approval_multiple)
        address = self._venue.tokens[token == QUOTE]
        (call,) = self._venue.adapter.approve(PURPOSES[spender], address, amount)
        return call

    def _deadline_s(self, reading: Reading, now_ns: int) -> int:
        # A chain that only mines on demand shows an old time until its next block; its next block has ours.
        return max(reading.head.timestamp_s, now_ns // SECOND_NS) + self._config.deadline_s


def _sells(plan: MovePlan | None) -> tuple[str, int] | None:
    if plan is None or plan.swap is None:
        return None
    return (BASE if plan.swap.token_in_is_base else QUOTE), plan.swap.amount_in


def _owned(position: PositionState) -> OwnedRange:
    return OwnedRange(
        key=f"nft-{position.position_id}", token_id=position.position_id,
        range=Range(position.tick_lower, position.tick_upper, position.liquidity),
    )  # fmt: skip
