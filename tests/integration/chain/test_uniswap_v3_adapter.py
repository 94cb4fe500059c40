"""The seam against the real contracts: several fee tiers, ranges moved between them, swaps, approvals, all exactly."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from common.chain import erc20, position_manager
from common.chain.blocks import Receipt
from common.chain.clmm import (
    ChainView,
    ClmmAdapter,
    CloseRange,
    CollectOwed,
    Limits,
    OpenRange,
    PositionState,
    Purpose,
    Step,
    SwapExactInput,
)
from common.chain.events import LiquidityDecreased, LiquidityIncreased, NftTransferred, PositionCollected
from common.chain.uniswap_v3 import UniswapV3, UniswapV3Contracts, find_pools
from common.model.errors import InputInvalid, RequestRefused
from services.paper_chain.actor import Actor
from tests.integration.chain.world import World

WINDOW_S = 60
TIERS = [100, 500, 3000, 10_000]


class Scene:
    """Two pools of one pair, the adapter over them, and somebody rich."""

    def __init__(self, world: World, owner: Actor, second: str, adapter: ClmmAdapter) -> None:
        self.world, self.owner, self.adapter = world, owner, adapter
        self.first, self.second = world.contracts.pool, second

    async def view(self, *ids: int) -> ChainView:
        calls = self.adapter.read_calls(self.owner.address, ids)
        _, outcomes = await self.world.node.read_owned(calls, "latest", self.owner.address)
        return self.adapter.decode(outcomes, self.owner.address, ids)

    async def do(self, *steps: Step) -> list[Receipt]:
        deadline_s = (await self.world.node.head()).timestamp_s + 60
        calls = self.adapter.encode(steps, self.owner.address, deadline_s)
        return [await self.owner.send(call) for call in calls]

    def open(self, pool_id: str, **limits: int) -> Step:
        pair = self.adapter.pools[pool_id]
        step = round(pair.steps_of(2500))
        lower, upper = pair.range_of(step - 10, step + 10)
        amount0, amount1 = pair.order(10**18, 2_500 * 10**6)
        intent = OpenRange(
            pool_id=pool_id, tick_lower=lower, tick_upper=upper, amount0=amount0, amount1=amount1, liquidity=0
        )
        return Step(intent=intent, limits=Limits(**limits))

    async def owned(self, token_id: int) -> PositionState:
        (position,) = (await self.view(token_id)).positions
        assert position is not None
        return position


def play(chain: str, base_is_token0: bool, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=base_is_token0) as world:
            second = await world.add_pool(3000, 60)
            at = world.contracts
            named = UniswapV3Contracts(
                factory=at.factory, manager=at.position_manager, router=at.router, base=at.base_token,
                quote=at.quote_token,
            )  # fmt: skip
            pools = await find_pools(world.node, named, TIERS)
            assert list(pools) == [at.pool, second], "tiers without a pool are left out"
            owner = await world.rich("adapter")
            await story(Scene(world, owner, second, UniswapV3(named, pools, WINDOW_S)))

    asyncio.run(run())


both_orders = pytest.mark.parametrize("base_is_token0", [False, True])


@both_orders
def test_a_range_moves_from_one_pool_to_another_in_one_transaction(chain: str, base_is_token0: bool) -> None:
    async def story(scene: Scene) -> None:
        before = await scene.view()
        (opened,) = await scene.do(scene.open(scene.first))
        (token_id,) = scene.adapter.opened(opened.logs)
        standing = await scene.owned(token_id)
        assert (standing.pool_id, standing.owner) == (scene.first, scene.owner.address) and standing.liquidity
        assert (await scene.view(token_id)).position_count == before.position_count + 1
        for sells_base in (True, False):
            await scene.world.swap(scene.owner, 10**18 if sells_base else 10**9, sells_base=sells_base)
        owed = await scene.owned(token_id)
        assert owed.owed0 and owed.owed1
        closing = Step(intent=CloseRange(position_id=token_id, liquidity=owed.liquidity))
        moved = await scene.do(closing, scene.open(scene.second))
        assert len(moved) == 1, "Uniswap V3 moves at once"
        assert scene.adapter.fees(moved[0].logs) == (owed.owed0, owed.owed1)
        (new_id,) = scene.adapter.opened(moved[0].logs)
        after = await scene.view(token_id, new_id)
        assert after.positions[0] is None
        assert after.positions[1] is not None and after.positions[1].pool_id == scene.second
        assert after.pools[1].liquidity > before.pools[1].liquidity and after.pools[0].liquidity > 0
        found = await scene.world.node.logs(moved[0].block_hash, scene.adapter.contracts, scene.adapter.topics)
        told = [scene.adapter.decode_log(log) for log in found]
        assert [type(each) for each in told] == [
            LiquidityDecreased, PositionCollected, NftTransferred, NftTransferred, LiquidityIncreased,
        ]  # fmt: skip
        assert all(scene.adapter.decode_log(log) is None for log in moved[0].logs if log not in found)

    play(chain, base_is_token0, story)


@both_orders
def test_pools_are_told_apart_and_minimums_hold(chain: str, base_is_token0: bool) -> None:
    async def story(scene: Scene) -> None:
        first, second = (await scene.view()).pools
        assert (first.pool_id, second.pool_id) == (scene.first, scene.second)
        assert (first.pair.fee_ppm, second.pair.fee_ppm, second.pair.tick_spacing) == (500, 3000, 60)
        assert first.price == pytest.approx(2500) == second.price
        with pytest.raises(RequestRefused, match="reverted"):
            await scene.do(scene.open(scene.second, amount0_min=2**100))
        with pytest.raises(InputInvalid, match="pool_id"):
            intent = OpenRange(pool_id="0xno", tick_lower=-60, tick_upper=60, amount0=1, amount1=1, liquidity=1)
            await scene.do(Step(intent=intent))

    play(chain, base_is_token0, story)


@both_orders
def test_a_swap_is_a_transaction_of_its_own_with_a_least_amount_and_a_price_limit(
    chain: str, base_is_token0: bool
) -> None:
    async def story(scene: Scene) -> None:
        pair, sells0 = scene.adapter.pools[scene.second], base_is_token0
        sell = SwapExactInput(pool_id=scene.second, sells_token0=sells0, amount_in=10**18)

        def least(quote: int, limit: int = 0) -> Limits:
            least0, least1 = pair.order(0, quote)
            return Limits(amount0_min=least0, amount1_min=least1, sqrt_price_limit_x96=limit)

        with pytest.raises(RequestRefused, match="reverted"):
            await scene.do(Step(intent=sell, limits=least(2_500 * 10**6)))
        before = await scene.view()
        (opened,) = await scene.do(scene.open(scene.first))
        (token_id,) = scene.adapter.opened(opened.logs)
        standing = await scene.owned(token_id)
        closing = Step(intent=CloseRange(position_id=token_id, liquidity=standing.liquidity))
        assert (
            len(await scene.do(closing, Step(intent=sell, limits=least(2_480 * 10**6)), scene.open(scene.second))) == 3
        )
        swapped = (await scene.view()).pools[1]
        assert swapped.price < before.pools[1].price and (await scene.view()).pools[0].price == before.pools[0].price
        # With a limit the rest is not sold, and nothing of it is stranded in the router.
        limit = pair.sqrt_price_of(swapped.price * 0.9999)
        idle = await scene.view()
        huge = SwapExactInput(pool_id=scene.second, sells_token0=sells0, amount_in=50 * 10**18)
        await scene.do(Step(intent=huge, limits=least(1, limit)))
        after = await scene.view()
        assert after.pools[1].sqrt_price_x96 == limit
        paid = pair.unorder(idle.idle0 - after.idle0, idle.idle1 - after.idle1)
        assert 0 < paid[0] < 50 * 10**18 and paid[1] < 0
        tokens = (scene.world.contracts.base_token, scene.world.contracts.quote_token)
        left = [erc20.balance_of(token, scene.world.contracts.router) for token in tokens]
        assert await scene.world.node.read_many(left) == [0, 0]

    play(chain, base_is_token0, story)


def test_approvals_are_exact_and_revoked(chain: str) -> None:
    async def story(scene: Scene) -> None:
        adapter = scene.adapter
        asked = {(each.purpose, each.token): each.spender for each in adapter.approvals()}
        assert set(asked) == {(purpose, token) for purpose in Purpose for token in adapter.tokens}
        for purpose in Purpose:
            for token in adapter.tokens:
                for amount in (12_345, 0):
                    for call in adapter.approve(purpose, token, amount):
                        await scene.owner.send(call)
                    found = {(each.purpose, each.token): each.amount for each in (await scene.view()).allowances}
                    assert found[purpose, token] == amount
        with pytest.raises(RequestRefused):
            await scene.do(scene.open(scene.first))
        with pytest.raises(InputInvalid, match="token"):
            adapter.approve(Purpose.SWAP, scene.world.contracts.router, 1)

    play(chain, False, story)


def test_the_mean_tick_is_the_oracles_and_unknown_where_it_remembers_too_little(chain: str) -> None:
    async def story(scene: Scene) -> None:
        async def pass_time(seconds: int) -> None:
            await scene.world.node.request("evm_increaseTime", seconds)
            await scene.world.node.request("evm_mine")

        await pass_time(WINDOW_S)
        quiet = (await scene.view()).pools[0]
        assert quiet.twap_tick == quiet.tick and quiet.twap == pytest.approx(quiet.price, rel=1e-4)
        await scene.world.swap(scene.owner, 40 * 10**18)
        first, second = (await scene.view()).pools
        assert first.twap_tick is None, "one observation, younger than the window"
        assert second.twap_tick == second.tick
        before = first.tick
        await pass_time(WINDOW_S // 2)
        await scene.world.swap(scene.owner, 40 * 10**18)
        await pass_time(WINDOW_S)
        late = (await scene.view()).pools[0]
        assert late.tick != before and late.twap_tick == pytest.approx(late.tick, abs=0.5)

    play(chain, False, story)


def test_what_the_wallet_does_not_own_is_seen_as_such(chain: str) -> None:
    async def story(scene: Scene) -> None:
        rival = await scene.world.rich("rival")
        params = await scene.world.mint_params(rival.address, -887_270, 887_270)
        receipt = await rival.send(position_manager.mint(scene.world.contracts.position_manager, params))
        (theirs,) = scene.adapter.opened(receipt.logs)
        (opened,) = await scene.do(scene.open(scene.first))
        (ours,) = scene.adapter.opened(opened.logs)
        view = await scene.view(theirs, ours, ours + 1)
        stranger, own, nobody = view.positions
        assert stranger is not None and (stranger.owner, stranger.owed0) == (rival.address, 0)
        assert own is not None and own.owner == scene.owner.address and nobody is None
        count = view.position_count
        listed: list[Any] = await scene.world.node.read_many(scene.adapter.listing_calls(scene.owner.address, count))
        assert listed[-1] == ours
        with pytest.raises(RequestRefused):
            await scene.do(Step(intent=CollectOwed(position_id=theirs)))

    play(chain, True, story)
