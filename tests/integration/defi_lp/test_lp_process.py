"""The LP process against real contracts: what it publishes is what the chain has, whatever happens to either."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.defi_lp.lp_world import LpWorld


@pytest.mark.parametrize("base_is_token0", [False, True], ids=["base is token1", "base is token0"])
def test_it_opens_follows_swaps_to_the_wei_and_leaves_its_ranges_standing(
    chain: str, tmp_path: Path, base_is_token0: bool
) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=base_is_token0) as lp:
            lp.start()
            await lp.sees(lambda: "lp.waiting" in lp.log() or lp.inventories)
            await lp.fund()
            opened = await lp.is_open()
            await lp.assert_equals_chain(opened)
            assert opened.delta == pytest.approx(20.0, abs=1e-6) == opened.reference
            assert opened.value_quote == pytest.approx(104_000, rel=1e-6)
            assert opened.gamma < 0 and opened.price_lower < 2500 < opened.price_upper
            for amount, sells_base in ((2 * 10**18, True), (1_000 * 10**6, False), (5 * 10**17, True)):
                await lp.trade(amount, sells_base=sells_base)
                told = await lp.at_block((await lp.chain.node.head()).hash)
                await lp.assert_equals_chain(told)
            assert told.residual > 0.2 and told.fees_base > 0 and told.fees_quote > 0
            assert told.provisional and not told.rebalances
            assert (await lp.health()).details["stream"] == "live", "the node announces its blocks"
            before = await lp.owned_by_wallet()
            assert lp.terminate() == 0
            lp.inventories.clear()
            lp.start()
            again = await lp.is_open()
            assert await lp.owned_by_wallet() == before
            assert (again.delta, again.reference) == (told.delta, told.reference)
            assert [each.key for each in again.ranges] == [each.key for each in told.ranges]

    asyncio.run(run())
