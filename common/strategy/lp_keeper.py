"""When the LP moves its ranges: edge-triggered, gated, and pure.

A trigger (lp_triggers.py) is a condition that has become true: there is no range yet, the inventory has drifted, the
price has left all ranges, volatility has another regime, the ranges are old, or another fee tier pays better. Each
fires once per crossing. A gate (lp_gates.py, and here those that need a plan) only delays a trigger and does not use
it up. A move that fails is offered again after a pause that doubles each time.
"""

import msgspec

from common.strategy.lp_gain import Outlook, planned_ranges, standing_ranges
from common.strategy.lp_gates import Held, HoldCode, gas_gate, price_gate
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan, PlanRules, plan_move, tokens_in_hand
from common.strategy.lp_pool import PoolView
from common.strategy.lp_range import BPS, RangeModel, RangeTarget, model_offsets, target_range
from common.strategy.lp_rules import KeeperRules
from common.strategy.lp_state import KeeperState, Observation
from common.strategy.lp_swap import Hand, plan_swap
from common.strategy.lp_tiers import TierYield, better_tier, tier_yield
from common.strategy.lp_triggers import FEE_TIER, INVENTORY, OPEN, OUT_OF_RANGE, crossed, standing, tier_stands

SECOND_NS = 10**9
COLLECT = "collect"
_PAUSE_DOUBLINGS_MAX = 6


class MoveRanges(msgspec.Struct, frozen=True, kw_only=True):
    """Burn the old ranges and mint the new ones, because of `trigger`. Without a swap it is one transaction; with one
    the plan shows what is expected, and every step is drawn anew when its time comes.
    """

    trigger: str
    plan: MovePlan


class CollectFees(msgspec.Struct, frozen=True, kw_only=True):
    """Collect what is owed to all ranges and leave them standing."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The keeper's next state, what is to be done, and what is `due` but `held` back, if anything is."""

    state: KeeperState
    action: MoveRanges | CollectFees | None = None
    due: str = ""
    held: Held | None = None

    @property
    def reason(self) -> str:
        """The hold in words; "" = nothing is held."""
        return f"{self.due}: {self.held.text}" if self.held else ""


class Keeper(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one LP; `decide` is a function of them and its arguments alone."""

    rules: KeeperRules
    model: RangeModel
    plan: PlanRules

    def decide(self, state: KeeperState, seen: Observation, now_ns: int) -> Decision:
        """At most one action. After one, `completed` or `failed` must be told before another can follow."""
        state = self._watch_tiers(self._clear(_anchor_sigma(state, seen), seen, now_ns), seen, now_ns)
        due = next((each for each in crossed(self.rules, state, seen, now_ns) if each not in state.fired), None)
        if state.busy or now_ns < state.retry_at_ns:
            return Decision(state=state)
        if due is None:
            return self._collect(state, seen, now_ns)
        pool = self.destination(state, seen, now_ns)
        if refusal := self._early_gate(state, seen, pool, due, now_ns):
            return Decision(state=state, due=due, held=refusal)
        plan = self.draw(seen, pool)
        if refusal := self._gain_gate(state, seen, pool, plan, due):
            return Decision(state=state, due=due, held=refusal)
        fired = msgspec.structs.replace(state, busy=True, fired=state.fired | {due})
        return Decision(state=fired, action=MoveRanges(trigger=due, plan=plan))

    def draw(self, seen: Observation, pool: PoolView | None = None, *, swaps: bool = True) -> MovePlan:
        """The move as it would be made now, into `pool` (absent: where our ranges stand); amounts hang on the mid.

        `swaps` False leaves a sale out even where the rules ask for one: nothing is left to sell after a sale.
        """
        pool = pool or seen.home
        mid = seen.mid or pool.price
        offsets = model_offsets(self.model, pool.price, seen.sigma, seen.holdings.delta - seen.reference)
        target = target_range(pool.pair, pool.price, offsets, self.model, seen.sigma)
        plain = plan_move(seen.holdings, target, mid, self.plan, pool)
        return (self._with_sale(seen, pool, target, plain) if swaps and self.plan.swap.enabled else None) or plain

    def destination(self, state: KeeperState, seen: Observation, now_ns: int) -> PoolView:
        """Where a move would go: the tier that has long been better, or the best one if no range stands; else home."""
        if not self.rules.tiers.enabled or not seen.pools:
            return seen.home
        if not seen.holdings.ranges:
            best = max(self.yields(seen), key=lambda each: each.net, default=None)
            return (best and seen.pool(best.fee_ppm)) or seen.home
        return (tier_stands(self.rules, state, now_ns) and seen.pool(state.better_ppm)) or seen.home

    def price_gate(self, seen: Observation, pool: PoolView | None = None) -> Held | None:
        """Why nothing may be sent now whose amounts hang on the prices of our pool and of `pool`, or None."""
        home = [seen.home] if seen.holdings.ranges or pool is None else []
        away = [pool] if pool and (pool.pair != seen.home.pair or not home) else []
        return price_gate(self.rules, [*home, *away], seen.mid)

    def yields(self, seen: Observation) -> list[TierYield]:
        """The expected yield of each pool that was measured and is near the mid, were everything moved there now."""
        found = []
        for pool in seen.pools:
            reach_bps = self.rules.mid_gap_bps_max + pool.pair.fee_ppm / 100
            if seen.mid is not None and abs(pool.price / seen.mid - 1) * BPS <= reach_bps:
                plan = self.draw(seen, pool, swaps=False)
                each = tier_yield(pool, seen.holdings, plan, seen.sigma, seen.move_cost, self.rules.tiers)
                found += [each] if each else []
        return found

    def income_gain(self, seen: Observation, pool: PoolView, plan: MovePlan, *, gross: bool) -> float | None:
        """Change of expected income by the plan; None before fees were measured.

        Net of LVR, so that wider ranges win when volatility outgrows the fees. Out of range it is gross: there the
        question is when to come back, and not whether providing liquidity pays at all.
        """
        if seen.home.fee_rate is None or pool.fee_rate is None:
            return None
        now, then = (self._outlook(each, each.fee_rate or 0.0, seen.sigma) for each in (seen.home, pool))
        if not gross:
            now, then = now.net_of_lvr(), then.net_of_lvr()
        return then.income(planned_ranges(plan)) - now.income(standing_ranges(seen.holdings))

    def completed(self, holdings: Holdings, now_ns: int, sigma: float = 0.0) -> KeeperState:
        """After a move stands on the chain: anchored where we are now, every trigger armed."""
        return KeeperState(
            anchor_delta=holdings.delta, anchor_sigma=sigma, anchored_ns=now_ns, collected_ns=now_ns
        )  # fmt: skip

    def collected(self, state: KeeperState, now_ns: int) -> KeeperState:
        """After fees were collected: the anchor and the triggers stay."""
        return msgspec.structs.replace(state, busy=False, collected_ns=now_ns, failures=0, retry_at_ns=0)

    def failed(self, state: KeeperState, now_ns: int) -> KeeperState:
        """After a move was refused or reverted: its crossing still stands, so it is offered again after a pause."""
        pause_s = self.rules.retry_s * 2 ** min(state.failures, _PAUSE_DOUBLINGS_MAX)
        return msgspec.structs.replace(
            state, busy=False, fired=frozenset(), failures=state.failures + 1,
            retry_at_ns=now_ns + int(pause_s * SECOND_NS),
        )  # fmt: skip

    def _clear(self, state: KeeperState, seen: Observation, now_ns: int) -> KeeperState:
        """Arm again what has cleared."""
        if not state.fired:
            return state
        return msgspec.structs.replace(state, fired=state.fired & standing(self.rules, state, seen, now_ns))

    def _watch_tiers(self, state: KeeperState, seen: Observation, now_ns: int) -> KeeperState:
        """Remember since when which other tier has been better. Without a mid nothing can be compared."""
        if not self.rules.tiers.enabled or len(seen.pools) < 2 or seen.mid is None or not seen.holdings.ranges:
            return state
        better = better_tier(self.yields(seen), seen.holdings.pair.fee_ppm, self.rules.tiers.margin)
        ppm = better.fee_ppm if better else 0
        if ppm == state.better_ppm:
            return state
        return msgspec.structs.replace(state, better_ppm=ppm, better_since_ns=now_ns)

    def _with_sale(self, seen: Observation, pool: PoolView, target: RangeTarget, plain: MovePlan) -> MovePlan | None:
        """The plan with a sale of its surplus, if that earns more over the horizon than it costs.

        It costs the pool's fee, the price impact, the hedge of the inventory's jump, and the gas of more transactions.
        """
        if seen.mid is None or pool.fee_rate is None:
            return None
        rules, hand = self.plan.swap, tokens_in_hand(seen.holdings, self.plan.drift_bps)
        ticks, liquidity = target.base_ticks(pool.pair), pool.liquidity_of_others(seen.holdings)
        swap = plan_swap(pool.pair, liquidity, ticks, Hand(pool.sqrt_price_x96, *hand), seen.mid, rules)
        if swap is None:
            return None
        plan = plan_move(seen.holdings, target, seen.mid, self.plan, pool, swap)
        outlook = self._outlook(pool, pool.fee_rate, seen.sigma).net_of_lvr()
        gain = outlook.income(planned_ranges(plan)) - outlook.income(planned_ranges(plain))
        jump = abs(swap.base_change) * seen.mid * rules.jump_cost_bps / BPS
        return plan if gain > swap.cost + jump + seen.swap_cost else None

    def _early_gate(self, state: KeeperState, seen: Observation, pool: PoolView, due: str, now_ns: int) -> Held | None:
        if due != OPEN and now_ns - state.anchored_ns < self.rules.interval_s_min * SECOND_NS:
            return Held(HoldCode.INTERVAL, f"less than {self.rules.interval_s_min:g} s since the last move")
        if refusal := self.price_gate(seen, pool):
            return refusal
        return gas_gate(self.rules, seen.gas_price_gwei, seen.move_cost, seen.gas_budget_left)

    def _gain_gate(
        self, state: KeeperState, seen: Observation, pool: PoolView, plan: MovePlan, due: str
    ) -> Held | None:
        if not plan.mints or (due == OPEN and seen.holdings.value < self.rules.open_value_min):
            return Held(HoldCode.TOO_LITTLE, "too little to mint")
        if due == OPEN or not self.rules.gain_over_gas_min:
            return None
        drift = abs(seen.holdings.delta - state.anchor_delta) * seen.holdings.price
        gain = drift * self.rules.drift_cost_bps / BPS
        if due == FEE_TIER:
            nets = {each.fee_ppm: each.net for each in self.yields(seen)}
            ahead = nets.get(pool.pair.fee_ppm, 0.0) - nets.get(seen.home.pair.fee_ppm, 0.0)
            gain += ahead * self.rules.tiers.payback_s
        elif due != INVENTORY:
            # A drifted range is moved for its inventory: without a swap the scarcer token limits the new range, so on
            # income alone staying would often look better.
            if (income := self.income_gain(seen, pool, plan, gross=due == OUT_OF_RANGE)) is None:
                return Held(HoldCode.FEES_UNMEASURED, "fees not measured yet")
            gain += income
        if gain < seen.move_cost * self.rules.gain_over_gas_min:
            return Held(HoldCode.GAIN_BELOW_GAS, "expected gain below gas")
        return None

    def _outlook(self, pool: PoolView, fee_rate: float, sigma: float) -> Outlook:
        return Outlook(
            pair=pool.pair, price=pool.price, rate=fee_rate, sigma=sigma, horizon_s=self.rules.gain_horizon_s
        )

    def _collect(self, state: KeeperState, seen: Observation, now_ns: int) -> Decision:
        interval_ns = self.rules.collect_interval_s * SECOND_NS
        is_due = interval_ns and now_ns - max(state.collected_ns, state.anchored_ns) >= interval_ns
        if not is_due or not seen.holdings.ranges or seen.holdings.fees_value <= seen.collect_cost:
            return Decision(state=state)
        if refusal := gas_gate(self.rules, seen.gas_price_gwei, seen.collect_cost, seen.gas_budget_left):
            return Decision(state=state, due=COLLECT, held=refusal)
        return Decision(state=msgspec.structs.replace(state, busy=True), action=CollectFees())


def _anchor_sigma(state: KeeperState, seen: Observation) -> KeeperState:
    """A volatility to compare with, where the last anchor did not leave one."""
    if state.anchor_sigma or not seen.holdings.ranges:
        return state
    return msgspec.structs.replace(state, anchor_sigma=seen.sigma)
