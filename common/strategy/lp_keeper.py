"""When the LP moves its ranges: edge-triggered, gated, and pure.

A trigger is a condition that has become true: there is no range yet ("open"), the inventory has drifted from where it
stood when the ranges were anchored ("inventory"), or the price has left all ranges ("out_of_range"). Each fires once
per crossing: it is armed again when its condition clears or when a move completes. A gate (interval, agreement with
the CeFi mid, gain above gas) only delays a trigger and does not use it up. A move that fails is offered again after a
pause that doubles each time.
"""

import msgspec

from common.strategy.lp_gain import estimate_gain
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan, PlanRules, plan_move
from common.strategy.lp_range import BPS, RangeModel, model_offsets, target_range

SECOND_NS = 10**9
OPEN, INVENTORY, OUT_OF_RANGE, COLLECT = "open", "inventory", "out_of_range", "collect"
_PAUSE_DOUBLINGS_MAX = 6


class KeeperRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds and gates.

    `deviation_fraction`: drift of the base owned, as a fraction of the ranges' base capacity, that triggers a move;
    below `clear_fraction` of it the trigger is armed again. `beyond_bps`: how far outside all ranges the price must
    be. `open_value_min`: what the wallet must hold, in quote, before the first range is opened. `mid_gap_bps_max`: no
    move while pool and CeFi mid differ by more. `gain_over_gas_min`: least ratio of the expected gain to gas; 0
    switches that gate off. The gain is `drift_cost_bps` of the drift's notional, which is what hedging it on the venues
    costs (hedge.md measures about 1.05 bps) and what ranges anchored and skewed anew let the pool's own flow undo; out
    of range it is also the change of expected fees over `gain_horizon_s`. `collect_interval_s` 0: only moves collect.
    """

    deviation_fraction: float = 0.25
    clear_fraction: float = 0.8
    beyond_bps: float = 10.0
    interval_s_min: float = 60.0
    mid_gap_bps_max: float = 15.0
    open_value_min: float = 0.0
    gain_over_gas_min: float = 1.0
    gain_horizon_s: float = 600.0
    drift_cost_bps: float = 1.0
    collect_interval_s: float = 3600.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        for name in ("deviation_fraction", "mid_gap_bps_max", "gain_horizon_s", "retry_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in (
            "beyond_bps",
            "interval_s_min",
            "gain_over_gas_min",
            "collect_interval_s",
            "open_value_min",
            "drift_cost_bps",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 <= self.clear_fraction < 1:
            raise ValueError(f"clear_fraction must lie in 0..1, got {self.clear_fraction}")


class KeeperState(msgspec.Struct, frozen=True, kw_only=True):
    """What the keeper remembers. `anchor_delta` is the base owned when the ranges were last anchored.

    `fired` are triggers used up for their present crossing. `busy`: a move is under way and nothing else may start.
    """

    anchor_delta: float = 0.0
    anchored_ns: int = 0
    collected_ns: int = 0
    fired: frozenset[str] = frozenset()
    busy: bool = False
    failures: int = 0
    retry_at_ns: int = 0


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What the keeper sees. `mid` is the CeFi price or None when it is absent or stale; `sigma` lognormal per sqrt(s);
    `reference` the base that we want to own; `fee_rate` quote per second and raw unit of liquidity, None = unknown;
    `gas_cost` of one move and of one collection in quote.
    """

    holdings: Holdings
    mid: float | None
    sigma: float
    reference: float
    fee_rate: float | None = None
    move_cost: float = 0.0
    collect_cost: float = 0.0


class MoveRanges(msgspec.Struct, frozen=True, kw_only=True):
    """Burn the old ranges and mint the new ones in one transaction, because of `trigger`."""

    trigger: str
    plan: MovePlan


class CollectFees(msgspec.Struct, frozen=True, kw_only=True):
    """Collect what is owed to all ranges and leave them standing."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The keeper's next state, what is to be done, and why a due trigger is held back ("" = nothing is held)."""

    state: KeeperState
    action: MoveRanges | CollectFees | None = None
    held: str = ""


class Keeper(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one LP; `decide` is a function of them and its arguments alone."""

    rules: KeeperRules
    model: RangeModel
    plan: PlanRules

    def decide(self, state: KeeperState, seen: Observation, now_ns: int) -> Decision:
        """At most one action. After one, `completed` or `failed` must be told before another can follow."""
        state = self._clear(state, seen.holdings)
        due = next((each for each in self._crossed(state, seen.holdings) if each not in state.fired), None)
        if state.busy or now_ns < state.retry_at_ns:
            return Decision(state=state)
        if due is None:
            return self._collect(state, seen, now_ns)
        if refusal := self._early_gate(state, seen, due, now_ns):
            return Decision(state=state, held=refusal)
        plan = self.draw(seen)
        if refusal := self._gain_gate(state, seen, plan, due):
            return Decision(state=state, held=refusal)
        fired = msgspec.structs.replace(state, busy=True, fired=state.fired | {due})
        return Decision(state=fired, action=MoveRanges(trigger=due, plan=plan))

    def draw(self, seen: Observation) -> MovePlan:
        """The move as it would be made now; needs a mid."""
        holdings = seen.holdings
        offsets = model_offsets(self.model, holdings.price, seen.sigma, holdings.delta - seen.reference)
        target = target_range(holdings.pair, holdings.price, offsets, self.model)
        return plan_move(holdings, target, seen.mid or holdings.price, self.plan)

    def _crossed(self, state: KeeperState, holdings: Holdings) -> list[str]:
        """Conditions that are true now, the most pressing first."""
        if not holdings.ranges:
            return [OPEN]
        crossed = []
        if self._beyond(holdings):
            crossed.append(OUT_OF_RANGE)
        if deviation(state, holdings) >= self.rules.deviation_fraction:
            crossed.append(INVENTORY)
        return crossed

    def _clear(self, state: KeeperState, holdings: Holdings) -> KeeperState:
        """Arm again what is no longer crossed. The inventory clears lower than it fires, so noise cannot rattle it."""
        standing = set(self._crossed(state, holdings))
        if deviation(state, holdings) >= self.rules.deviation_fraction * self.rules.clear_fraction:
            standing.add(INVENTORY)
        return msgspec.structs.replace(state, fired=state.fired & standing) if state.fired else state

    def _beyond(self, holdings: Holdings) -> bool:
        bounds = holdings.price_bounds
        slack = self.rules.beyond_bps / BPS
        return bounds is not None and not bounds[0] * (1 - slack) <= holdings.price <= bounds[1] * (1 + slack)

    def _early_gate(self, state: KeeperState, seen: Observation, due: str, now_ns: int) -> str:
        if due != OPEN and now_ns - state.anchored_ns < self.rules.interval_s_min * SECOND_NS:
            return f"{due}: less than {self.rules.interval_s_min:g} s since the last move"
        gate = self.price_gate(seen)
        return gate and f"{due}: {gate}"

    def price_gate(self, seen: Observation) -> str:
        """Why nothing may be sent whose amounts hang on the price, or ""."""
        if seen.mid is None:
            return "no fresh CeFi mid"
        gap_bps = abs(seen.holdings.price / seen.mid - 1) * BPS
        if gap_bps > self.rules.mid_gap_bps_max:
            return f"pool and CeFi mid differ by more than {self.rules.mid_gap_bps_max:g} bps"
        return ""

    def _gain_gate(self, state: KeeperState, seen: Observation, plan: MovePlan, due: str) -> str:
        if not plan.mints or (due == OPEN and seen.holdings.value < self.rules.open_value_min):
            return f"{due}: too little to mint"
        if due == OPEN or not self.rules.gain_over_gas_min:
            return ""
        drift = abs(seen.holdings.delta - state.anchor_delta) * seen.holdings.price
        gain = drift * self.rules.drift_cost_bps / BPS
        if due == OUT_OF_RANGE:
            # Only a range that earns nothing is moved for its fees. A drifted one is moved for its inventory: without a
            # swap the scarcer token limits the new range, so on fees alone staying would often look better.
            if seen.fee_rate is None:
                return f"{due}: fees not measured yet"
            horizon_s = self.rules.gain_horizon_s
            gain += estimate_gain(seen.holdings, plan, seen.fee_rate, seen.sigma, horizon_s).gain
        if gain < seen.move_cost * self.rules.gain_over_gas_min:
            return f"{due}: expected gain below gas"
        return ""

    def _collect(self, state: KeeperState, seen: Observation, now_ns: int) -> Decision:
        interval_ns = self.rules.collect_interval_s * SECOND_NS
        is_due = interval_ns and now_ns - max(state.collected_ns, state.anchored_ns) >= interval_ns
        if is_due and seen.holdings.ranges and seen.holdings.fees_value > seen.collect_cost:
            return Decision(state=msgspec.structs.replace(state, busy=True), action=CollectFees())
        return Decision(state=state)

    def completed(self, holdings: Holdings, now_ns: int) -> KeeperState:
        """After a move stands on the chain: anchored where we are now, every trigger armed."""
        return KeeperState(anchor_delta=holdings.delta, anchored_ns=now_ns, collected_ns=now_ns)

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


def deviation(state: KeeperState, holdings: Holdings) -> float:
    """Drift of the base owned since the ranges were anchored, as a fraction of the ranges' base capacity."""
    capacity = holdings.base_capacity
    return abs(holdings.delta - state.anchor_delta) / capacity if capacity else 0.0
