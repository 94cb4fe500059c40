"""common/amm against the deployed bytecode: the same integers, to the wei, in both token orders."""

import asyncio
import random

import msgspec
import pytest

from common.amm.fees import Growth, fees_owed, growth_inside
from common.amm.liquidity import amounts_of_liquidity, amounts_to_mint, liquidity_per_tick_max
from common.amm.swap_math import swap_step
from common.amm.tick_math import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96, tick_at_sqrt_price, usable_bounds
from common.chain import pool, position_manager, router
from common.chain.events import LiquidityIncreased, PoolSwapped, find_events
from common.chain.position_manager import Minted, MintParams
from common.model.errors import InputInvalid, RequestRefused
from tests.integration.chain.world import World

SEED, MINTS, SWAPS = 20_240, 120, 40


@pytest.mark.parametrize("base_is_token0", [False, True], ids=["base is token1", "base is token0"])
def test_mints_over_all_ticks_give_the_contracts_liquidity_and_amounts(chain: str, base_is_token0: bool) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=base_is_token0) as world:
            owner = await world.rich("amm")
            draw, at = random.Random(SEED), world.contracts
            sqrt_price = (await world.node.read(pool.slot0(at.pool))).sqrt_price_x96
            params = [_random_mint(draw, await world.mint_params(owner.address, -10, 10)) for _ in range(MINTS)]
            calls = [position_manager.mint(at.position_manager, each) for each in params]
            outcomes = await world.node.read_outcomes(calls, "latest", owner.address)
            exact = 0
            for each, outcome in zip(params, outcomes, strict=True):
                ours = _ours(sqrt_price, each)
                if isinstance(outcome, RequestRefused):
                    assert ours is None, f"seed {SEED}: {each} is refused by the pool, we say {ours}"
                    continue
                assert isinstance(outcome, Minted)
                assert (outcome.liquidity, outcome.amount0, outcome.amount1) == ours, f"seed {SEED}: {each}"
                exact += 1
            assert exact > MINTS // 2

    asyncio.run(run())


@pytest.mark.parametrize("base_is_token0", [False, True], ids=["base is token1", "base is token0"])
def test_swaps_fees_and_burns_are_the_pools_own(chain: str, base_is_token0: bool) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=base_is_token0) as world:
            owner, trader = await world.rich("amm"), await world.rich("stranger")
            draw, node, at = random.Random(SEED), world.node, world.contracts
            step = round(world.pair.tick_of(2500) / 10) * 10
            lower, upper = step - 300, step + 300
            mint = position_manager.mint(at.position_manager, await world.mint_params(owner.address, lower, upper))
            (minted,) = find_events((await owner.send(mint)).logs, LiquidityIncreased, at.position_manager)
            position = await node.read(position_manager.positions(at.position_manager, minted.token_id))
            for _ in range(SWAPS):
                before = await node.read(pool.slot0(at.pool))
                liquidity = await node.read(pool.liquidity(at.pool))
                sells_base = draw.random() < 0.5
                amount = draw.randrange(1, 4 * 10**18) if sells_base else draw.randrange(1, 10_000 * 10**6)
                params = await world.swap_params(trader.address, amount, sells_base=sells_base)
                receipt = await trader.send(router.exact_input_single(at.router, params))
                (swap,) = find_events(receipt.logs, PoolSwapped, at.pool)
                down = sells_base == base_is_token0
                far = MIN_SQRT_PRICE_X96 + 1 if down else MAX_SQRT_PRICE_X96 - 1
                ours = swap_step(before.sqrt_price_x96, far, liquidity, amount, 500)
                entered, left = (swap.amount0, swap.amount1) if down else (swap.amount1, swap.amount0)
                assert (ours.sqrt_price, ours.amount_in + ours.fee, ours.amount_out) == (
                    swap.sqrt_price_x96, entered, -left,
                ), f"seed {SEED}"  # fmt: skip
                assert tick_at_sqrt_price(swap.sqrt_price_x96) == swap.tick
            slot0, growth0, growth1, low, high = await node.read_many(
                [pool.slot0(at.pool), pool.fee_growth_global0(at.pool), pool.fee_growth_global1(at.pool),
                 pool.ticks(at.pool, lower), pool.ticks(at.pool, upper)]
            )  # fmt: skip
            inside = growth_inside(
                Growth(growth0, growth1),
                Growth(low.fee_growth_outside0_x128, low.fee_growth_outside1_x128),
                Growth(high.fee_growth_outside0_x128, high.fee_growth_outside1_x128),
                lower, upper, slot0.tick,
            )  # fmt: skip
            last = Growth(position.fee_growth_inside0_last_x128, position.fee_growth_inside1_last_x128)
            burn = position_manager.decrease(at.position_manager, minted.token_id, position.liquidity, 0, 0, 2**40)
            collect = position_manager.collect(at.position_manager, minted.token_id, owner.address)
            principal, fees = await node.read_many([burn, collect], "latest", owner.address)
            assert principal == amounts_of_liquidity(slot0.sqrt_price_x96, lower, upper, position.liquidity)
            assert fees == fees_owed(inside, last, position.liquidity) and all(fees)

    asyncio.run(run())


def _ours(sqrt_price: int, each: MintParams) -> tuple[int, int, int] | None:
    """What we say a mint gives, or None if we say that the contracts refuse it."""
    try:
        ours = amounts_to_mint(sqrt_price, each.tick_lower, each.tick_upper, each.amount0_desired, each.amount1_desired)
    except InputInvalid:
        return None
    return ours if 0 < ours[0] <= liquidity_per_tick_max(10) else None


def _random_mint(draw: random.Random, params: MintParams) -> MintParams:
    """Any aligned range, narrow and wide, near and far, with any mix of amounts."""
    lowest, highest = usable_bounds(10)
    here = draw.choice([-198_080, 198_079, draw.randrange(lowest, highest)])
    width = draw.choice([1, 10, 1_000, 50_000])
    lower = max(lowest, here // 10 * 10 - 10 * draw.randrange(0, width + 1))
    upper = min(highest, lower + 10 * draw.randrange(1, 2 * width + 1))
    return msgspec.structs.replace(
        params, tick_lower=min(lower, upper - 10), tick_upper=upper,
        amount0_desired=params.amount0_desired // draw.choice([1, 7, 10**6]),
        amount1_desired=params.amount1_desired // draw.choice([1, 7, 10**6]),
    )  # fmt: skip
