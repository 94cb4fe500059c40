"""Reading price, liquidity and a position from one anvil: our one raw batch beside web3, in turns; and the LP's whole
reading of a block, which is one round trip too.
"""

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from common.chain import position_manager
from common.chain.anvil import find_anvil
from common.chain.events import LiquidityIncreased, find_events
from common.chain.uniswap_v3 import UniswapV3, UniswapV3Contracts, find_pools
from common.model.errors import PeerUnavailable
from services.defi_lp.contracts import Venue
from services.defi_lp.reading import Reader
from tests.benchmarks.book_peers import run
from tests.benchmarks.measure import percentile, table
from tests.benchmarks.reads_worker import SIDES
from tests.integration.chain.world import World, start_anvil

READS, ROUNDS = 400, 3
PEER = "web3"


def main(reads: int = READS, rounds: int = ROUNDS, sides: tuple[str, ...] = SIDES) -> None:
    """Print one table."""
    try:
        find_anvil()
    except PeerUnavailable as error:
        print(error)
        return
    with tempfile.TemporaryDirectory() as folder:
        process, url = start_anvil(Path(folder))
        try:
            _measure(url, reads, rounds, sides)
        finally:
            process.terminate()
            process.wait(10)


def _measure(url: str, reads: int, rounds: int, sides: tuple[str, ...]) -> None:
    place, whole = asyncio.run(_prepare(url, reads))
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            try:
                printed = run(SIDES[0] if side == SIDES[0] else PEER, "reads_worker.py", side, url, *place, reads)
                found[side].append(json.loads(printed))
            except (OSError, subprocess.SubprocessError) as error:
                print(f"{side} is left out: {error}")
    mine = statistics.median(_p50(each) for each in found[SIDES[0]])
    rows: list[tuple[object, ...]] = []
    for side, times in found.items():
        if times:
            same = "yes" if {tuple(each["values"]) for each in times} == {tuple(found[SIDES[0]][0]["values"])} else "NO"
            p50 = statistics.median(_p50(each) for each in times)
            p99 = statistics.median(percentile(each["times_us"], 0.99) for each in times)
            rows.append((side, same, round(p50), round(p99), p50 / mine))
    rows.append(("ours, the LP's whole reading", "", round(percentile(whole, 0.5)), round(percentile(whole, 0.99)), ""))
    table(("price, liquidity, position", "same values", "p50 us", "p99 us", "times ours"), rows)


def _p50(measured: dict[str, Any]) -> float:
    return percentile(measured["times_us"], 0.5)


async def _prepare(url: str, reads: int) -> tuple[tuple[str, str, int], list[float]]:
    """Contracts and a position: where they are, and how long the LP's whole reading of them takes (us)."""
    async with World(url, base_is_token0=False) as world:
        await world.build()
        owner, at = await world.rich("owner"), world.contracts
        step = round(world.pair.tick_of(2500) / 10) * 10
        params = await world.mint_params(owner.address, step - 300, step + 300)
        receipt = await owner.send(position_manager.mint(at.position_manager, params))
        (minted,) = find_events(receipt.logs, LiquidityIncreased, at.position_manager)
        named = UniswapV3Contracts(
            factory=at.factory, manager=at.position_manager, router=at.router, base=at.base_token, quote=at.quote_token
        )
        venue = Venue(UniswapV3(named, await find_pools(world.node, named, [500]), 300), at.pool)
        reader, head, times = Reader(world.node, venue, owner.address, 300), await world.node.head(), list[float]()
        for _ in range(reads):
            started = time.perf_counter()
            reading = await reader.read(head, {})
            times.append((time.perf_counter() - started) * 1e6)
        assert len(reading.holdings.ranges) == 1
        return (at.pool, at.position_manager, minted.token_id), times[1:]


if __name__ == "__main__":
    main()
