"""A plan as the calls of one transaction: all of it happens, or none of it."""

from typing import Any

from common.chain import position_manager
from common.chain.abi import Call
from common.chain.position_manager import MintParams
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan, PlannedBurn, PlannedMint
from services.defi_lp.contracts import PoolContracts


def move_call(at: PoolContracts, plan: MovePlan, owner: str, deadline_s: int) -> Call[Any]:
    """Empty, collect and burn the old ranges, then mint the new ones.

    In one multicall there is no moment without a position, and no step at which a crash could strand tokens.
    """
    parts: list[Call[Any]] = []
    for burn in plan.burns:
        parts += _burn_calls(at, burn, owner, deadline_s)
    parts += [position_manager.mint(at.manager, _mint_params(at, each, owner, deadline_s)) for each in plan.mints]
    return position_manager.multicall(at.manager, parts)


def collect_call(at: PoolContracts, holdings: Holdings, owner: str) -> Call[Any]:
    """Collect what is owed to every range."""
    parts = [position_manager.collect(at.manager, owned.token_id, owner) for owned in holdings.ranges]
    return position_manager.multicall(at.manager, parts)


def _burn_calls(at: PoolContracts, burn: PlannedBurn, owner: str, deadline_s: int) -> list[Call[Any]]:
    token_id, liquidity = burn.owned.token_id, burn.owned.range.liquidity
    parts: list[Call[Any]] = []
    if liquidity:  # The manager refuses to take nothing out.
        minimum = (burn.amount0_min, burn.amount1_min)
        parts.append(position_manager.decrease(at.manager, token_id, liquidity, *minimum, deadline_s))
    return [*parts, position_manager.collect(at.manager, token_id, owner), position_manager.burn(at.manager, token_id)]


def _mint_params(at: PoolContracts, planned: PlannedMint, owner: str, deadline_s: int) -> MintParams:
    token0, token1 = at.tokens
    return MintParams(
        token0=token0, token1=token1, fee_ppm=at.pair.fee_ppm,
        tick_lower=planned.tick_lower, tick_upper=planned.tick_upper,
        amount0_desired=planned.amount0, amount1_desired=planned.amount1,
        amount0_min=planned.amount0_min, amount1_min=planned.amount1_min,
        recipient=owner, deadline_s=deadline_s,
    )  # fmt: skip
