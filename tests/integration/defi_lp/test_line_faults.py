"""A bad line between the real process and its node: fault 16 of docs/faults.md.

Each time: what the operator sees, that the ranges are minted once, that the inventory told is the chain's to the wei,
and that the hedge's target follows it.
"""

import asyncio
from pathlib import Path

import pytest

from tests.integration.chain.fault_proxy import FaultProxy
from tests.integration.defi_lp.lp_world import LpWorld
from tests.integration.defi_lp.stories import market_falls, moved, play


@pytest.mark.parametrize("fault", ["refuse", "fail", "garble", "lose_reply"])
def test_a_line_that_gives_nothing_silences_the_topic_until_it_heals(chain: str, tmp_path: Path, fault: str) -> None:
    """429, 500, no JSON, no reply: to everything, for a while, with flow in the pool meanwhile."""

    async def story(lp: LpWorld, line: FaultProxy) -> None:
        opened = lp.last
        line.lasting["*"] = fault
        await lp.sees(lambda: "lp.node_trouble" in lp.log(), 15)
        count = len(lp.inventories)
        await lp.trade(10**18, sells_base=True)
        assert (await lp.health()).details["trouble"]
        assert len(lp.inventories) == count, "nothing stale is told as fresh"
        line.heal()
        told = await lp.assert_sound(mints=len(opened.ranges))
        assert told.residual > opened.residual and "lp.node_back" in lp.log()

    play(chain, tmp_path, story)


@pytest.mark.parametrize("fault", ["refuse", "fail", "garble", "lose_reply", "hang"])
def test_a_move_whose_reply_is_lost_or_refused_lands_once(chain: str, tmp_path: Path, fault: str) -> None:
    async def story(lp: LpWorld, line: FaultProxy) -> None:
        ranges, nonce = len(lp.last.ranges), await lp.chain.node.nonce(lp.wallet)
        line.faults["eth_sendRawTransaction"] = [fault]
        await market_falls(lp)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))
        assert await lp.chain.node.nonce(lp.wallet) == nonce + 1 and not line.faults["eth_sendRawTransaction"]

    play(chain, tmp_path, story)


def test_opening_over_a_line_that_loses_every_other_reply_mints_once(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, line: FaultProxy) -> None:
        for method in ("eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_estimateGas", "eth_getLogs"):
            line.faults[method] = ["lose_reply", ""] * 3
        lp.start()
        await lp.sees(lambda: lp.inventories and lp.last.state == "active", 30)
        told = await lp.assert_sound(mints=len(lp.last.ranges))
        assert told.delta == pytest.approx(20.0, abs=1e-6) and await lp.chain.node.nonce(lp.wallet) == 3

    play(chain, tmp_path, story, starts=False)


def test_a_head_that_stands_still_delays_and_repeats_nothing(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, line: FaultProxy) -> None:
        opened = lp.last
        line.lasting["eth_getBlockByNumber"] = "stale"
        await market_falls(lp)
        asked = len(line.seen)
        await lp.sees(lambda: len(line.seen) > asked + 10)
        assert lp.last.block_hash == opened.block_hash and "lp.move " not in lp.log().partition("lp.move.done")[2]
        line.heal()
        await moved(lp)
        await lp.assert_sound(mints=len(opened.ranges) + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_a_head_that_jumps_back_and_forth_is_undone_and_told_again(chain: str, tmp_path: Path) -> None:
    """Two nodes behind one address, one of them a block behind."""

    async def story(lp: LpWorld, line: FaultProxy) -> None:
        ranges = len(lp.last.ranges)
        line.faults["eth_getBlockByNumber"] = ["", "stale", "stale"] * 20
        for _ in range(4):
            await lp.trade(10**17, sells_base=True)
            await asyncio.sleep(0.3)  # Time for some looks between two blocks.
        await market_falls(lp)
        await moved(lp)
        line.heal()
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_logs_and_receipts_that_come_twice_or_late_count_once(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, line: FaultProxy) -> None:
        ranges = len(lp.last.ranges)
        line.lasting["eth_getLogs"] = "twice"
        line.faults["eth_getTransactionReceipt"] = ["absent"] * 2
        await lp.trade(10**18, sells_base=True)
        await market_falls(lp)
        await moved(lp)
        told = await lp.assert_sound(mints=ranges + len(lp.last.ranges))
        assert told.rebalances == 1 and told.fees_collected_base > 0

    play(chain, tmp_path, story)
