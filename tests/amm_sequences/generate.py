"""`python -m tests.amm_sequences.generate FOLDER`: new sequence files from the real bytecode on an anvil of its own."""

import argparse
import asyncio
import random
import tempfile
from pathlib import Path

from common.chain.node import Node
from tests.amm_sequences.compare import play_both
from tests.amm_sequences.real_pool import RealPool
from tests.amm_sequences.script import PoolScript, Script, write
from tests.amm_sequences.wishes import KINDS, SPACINGS, WORD, Wish, first_price
from tests.integration.chain.world import start_anvil

POOLS, WISHES, SEED = 7, 60, 20_240


def wish(draw: random.Random, kind: str) -> Wish:
    """One wish of a kind."""
    return Wish(kind, *(draw.randrange(WORD) for _ in range(4)))


async def generate(url: str, fee: int, seed: int, pools: int, wishes: int) -> Script:
    """Sequences of one fee tier. What the contracts refuse is left out."""
    node, draw = Node(url, timeout_s=60.0), random.Random(f"{seed} {fee}")
    script = Script(pools=[], about=f"real Uniswap V3 bytecode on anvil, seed {seed}")
    try:
        real = RealPool(node)
        await real.deploy()
        for number in range(pools):
            price = first_price(draw.randrange(WORD), number)
            pool = PoolScript(fee=fee, tickSpacing=SPACINGS[fee], initialSqrtPriceX96=price, ops=[])
            kinds = ["mint"] * 3 + [draw.choice(KINDS) for _ in range(wishes)]
            await play_both(real, pool, [wish(draw, kind) for kind in kinds])
            script.pools.append(pool)
    finally:
        await node.close()
    return script


def main() -> None:
    """A file for each fee tier."""
    parser = argparse.ArgumentParser(prog="python -m tests.amm_sequences.generate")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--pools", type=int, default=POOLS)
    parser.add_argument("--wishes", type=int, default=WISHES)
    asked = parser.parse_args()
    for fee in SPACINGS:
        with tempfile.TemporaryDirectory() as folder:
            process, url = start_anvil(Path(folder))
            try:
                script = asyncio.run(generate(url, fee, asked.seed, asked.pools, asked.wishes))
            finally:
                process.terminate()
                process.wait(10)
        file = asked.folder / f"fee_{fee}.json"
        file.write_bytes(write(script))
        print(f"{file}: {len(script.pools)} pools, {sum(len(pool.ops) for pool in script.pools)} operations")


if __name__ == "__main__":
    main()
