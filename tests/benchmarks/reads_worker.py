"""One side of `reads`: `SIDE URL POOL MANAGER TOKEN_ID READS`. Runs in the interpreter that has the side's packages.

Prints JSON: the microseconds of each read of price, liquidity and one position, and what the last one said.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

SIDES = ("ours", "web3 calls", "web3 batch")
_SLOT0 = ("uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool")
_POSITION = (
    "uint96", "address", "address", "address", "uint24", "int24", "int24", "uint128", "uint256", "uint256", "uint128",
    "uint128",
)  # fmt: skip


def ours(url: str, pool_address: str, manager: str, token_id: int, reads: int) -> dict[str, Any]:
    """One raw batch of precomputed calls, decoded into our values."""
    import msgspec

    from common.chain import pool, position_manager
    from common.chain.node import Node

    calls = [pool.slot0(pool_address), pool.liquidity(pool_address), position_manager.positions(manager, token_id)]

    async def run() -> dict[str, Any]:
        node, times, answer = Node(url), list[float](), list[Any]()
        for _ in range(reads):
            started = time.perf_counter()
            answer = await node.read_many(calls)
            times.append((time.perf_counter() - started) * 1e6)
        await node.close()
        slot0, liquidity, position = answer
        values = [*msgspec.structs.astuple(slot0), liquidity, *msgspec.structs.astuple(position)]
        return {"times_us": times, "values": list(map(str, values))}

    return asyncio.run(run())


def web3(side: str, url: str, pool_address: str, manager: str, token_id: int, reads: int) -> dict[str, Any]:
    """The same three reads through web3's contracts, one by one or in its own batch."""
    from web3 import HTTPProvider, Web3  # type: ignore[import-not-found, unused-ignore]

    client = Web3(HTTPProvider(url))
    pool = client.eth.contract(
        pool_address, abi=[_function("slot0", (), _SLOT0), _function("liquidity", (), ("uint128",))]
    )
    nfts = client.eth.contract(manager, abi=[_function("positions", ("uint256",), _POSITION)])

    def one_by_one() -> list[Any]:
        functions = pool.functions.slot0(), pool.functions.liquidity(), nfts.functions.positions(token_id)
        return [each.call() for each in functions]

    def batch() -> list[Any]:
        with client.batch_requests() as requests:
            for each in (pool.functions.slot0(), pool.functions.liquidity(), nfts.functions.positions(token_id)):
                requests.add(each)
            return list(requests.execute())

    read: Callable[[], list[Any]] = batch if side == SIDES[2] else one_by_one
    times, answer = list[float](), list[Any]()
    for _ in range(reads):
        started = time.perf_counter()
        answer = read()
        times.append((time.perf_counter() - started) * 1e6)
    slot0, liquidity, position = answer
    return {"times_us": times, "values": list(map(str, [*slot0, liquidity, *position]))}


def _function(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "function", "name": name, "stateMutability": "view",
        "inputs": [{"name": "", "type": each} for each in inputs],
        "outputs": [{"name": "", "type": each} for each in outputs],
    }  # fmt: skip


if __name__ == "__main__":
    wanted, rest = sys.argv[1], (sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
    print(json.dumps(ours(*rest) if wanted == SIDES[0] else web3(wanted, *rest)))
