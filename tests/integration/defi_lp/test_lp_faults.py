"""Moves, deaths and silence: never a second mint, never a token lost, never an inventory the chain has not."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.defi_lp.lp_world import LpWorld

FAST = "interval_s_min=0.5 collect_interval_s=0 mid_gap_bps_max=20"


def test_a_rebalance_keeps_every_token_and_happens_once_per_crossing(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False, settings=FAST) as lp:
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            lp.mid = 2500 * 0.9986
            await lp.move_pool(lp.mid)
            await lp.sees(lambda: lp.rebalances and lp.is_at_rest() and lp.last.rebalances == 1)
            (moved,) = [each for each in lp.rebalances if each.trigger != "open"]
            after = lp.last
            await lp.assert_equals_chain(after)
            assert moved.trigger == "inventory" and moved.transaction_hash == after.ranges[0].key
            assert (
                len(after.ranges) == 2
                and {each.key for each in after.ranges} & {each.key for each in opened.ranges} == set()
            )
            (before,) = [each for each in lp.inventories if each.block_number == after.block_number - 1][-1:]
            # A move buys and sells nothing: all that differs is what burning and minting round, in the pool's favour.
            assert 0 <= before.delta - after.delta < 1e-15 * 20
            assert 0 <= before.quote_total - after.quote_total <= 8e-6
            assert after.fees_collected_base == pytest.approx(before.fees_base) and after.fees_base == 0
            base_range, surplus = after.ranges
            assert int(base_range.amount_base) and int(base_range.amount_quote)
            assert int(surplus.amount_base) and not int(surplus.amount_quote), "the price fell: base is the surplus"
            await lp.trade(10**17, sells_base=True)
            await lp.at_block((await lp.chain.node.head()).hash)
            assert lp.last.rebalances == 1

    asyncio.run(run())


def test_out_of_range_re_anchors_one_sided(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        settings = f"{FAST} deviation_fraction=9.0"
        async with LpWorld(chain, tmp_path, base_is_token0=True, settings=settings) as lp:
            await lp.fund()
            lp.start()
            await lp.is_open()
            lp.mid = 2500 * 1.006
            await lp.move_pool(lp.mid)
            await lp.sees(lambda: lp.last.rebalances == 1)
            await lp.assert_equals_chain(lp.last)
            (only,) = lp.last.ranges
            assert not int(only.amount_base) and int(only.amount_quote) > 90_000 * 10**6
            assert lp.last.price_upper <= lp.last.price < lp.last.price_upper * 1.0015
            assert lp.rebalances[-1].trigger == "out_of_range" and (lp.last.state, lp.last.doing) == (
                "active",
                "out_of_range",
            )

    asyncio.run(run())


def test_pool_and_mid_that_differ_hold_every_mint(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False) as lp:
            await lp.fund()
            lp.mid = 2510.0
            lp.start()
            await lp.sees(lambda: "pool and CeFi mid differ" in lp.log())
            lp.book_speaks, spoken = False, len(lp.log())
            await lp.sees(lambda: "no fresh CeFi mid" in lp.log()[spoken:])
            await lp.sees(lambda: lp.inventories and lp.last.state == "idle")
            assert await lp.owned_by_wallet() == []
            lp.mid, lp.book_speaks = 2500.0, True
            await lp.is_open()

    asyncio.run(run())


@pytest.mark.parametrize("mined", [False, True], ids=["before it is mined", "after it is mined, before it is recorded"])
def test_kill_9_between_journal_and_receipt_leaves_exactly_one_position(
    chain: str, tmp_path: Path, mined: bool
) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False) as lp:
            await lp.fund()
            node = lp.chain.node
            lp.start()
            # Both approvals are mined as they come; the move is caught in the pool of unmined transactions.
            await lp.sees(lambda: lp.log().count("lp.approve.done") == 1)
            await node.request("evm_setAutomine", False)
            await lp.sees(lambda: "lp.approve.done" in lp.log())
            await _mine_until_the_move_waits(lp)
            lp.kill()
            if mined:
                await node.request("evm_mine")
            lp.inventories.clear()
            lp.start()
            await lp.sees(lambda: lp.inventories)
            await node.request("evm_setAutomine", True)
            await node.request("evm_mine")
            opened = await lp.is_open()
            await lp.assert_equals_chain(opened)
            assert len({each.key for each in opened.ranges}) == len(opened.ranges)
            assert opened.delta == pytest.approx(20.0, abs=1e-6) and opened.value_quote == pytest.approx(104_000)
            assert await node.nonce(lp.wallet) == 3, "two approvals and one mint"

    asyncio.run(run())


async def _mine_until_the_move_waits(lp: LpWorld) -> None:
    for _ in range(100):
        if "lp.move " in lp.log() and await _pending(lp):
            return
        await lp.chain.node.request("evm_mine")
        await asyncio.sleep(0.1)
    raise AssertionError(lp.log())


async def _pending(lp: LpWorld) -> bool:
    status = await lp.chain.node.request("txpool_status")
    return int(status["pending"], 16) > 0


def test_an_inventory_without_news_is_told_each_second(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False) as lp:
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            count = len(lp.inventories)
            await lp.sees(lambda: len(lp.inventories) >= count + 3, 4.5)
            ages = [each.received_ns for each in lp.inventories[count:]]
            assert all(0.9e9 < late - early < 1.6e9 for early, late in pairwise(ages))
            assert lp.last.block_hash == opened.block_hash and lp.last.delta_change == 0

    asyncio.run(run())
