"""The reading over several pools: home is where our ranges stand, and nothing that we own is overlooked."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.chain.addresses import checksum
from common.chain.clmm import CloseRange, OpenRange, Purpose, Step
from common.chain.node import Node
from common.chain.rpc import Request
from common.model.errors import ConfigInvalid
from common.runtime.config import load_config
from common.runtime.fleet import ChainAccess
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.contracts import Venue, find_venue
from services.defi_lp.reading import Reader
from services.paper_chain.actor import Actor
from tests.conftest import PROJECT
from tests.integration.chain.world import CHAIN_ID, FEE_PPM, World

CONFIG = load_config(PROJECT / "configs" / "paper" / "defi_lp.toml", DefiLpConfig)
TIERS = DefiLpConfig(
    mid_venue="binance", mid_symbol="ETH-USDT", quote_symbol="USDC", fee_tiers_ppm=(100, 500, 3000), twap_window_s=30
)


def access(world: World, **changed: str) -> ChainAccess:
    fields = {name: getattr(world.contracts, name) for name in world.contracts.__struct_fields__} | changed
    return ChainAccess(
        name="test", chain_id=CHAIN_ID, rpc_url=world.url, fee_ppm=FEE_PPM, base_symbol="ETH",
        contracts=type(world.contracts)(**fields),
    )  # fmt: skip


async def opened(world: World, owner: Actor, venue: Venue, pool_id: str, *closing: Step) -> int:
    pair = venue.adapter.pools[pool_id]
    step = round(pair.steps_of(2500))
    lower, upper = pair.range_of(step - 5, step + 5)
    amount0, amount1 = pair.order(10**18, 2_500 * 10**6)
    intent = OpenRange(
        pool_id=pool_id, tick_lower=lower, tick_upper=upper, amount0=amount0, amount1=amount1, liquidity=0
    )
    deadline_s = (await world.node.head()).timestamp_s + 60
    (call,) = venue.adapter.encode([*closing, Step(intent=intent)], owner.address, deadline_s)
    return venue.adapter.opened((await owner.send(call)).logs)[0]


@pytest.mark.parametrize("base_is_token0", [False, True])
def test_home_is_where_our_ranges_stand(chain: str, base_is_token0: bool) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=base_is_token0) as world:
            second = await world.add_pool(3000, 60)
            venue = await find_venue(world.node, access(world), TIERS)
            assert venue is not None and list(venue.adapter.pools) == [world.contracts.pool, second]
            assert venue.tokens == (world.contracts.base_token, world.contracts.quote_token)
            owner = await world.rich("reader")
            reader = Reader(world.node, venue, owner.address, TIERS.twap_window_s)

            idle = await reader.read(await world.node.head(), {})
            assert (idle.home, idle.holdings.ranges, idle.strays) == (world.contracts.pool, (), ())
            assert (idle.holdings.idle_base, idle.holdings.idle_quote) == (100 * 10**18, 250_000 * 10**6)
            assert idle.native_wei == await world.node.balance(owner.address)
            assert all(idle.allowance(purpose, token) > 2**100 for purpose in Purpose for token in venue.tokens)
            preferred = await reader.read(await world.node.head(), {}, second)
            assert preferred.home == second and preferred.holdings.pair.fee_ppm == 3000
            assert (await reader.read(await world.node.head(), {}, "0xunknown")).home == world.contracts.pool

            first_id = await opened(world, owner, venue, second)
            standing = await reader.read(await world.node.head(), {first_id: "0xkey"}, world.contracts.pool)
            assert standing.home == second and standing.pool.pair.tick_spacing == 60
            assert [each.key for each in standing.holdings.ranges] == ["0xkey"]
            assert standing.holdings.delta == pytest.approx(100, abs=1e-9)

            stray_id = await opened(world, owner, venue, world.contracts.pool)
            torn = await reader.read(await world.node.head(), {})
            assert len(torn.holdings.ranges) == 1 == len(torn.strays)
            assert {torn.holdings.ranges[0].token_id, torn.strays[0].position_id} == {first_id, stray_id}
            assert torn.home == venue.home, "the narrower range has more liquidity"

            position = torn.holdings.ranges[0]
            closing = Step(intent=CloseRange(position_id=position.token_id, liquidity=position.range.liquidity))
            await opened(world, owner, venue, second, closing)
            moved = await reader.read(await world.node.head(), {})
            assert moved.home == second and len(moved.holdings.ranges) == 2 and moved.strays == ()

    asyncio.run(run())


class CountingNode(Node):
    """Counts round trips."""

    trips = 0

    async def batch_outcomes(self, requests: Sequence[Request]) -> list[Any]:
        self.trips += 1
        return await super().batch_outcomes(requests)


def test_a_reading_is_one_round_trip_of_calls_made_before(chain: str) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=False) as world:
            second, owner = await world.add_pool(3000, 60), await world.rich("reader")
            venue = await find_venue(world.node, access(world), TIERS)
            assert venue is not None
            token_id = await opened(world, owner, venue, second)
            node = CountingNode(world.url)
            reader = Reader(node, venue, owner.address, 30)
            await reader.read(await world.node.head(), {})
            assert node.trips == 3, "asked, found one position more than known, listed, asked again"
            calls = venue.adapter.read_calls(owner.address, [token_id])
            for trips in (4, 5):
                await world.swap(owner, 10**15)
                reading = await reader.read(await world.node.head(), {})
                assert node.trips == trips and len(reading.pools) == 2 and len(reading.holdings.ranges) == 1
            assert venue.adapter.read_calls(owner.address, [token_id]) is calls, "nothing is encoded anew"
            await node.close()

    asyncio.run(run())


def test_positions_in_pools_that_are_not_configured_are_strays(chain: str) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=True) as world:
            second, owner = await world.add_pool(3000, 60), await world.rich("reader")
            wide = await find_venue(world.node, access(world), TIERS)
            narrow = await find_venue(world.node, access(world), CONFIG)
            assert wide is not None and narrow is not None and list(narrow.adapter.pools) == [world.contracts.pool]
            await opened(world, owner, wide, second)
            reading = await Reader(world.node, narrow, owner.address, 30).read(await world.node.head(), {})
            assert reading.holdings.ranges == () and [each.pool_id for each in reading.strays] == [""]

    asyncio.run(run())


def test_a_mean_tick_is_ours_where_the_pool_remembers_too_little(chain: str) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=True) as world:
            venue = await find_venue(world.node, access(world), TIERS)
            assert venue is not None
            trader = await world.rich("reader")
            reader = Reader(world.node, venue, trader.address, 30)
            start = await world.node.head()
            before = (await reader.read(start, {})).pool.tick
            await world.node.request("evm_setNextBlockTimestamp", start.timestamp_s + 30)
            await world.swap(trader, 60 * 10**18)
            middle = await world.node.head()
            seen = await reader.read(middle, {})
            assert seen.pool.tick < before and seen.pool.twap_tick == before, "until this block the old tick held"
            await world.node.request("evm_setNextBlockTimestamp", middle.timestamp_s + 12)
            await world.swap(trader, 10**16)
            late = await reader.read(await world.node.head(), {})
            assert late.pool.twap_tick == (before * 18 + seen.pool.tick * 12) / 30

    asyncio.run(run())


def test_a_pool_that_the_factory_did_not_make_is_refused(chain: str) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=False) as world, World(chain, base_is_token0=True) as other:
            with pytest.raises(ConfigInvalid, match=world.contracts.pool):
                await find_venue(world.node, access(world, pool=other.contracts.pool), TIERS)
            nobody = checksum("0x" + "12" * 20)
            assert await find_venue(world.node, access(world, factory=nobody), TIERS) is None

    asyncio.run(run())
