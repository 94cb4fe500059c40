"""A plan as steps of the venue's adapter."""

from typing import Any

from common.chain.abi import Call
from common.chain.clmm import ClmmAdapter, CloseRange, CollectOwed, Limits, OpenRange, Step
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan


def move_steps(pool_id: str, plan: MovePlan) -> list[Step]:
    """Empty, collect and burn the old ranges wherever they stand, then open the new ones in this pool."""
    closing = [
        Step(
            intent=CloseRange(position_id=each.owned.token_id, liquidity=each.owned.range.liquidity),
            limits=Limits(amount0_min=each.amount0_min, amount1_min=each.amount1_min),
        )
        for each in plan.burns
    ]
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
    return closing + opening


def move_call(at: ClmmAdapter, pool_id: str, plan: MovePlan, owner: str, deadline_s: int) -> Call[Any]:
    """All of a move as one transaction.

    So there is no moment without a position, and no step at which a crash could strand tokens.
    """
    (call,) = at.encode(move_steps(pool_id, plan), owner, deadline_s)
    return call


def collect_call(at: ClmmAdapter, holdings: Holdings, owner: str, deadline_s: int) -> Call[Any]:
    """Collect what is owed to every range."""
    steps = [Step(intent=CollectOwed(position_id=owned.token_id)) for owned in holdings.ranges]
    (call,) = at.encode(steps, owner, deadline_s)
    return call
