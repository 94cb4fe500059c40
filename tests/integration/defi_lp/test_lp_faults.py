"""Moves, deaths and reorganisations: never a second mint, never a token lost, never an inventory the chain has not."""

import asyncio
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from common.chain import position_manager
from common.chain.anvil import find_anvil
from common.model.errors import PeerUnavailable
from tests.integration.chain.world import start_anvil
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


def test_a_reorganisation_that_orphans_our_mint_is_undone_in_public_and_minted_again(
    chain: str, tmp_path: Path
) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False) as lp:
            await lp.fund()
            node = lp.chain.node
            lp.start()
            opened = await lp.is_open()
            await node.request("evm_setAutomine", False)
            await node.request("anvil_reorg", await _depth_of(lp, opened.block_number), [])
            head = await node.head()
            await lp.sees(lambda: lp.last.block_hash == head.hash)
            assert lp.last.ranges == [] and lp.last.delta == pytest.approx(20.0, abs=1e-9)
            assert int(lp.last.idle_base) == 20 * 10**18 and lp.last.provisional
            await node.request("evm_setAutomine", True)
            await node.request("evm_mine")
            again = await lp.is_open()
            await lp.assert_equals_chain(again)
            assert again.delta == pytest.approx(20.0, abs=1e-6)
            assert [each.key for each in again.ranges] == [each.key for each in opened.ranges], "the same bytes again"
            assert await node.nonce(lp.wallet) == 3

    asyncio.run(run())


def test_a_rival_may_take_our_token_id_in_a_reorganisation_while_we_are_dead(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=True) as lp:
            await lp.fund()
            node, manager = lp.chain.node, lp.chain.contracts.position_manager
            rival = await lp.chain.rich("rival")
            lp.start()
            opened = await lp.is_open()
            ids = await lp.owned_by_wallet()
            lp.kill()
            await node.request("anvil_reorg", await _depth_of(lp, opened.block_number), [])
            step = round(lp.chain.pair.tick_of(2500) / 10) * 10
            params = await lp.chain.mint_params(rival.address, step - 100, step + 100)
            await rival.send(position_manager.mint(manager, params))
            assert await node.read(position_manager.owner_of(manager, ids[0])) == rival.address
            lp.inventories.clear()
            lp.start()
            again = await lp.is_open()
            await lp.assert_equals_chain(again)
            assert await lp.owned_by_wallet() == [each + 1 for each in ids]
            assert again.delta == pytest.approx(20.0, abs=1e-6) and await node.nonce(lp.wallet) == 3

    asyncio.run(run())


async def _depth_of(lp: LpWorld, block_number: int) -> int:
    """Blocks to undo so that this one goes."""
    return (await lp.chain.node.head()).number - block_number + 1


def test_a_chain_that_forgets_what_was_final_finds_the_lp_opening_once_more(chain: str, tmp_path: Path) -> None:
    """A node that is killed may come back with an older state, far below what anybody called final."""

    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False) as lp:
            await lp.fund()
            node = lp.chain.node
            before = await node.request("evm_snapshot")
            lp.start()
            opened = await lp.is_open()
            await node.request("anvil_mine", hex(20))
            await lp.sees(lambda: lp.last.block_number >= opened.block_number + 20 and not lp.last.provisional)
            lp.inventories.clear()
            assert await node.request("evm_revert", before)
            again = await lp.is_open()
            await lp.assert_equals_chain(again)
            assert again.delta == pytest.approx(20.0, abs=1e-6) and await node.nonce(lp.wallet) == 3

    asyncio.run(run())


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


def test_a_node_that_hangs_silences_the_inventory_and_the_process_outlives_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(url, tmp_path, base_is_token0=False) as lp:
            await lp.chain.build()
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            node.send_signal(signal.SIGSTOP)
            await lp.sees(lambda: "lp.node_trouble" in lp.log(), 15)
            count = len(lp.inventories)
            health = await lp.health()
            assert health.state == "running" and health.details["trouble"]
            assert len(lp.inventories) == count
            node.send_signal(signal.SIGCONT)
            await lp.sees(lambda: len(lp.inventories) > count)
            assert lp.last.ranges == opened.ranges

    try:
        find_anvil()
    except PeerUnavailable as error:
        pytest.skip(str(error))
    (tmp_path / "anvil").mkdir()
    node, url = start_anvil(tmp_path / "anvil")
    try:
        asyncio.run(run())
    finally:
        node.kill()
        node.wait(10)
