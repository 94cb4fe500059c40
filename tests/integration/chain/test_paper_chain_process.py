"""The real paper_chain process: birth, trading, staleness, deaths of either kind, and what is left behind."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from common.chain import erc20
from common.chain.anvil import find_anvil
from common.chain.wallet import load_wallet
from common.model.errors import EXIT_CONFIG_INVALID, PeerUnavailable
from common.runtime.config import load_config
from services.paper_chain.config import PaperChainConfig
from services.paper_chain.state_file import BACKUP, CORRUPT, STATE
from tests.integration.chain.paper_world import PaperWorld, write_configs


@pytest.fixture
def configs() -> Iterator[Path]:
    """Configuration in a folder whose name is short enough for socket paths."""
    try:
        find_anvil()
    except PeerUnavailable as error:
        pytest.skip(str(error))
    folder = Path(tempfile.mkdtemp(prefix="cw"))
    yield write_configs(folder)
    shutil.rmtree(folder)


def play(configs: Path, story: Callable[[PaperWorld], Awaitable[None]], mid: float | None = 2500.0) -> None:
    async def run() -> None:
        world = PaperWorld(configs, mid)
        try:
            await story(world)
        finally:
            await world.close()

    asyncio.run(run())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


async def lp_money(world: PaperWorld) -> list[int]:
    wallet = load_wallet(world.fleet.var_path / "keys/lp.key").address
    contracts = world.fleet.chain.contracts
    tokens = [erc20.balance_of(token, wallet) for token in (contracts.base_token, contracts.quote_token)]
    return [await world.node.balance(wallet), *await world.node.read_many(tokens)]


def test_the_pool_is_born_at_the_middle_and_follows_it_and_stands_still_without_it(configs: Path) -> None:
    async def story(world: PaperWorld) -> None:
        world.start()
        await world.until(phase="waiting for a book")
        assert await world.node.code(world.fleet.chain.contracts.pool) == b""
        world.mid = 2600.0
        born = await world.until(phase="trading", noise_swaps=3)
        assert abs(float(born.details["gap_bps"])) < 20
        gift = load_config(configs / "paper_chain.toml", PaperChainConfig).lp_funding
        assert await lp_money(world) == [gift.native * 10**18, gift.base * 10**18, gift.quote * 10**6]
        swaps = int(born.details["arbitrage_swaps"])
        world.mid = 2650.0  # 2 % away, far outside the band of 5 bps
        moved = await world.until(arbitrage_swaps=swaps + 1, price=2640.0)
        assert 2640 < float(moved.details["price"]) < 2660
        world.mid = None
        await world.until(phase="waiting for a book")
        before = await world.health()
        assert before is not None
        await world.until(block=int(before.details["block"]) + 2)  # blocks go on, swaps do not
        after = await world.health()
        assert after is not None
        for key in ("arbitrage_swaps", "noise_swaps", "price"):
            assert after.details[key] == before.details[key]

    play(configs, story, mid=None)


def test_kill_9_loses_nothing_and_funds_nobody_twice(configs: Path) -> None:
    async def story(world: PaperWorld) -> None:
        world.start()
        await world.until(phase="trading", noise_swaps=5)
        for _ in range(2):
            anvil, money = world.anvil_pid(), await lp_money(world)
            head = await world.node.head()
            await world.end(signal.SIGKILL)
            world.start()
            report = await world.until(phase="trading", noise_swaps=1)
            assert not is_alive(anvil) and world.anvil_pid() != anvil
            assert int(report.details["block"]) >= head.number
            assert await world.node.block(head.hash) is not None, "the killed life's last block is part of the chain"
            assert await lp_money(world) == money
        assert await world.end(signal.SIGTERM) == 0
        assert not is_alive(anvil)

    play(configs, story)


def test_sigterm_leaves_no_process_and_a_whole_state(configs: Path) -> None:
    async def story(world: PaperWorld) -> None:
        world.start()
        await world.until(phase="trading", noise_swaps=1)
        anvil = world.anvil_pid()
        assert await world.end(signal.SIGTERM) == 0
        assert not is_alive(anvil)
        chain = world.fleet.var_path / "chain"
        assert (chain / STATE).stat().st_size > 10_000
        assert "Traceback" not in world.log.read_text()
        # Nothing is written outside of the var folder, and the node's own scratch stays empty.
        assert not [path for path in (chain / "tmp").rglob("*") if path.is_file()]

    play(configs, story)


def test_the_nodes_own_death_is_loud_and_the_next_life_goes_on(configs: Path) -> None:
    async def story(world: PaperWorld) -> None:
        world.start()
        await world.until(phase="trading", noise_swaps=1)
        await world.end(signal.SIGTERM)
        world.start()
        block = int((await world.until(phase="trading", noise_swaps=1)).details["block"])
        os.kill(world.anvil_pid(), signal.SIGKILL)
        assert world.process is not None
        assert await asyncio.to_thread(world.process.wait, 10) == 1
        assert "anvil ended on its own" in world.log.read_text()
        world.start()
        # What the dead node had not written is gone, as in a reorganisation; what it had written is there.
        await world.until(phase="trading", noise_swaps=1, block=1)
        assert block > 1

    play(configs, story)


def test_a_cut_state_file_is_replaced_by_the_backup_and_said_aloud(configs: Path) -> None:
    async def story(world: PaperWorld) -> None:
        world.start()
        await world.until(phase="trading", noise_swaps=1)
        await world.end(signal.SIGTERM)
        world.start()
        await world.until(phase="trading", noise_swaps=1)
        await world.end(signal.SIGTERM)
        chain = world.fleet.var_path / "chain"
        cut = (chain / STATE).read_bytes()[:-1000]
        (chain / STATE).write_bytes(cut)
        assert (chain / BACKUP).exists()
        world.start()
        await world.until(phase="trading", noise_swaps=1)
        assert "chain.state_corrupt now=restored" in world.log.read_text()
        assert (chain / CORRUPT).read_bytes() == cut

    play(configs, story)


def test_the_node_is_renewed_without_losing_a_block(configs: Path) -> None:
    path = configs / "paper_chain.toml"
    text = path.read_text().replace("history_states = 64", "history_states = 8")
    path.write_text(text.replace("blocks_kept = 1000", "blocks_kept = 8").replace("_per_life = 5000", "_per_life = 12"))

    async def story(world: PaperWorld) -> None:
        world.start()
        report = await world.until(phase="trading", noise_swaps=5)
        head, money = await world.node.head(), await lp_money(world)
        deadline = time.monotonic() + 20
        while report is None or report.counters.get("node.renewed", 0) < 2:
            assert time.monotonic() < deadline
            report = await world.health()
            await asyncio.sleep(0.05)
        await world.until(phase="trading", block=head.number + 1)
        assert world.process is not None and world.process.poll() is None
        assert await lp_money(world) == money

    play(configs, story)


def test_wrong_addresses_and_foreign_hosts_are_refused_with_78(configs: Path) -> None:
    async def story(world: PaperWorld) -> None:
        fleet = (configs / "fleet.toml").read_text()
        router = world.fleet.chain.contracts.router
        for broken, key in (
            (fleet.replace(router, world.fleet.chain.contracts.pool), "chain.contracts.router"),
            (fleet.replace("http://127.0.0.1", "http://example.org", 3), "chain.rpc_url"),
        ):
            (configs / "fleet.toml").write_text(broken)
            world.start()
            assert world.process is not None
            assert await asyncio.to_thread(world.process.wait, 15) == EXIT_CONFIG_INVALID
            assert key in world.log.read_text()

    play(configs, story)
