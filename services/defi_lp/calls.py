"""A plan as steps of the venue's adapter."""

from typing import Any

from common.chain.abi import Call
from common.chain.clmm import ClmmAdapter, CloseRange, CollectOwed, Limits, OpenRange, Step, SwapExactInput
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan, PlannedBurn
from common.strategy.lp_swap import PlannedSwap


def close_steps(burns: tuple[PlannedBurn, ...]) -> list[Step]:
    """Empty, collect and burn ranges wherever they stand."""
    return [
        Step(
            intent=CloseRange(position_id=each.owned.token_id, liquidity=each.owned.range.liquidity),
            limits=Limits(amount0_min=each.amount0_min, amount1_min=each.amount1_min),
        )
        for each in burns
    ]


def move_steps(pool_id: str, plan: MovePlan) -> list[Step]:
    """The old ranges out, then the new ones into this pool."""
    opening = [
        Step(
            intent=OpenRange(
                pool_id=pool_id, tick_lower=each.tick_lower, tick_upper=each.tick_upper,
                amount0=each.amount0, amount1=each.amount1, liquidity=each.liquidity,
            ),
            limits=Limits(amount0_min=each.amount0_min, amount1_min=each.amount1_min),
        )
        for each in plan.mints
    ]  # fmt: skip
    return close_steps(plan.burns) + opening


def move_call(at: ClmmAdapter, pool_id: str, plan: MovePlan, owner: str, deadline_s: int) -> Call[Any]:
    """All of a move as one transaction.

    So there is no moment without a position, and no step at which a crash could strand tokens.
    """
    (call,) = at.encode(move_steps(pool_id, plan), owner, deadline_s)
    return call


def withdraw_call(at: ClmmAdapter, burns: tuple[PlannedBurn, ...], owner: str, deadline_s: int) -> Call[Any]:
    """All ranges out as one transaction."""
    (call,) = at.encode(close_steps(burns), owner, deadline_s)
    return call


def swap_call(at: ClmmAdapter, pool_id: str, swap: PlannedSwap, owner: str, deadline_s: int) -> Call[Any]:
    """A sale: its least amount out hangs on the CeFi mid."""
    least = {"amount1_min" if swap.zero_for_one else "amount0_min": swap.amount_out_min}
    step = Step(
        intent=SwapExactInput(pool_id=pool_id, sells_token0=swap.zero_for_one, amount_in=swap.amount_in),
        limits=Limits(**least, sqrt_price_limit_x96=swap.sqrt_price_limit_x96),
    )
    (call,) = at.encode([step], owner, deadline_s)
    return call


def collect_call(at: ClmmAdapter, holdings: Holdings, owner: str, deadline_s: int) -> Call[Any]:
    """Collect what is owed to every range."""
    steps = [Step(intent=CollectOwed(position_id=owned.token_id)) for owned in holdings.ranges]
    (call,) = at.encode(steps, owner, deadline_s)
    return call
