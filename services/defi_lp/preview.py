"""What a command would send now, to the byte; nothing is written down and nothing is sent."""

from common.amm.liquidity import amounts_to_mint
from common.amm.pair import Pair
from common.chain.node import Node
from common.messages import LpPlannedCall, LpPlannedRange, LpPreviewed
from common.model.errors import RequestRefused
from common.strategy.lp_plan import MovePlan, PlannedBurn, PlannedMint
from common.strategy.lp_records import CLOSE, COLLECT, MINT, MOVE, OPEN, REBALANCE
from common.strategy.lp_saga import Act, SagaView, plan
from common.strategy.lp_state import Observation
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.keeping import Keeping
from services.defi_lp.planning import Drawn
from services.defi_lp.publication import WEI_PER_ETHER
from services.defi_lp.reading import Reading

APPROVE_GAS, SWAP_GAS = 60_000, 200_000
"""Where the node cannot estimate, because the step hangs on one before it."""


class Previewer:
    """Draws what the keeper would do, from the same plans, and asks the node what it would cost."""

    def __init__(self, config: DefiLpConfig, node: Node, owner: str) -> None:
        self._config, self._node, self._owner = config, node, owner

    async def preview(self, action: str, keeping: Keeping, reading: Reading, now_ns: int) -> LpPreviewed:
        """Raises RequestRefused ("invalid") for what is no command, and PeerUnavailable."""
        refusal = ""
        try:
            keeping.desk.check(action, reading)
        except RequestRefused as error:
            if error.code == "invalid":
                raise
            refusal = error.detail
        seen = keeping.observe(reading, now_ns)
        intent = action if action in (OPEN, REBALANCE, COLLECT, CLOSE) else ""
        drawn = keeping.planner.draw(reading, seen, intent=intent, pool=keeping.destination(seen, now_ns))
        burns = keeping.planner.burns(reading, seen) if intent in (CLOSE, REBALANCE) else ()
        steps = self._steps(intent, reading, drawn)
        calls = [await self._call(each, drawn, keeping, reading, seen, now_ns) for each in steps]
        gas_price = reading.head.base_fee + self._config.gas.tip_wei
        cost = sum(each.gas for each in calls) * gas_price / WEI_PER_ETHER
        move = drawn.plan if intent in (OPEN, REBALANCE) else None
        target = move.target if move else None
        return LpPreviewed(
            action=action, refusal=refusal, gates=self._gates(intent, keeping, drawn, move), steps=steps,
            block_number=reading.head.number, price=reading.holdings.price, mid=seen.mid or 0.0,
            price_lower_asked=target.price_lower_asked if target else 0.0,
            price_upper_asked=target.price_upper_asked if target else 0.0,
            price_lower=target.price_lower if target else 0.0, price_upper=target.price_upper if target else 0.0,
            burns=[_burned(reading, each) for each in burns],
            mints=[_minted(reading, move, each) for each in move.mints] if move else [],
            calls=calls, gas_price_wei=str(gas_price), gas_cost_native=cost,
            gas_cost_quote=cost * (seen.mid or reading.holdings.price), gain_quote=_gain(keeping, seen, move, intent),
        )  # fmt: skip

    def _steps(self, intent: str, reading: Reading, drawn: Drawn) -> list[str]:
        if not intent or (intent == OPEN and reading.holdings.ranges):
            return []
        if intent in (COLLECT, REBALANCE) and not reading.holdings.ranges:
            return []
        if intent in (OPEN, REBALANCE) and (drawn.plan is None or not drawn.plan.mints):
            return []
        return list(plan(intent, drawn.view, drawn.plan is not None and drawn.plan.swap is not None))

    def _gates(self, intent: str, keeping: Keeping, drawn: Drawn, move: MovePlan | None) -> list[str]:
        view: SagaView = drawn.view
        gates = [f"{alarm.reason}: {alarm.detail}"] if (alarm := keeping.alarm) else []
        if intent in (OPEN, REBALANCE, CLOSE) and view.price_gate:
            gates.append(view.price_gate)
        if intent and view.gas_gate:
            gates.append(view.gas_gate)
        if move and not move.mints:
            gates.append("too little to mint")
        if intent and keeping.book.active:
            gates.append(f"{keeping.book.active.begun.intent} is under way")
        return gates

    async def _call(
        self, step: str, drawn: Drawn, keeping: Keeping, reading: Reading, seen: Observation, now_ns: int
    ) -> LpPlannedCall:
        kind, _, subject = step.partition(" ")
        if kind == MINT:
            # It is drawn from what burning and selling really give.
            return LpPlannedCall(
                kind=kind, subject=subject, to="", data="", gas=self._config.move_gas // 2, is_estimate=False
            )
        call = keeping.planner.call(Act(kind, subject), drawn, reading, seen, now_ns)
        gas, is_estimate = self._expected_gas(kind), False
        try:
            gas, is_estimate = await self._node.estimate_gas(call, self._owner), True
        except RequestRefused:
            pass  # It hangs on a step before it, or a gate that is told apart would stop it.
        return LpPlannedCall(
            kind=kind, subject=subject, to=call.to, data="0x" + call.data.hex(), gas=gas, is_estimate=is_estimate
        )

    def _expected_gas(self, kind: str) -> int:
        if kind == MOVE:
            return self._config.move_gas
        return {"approve": APPROVE_GAS, "revoke": APPROVE_GAS, "swap": SWAP_GAS}.get(kind, self._config.collect_gas)


def _gain(keeping: Keeping, seen: Observation, move: MovePlan | None, intent: str) -> float | None:
    if move is None or intent != REBALANCE:
        return None
    pool = seen.pool(move.pair.fee_ppm) or seen.home
    return keeping.planner.keeper.income_gain(seen, pool, move, gross=True)


def _burned(reading: Reading, burn: PlannedBurn) -> LpPlannedRange:
    pair, position = reading.holdings.pair, burn.owned.range
    base, quote = position.amounts(pair, reading.holdings.sqrt_price_x96)
    return _planned(pair, (position.tick_lower, position.tick_upper), position.liquidity, (base, quote), burn,
                    str(burn.owned.token_id))  # fmt: skip


def _minted(reading: Reading, move: MovePlan, mint: PlannedMint) -> LpPlannedRange:
    ticks = mint.tick_lower, mint.tick_upper
    sqrt_price = next(each for each in reading.pools if each.pair.fee_ppm == move.pair.fee_ppm).sqrt_price_x96
    liquidity, amount0, amount1 = amounts_to_mint(sqrt_price, *ticks, mint.amount0, mint.amount1)
    return _planned(move.pair, ticks, liquidity, move.pair.unorder(amount0, amount1), mint)


def _planned(
    pair: Pair, ticks: tuple[int, int], liquidity: int, amounts: tuple[int, int],
    least: PlannedBurn | PlannedMint, token_id: str = "",
) -> LpPlannedRange:  # fmt: skip
    low, high = pair.price_bounds(*ticks)
    base_min, quote_min = pair.unorder(least.amount0_min, least.amount1_min)
    return LpPlannedRange(
        token_id=token_id, tick_lower=ticks[0], tick_upper=ticks[1], price_lower=low, price_upper=high,
        liquidity=str(liquidity), amount_base=str(amounts[0]), amount_quote=str(amounts[1]),
        base_min=str(base_min), quote_min=str(quote_min),
    )  # fmt: skip
