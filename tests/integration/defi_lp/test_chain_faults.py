"""What can become of a chain and of the node that tells it, under the real process: faults 13 to 15 and 17 of
docs/faults.md.

Each time: what the operator sees, that the ranges are minted once, that the inventory told is the chain's to the wei,
and that the hedge's target follows it.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from common.chain import pool, position_manager, router
from common.chain.anvil import find_anvil
from common.messages import LpInventoryChanged
from common.model.errors import PeerUnavailable
from tests.integration.chain.fault_proxy import FaultProxy
from tests.integration.chain.world import free_port, start_anvil
from tests.integration.defi_lp.lp_world import LpWorld
from tests.integration.defi_lp.stories import FAST, automine, mine, play, swap_to, trade, whale


def owned(told: LpInventoryChanged) -> tuple[object, ...]:
    """Everything of an inventory that a reorganisation must give back."""
    return (told.ranges, told.idle_base, told.idle_quote, told.delta, told.residual, told.reference)


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_reorganisation_takes_the_flow_out_of_inventory_and_hedge(chain: str, tmp_path: Path, depth: int) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        rich = await whale(lp)
        opened = await lp.assert_sound(mints=len(lp.last.ranges))
        for _ in range(depth):
            await trade(lp, rich, 5 * 10**17)
        struck = await lp.assert_sound(mints=len(opened.ranges))
        assert struck.residual > opened.residual
        lp.inventories.clear()
        await lp.chain.node.request("anvil_reorg", depth, [])
        told = await lp.assert_sound(mints=len(opened.ranges))
        assert owned(told) == owned(opened) and told.provisional
        assert f"chain.undone blocks={depth}" in lp.log()
        changes = sum(each.delta_change for each in lp.inventories)
        assert changes == pytest.approx(opened.delta - struck.delta, abs=1e-12), "the undo is told as its own change"

    play(chain, tmp_path, story)


@pytest.mark.parametrize("deeper", [0, 2, 5])
def test_a_reorganisation_that_orphans_our_mint_is_undone_in_public_and_minted_again(
    chain: str, tmp_path: Path, deeper: int
) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        node, opened = lp.chain.node, lp.last
        await mine(lp, deeper)
        await lp.at_block((await node.head()).hash)
        await automine(lp, False)
        await node.request("anvil_reorg", await _depth_of(lp, opened.block_number), [])
        empty = await lp.assert_sound(mints=0)
        assert empty.ranges == [] and empty.delta == pytest.approx(20.0, abs=1e-9) and empty.provisional
        await automine(lp, True)
        await mine(lp)
        again = await lp.is_open()
        assert owned(await lp.assert_sound(mints=len(opened.ranges))) == owned(opened), "the same bytes again"
        assert [each.key for each in again.ranges] == [each.key for each in opened.ranges]
        assert await node.nonce(lp.wallet) == 3

    # A slow machine would otherwise see its fees raised: another form of the same intention, with another hash.
    play(chain, tmp_path, story, settings="resend.bump_after_s=60.0")


def test_a_rival_may_take_our_token_id_in_a_reorganisation_while_we_are_dead(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        node, manager = lp.chain.node, lp.chain.contracts.position_manager
        rival = await lp.chain.rich("rival")  # in blocks that stay
        lp.start()
        opened, ids = await lp.is_open(), await lp.owned_by_wallet()
        lp.kill()
        await node.request("anvil_reorg", await _depth_of(lp, opened.block_number), [])
        step = round(lp.chain.pair.tick_of(2500) / 10) * 10
        params = await lp.chain.mint_params(rival.address, step - 100, step + 100)
        await rival.send(position_manager.mint(manager, params))
        assert await node.read(position_manager.owner_of(manager, ids[0])) == rival.address
        lp.inventories.clear()
        lp.start()
        again = await lp.is_open()
        await lp.assert_sound(mints=len(opened.ranges))
        assert await lp.owned_by_wallet() == [each + 1 for each in ids]
        assert again.delta == pytest.approx(20.0, abs=1e-6) and await node.nonce(lp.wallet) == 3

    play(chain, tmp_path, story, base_is_token0=True, starts=False)


async def _depth_of(lp: LpWorld, block_number: int) -> int:
    """Blocks to undo so that this one goes."""
    return (await lp.chain.node.head()).number - block_number + 1


def test_a_silent_rollback_is_found_by_the_next_look(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        opened, rich = lp.last, await whale(lp)
        for _ in range(3):
            await trade(lp, rich, 5 * 10**17)
        await lp.assert_sound(mints=len(opened.ranges))
        await lp.chain.node.request("anvil_rollback", 3)
        told = await lp.assert_sound(mints=len(opened.ranges))
        assert owned(told) == owned(opened) and "chain.undone blocks=3" in lp.log()

    play(chain, tmp_path, story)


def test_a_chain_that_forgets_what_was_final_finds_the_lp_opening_once_more(chain: str, tmp_path: Path) -> None:
    """evm_revert: far below what anybody called final, without a word."""

    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        node = lp.chain.node
        before = await node.request("evm_snapshot")
        lp.start()
        opened = await lp.is_open()
        await mine(lp, 20)
        await lp.sees(lambda: lp.last.block_number >= opened.block_number + 20 and not lp.last.provisional)
        lp.inventories.clear()
        assert await node.request("evm_revert", before)
        again = await lp.is_open()
        await lp.assert_sound(mints=len(opened.ranges))
        assert again.delta == pytest.approx(20.0, abs=1e-6) and await node.nonce(lp.wallet) == 3

    play(chain, tmp_path, story, starts=False)


def test_a_pool_that_is_emptied_leaves_us_with_one_token_and_the_hedge_with_the_rest(
    chain: str, tmp_path: Path
) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        opened, at = lp.last, lp.chain.contracts
        rich = await whale(lp)
        params = await lp.chain.swap_params(rich.address, 39_000 * 10**18, sells_base=True)
        await rich.send(router.exact_input_single(at.router, params))
        slot0 = await lp.chain.node.read(pool.slot0(at.pool))
        assert slot0.tick in (-887_272, 887_271) and not await lp.chain.node.read(pool.liquidity(at.pool))
        told = await lp.assert_sound(mints=len(opened.ranges))
        assert told.doing == "out_of_range" and told.gamma == 0.0 and told.residual > 15
        assert not any(int(each.amount_quote) for each in told.ranges)
        await lp.sees(lambda: "pool and CeFi mid differ" in lp.log())
        await rich.send(await swap_to(lp, rich, 2500.0))
        back = await lp.assert_sound(mints=len(opened.ranges))
        # Fees apart, the flow that came back undid the flow that went.
        assert lp.is_at_rest() and back.residual == pytest.approx(opened.residual, abs=0.1)

    play(chain, tmp_path, story)


def test_a_node_that_hangs_silences_the_inventory_and_the_process_outlives_it(tmp_path: Path) -> None:
    async def story(lp: LpWorld, nodes: "Nodes") -> None:
        opened = await lp.is_open()
        nodes.process.send_signal(signal.SIGSTOP)
        await lp.sees(lambda: "lp.node_trouble" in lp.log(), 15)
        count = len(lp.inventories)
        health = await lp.health()
        assert health.state == "running" and health.details["trouble"]
        assert len(lp.inventories) == count
        nodes.process.send_signal(signal.SIGCONT)
        await lp.sees(lambda: len(lp.inventories) > count)
        assert lp.last.ranges == opened.ranges
        await lp.assert_sound(mints=len(opened.ranges))

    play_alone(tmp_path, story)


@pytest.mark.parametrize("remembers", [True, False], ids=["with our ranges", "from before our ranges"])
def test_a_node_that_dies_and_comes_back_finds_exactly_one_set_of_ranges(tmp_path: Path, remembers: bool) -> None:
    async def story(lp: LpWorld, nodes: "Nodes") -> None:
        opened = await lp.is_open()
        if remembers:
            nodes.stop(signal.SIGTERM)  # It writes its state.
            nodes.kept = nodes.state.read_bytes()
        else:
            await mine(lp, 20)  # What it forgets is final in our journal.
            await lp.sees(lambda: not lp.last.provisional)
            nodes.stop(signal.SIGKILL)
        await lp.sees(lambda: "lp.node_trouble" in lp.log(), 15)
        lp.inventories.clear()
        await asyncio.to_thread(nodes.start)
        await lp.is_open()
        told = await lp.assert_sound(mints=len(opened.ranges))
        assert told.delta == pytest.approx(20.0, abs=1e-6) and "lp.node_back" in lp.log()
        assert await lp.chain.node.nonce(lp.wallet) == 3

    play_alone(tmp_path, story)


class Nodes:
    """A node that a test may kill: each life begins with the state that was kept, on the same port."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.state, self.port, self.kept = folder, folder / "state.json", free_port(), b""
        self.start()

    def start(self) -> None:
        """The next life."""
        if self.kept:
            self.state.write_bytes(self.kept)
        self.process, self.url = start_anvil(self.folder, "--state", str(self.state), port=self.port)

    def stop(self, number: signal.Signals) -> None:
        """The end of this one."""
        self.process.send_signal(number)
        self.process.wait(10)


def play_alone(folder: Path, story: Callable[[LpWorld, Nodes], Awaitable[None]]) -> None:
    """A story on a node of its own, which has been ended and started once with everything but the LP's doing."""
    try:
        find_anvil()
    except PeerUnavailable as error:
        pytest.skip(str(error))

    async def run() -> None:
        async with LpWorld(nodes.url, folder, settings=FAST, hedged=True) as lp:
            await lp.chain.build()
            await lp.fund()
            nodes.stop(signal.SIGTERM)
            nodes.kept = nodes.state.read_bytes()
            await asyncio.to_thread(nodes.start)
            lp.start()
            await story(lp, nodes)

    nodes = Nodes(folder / "anvil")
    try:
        asyncio.run(run())
    finally:
        nodes.process.kill()
        nodes.process.wait(10)
