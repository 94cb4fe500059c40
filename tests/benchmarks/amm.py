"""Swaps in our pool beside the real pool's bytecode in pyrevm, on the same operations, with the same amounts."""

import json
import random
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from common.amm.liquidity import amounts_of_liquidity
from common.amm.tick_math import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96, sqrt_price_at_tick
from common.chain import erc20, position_manager
from common.chain.abi import Call, Function
from common.chain.addresses import ZERO_ADDRESS, address_bytes, checksum, created_address, pool_address, sort_tokens
from common.chain.position_manager import MintParams
from services.paper_chain import artifacts
from services.paper_chain.paper_token import mint as mint_token
from tests.benchmarks.book_peers import run
from tests.benchmarks.measure import table

SWAPS, ROUNDS, SEED = 20_000, 3, 7
FEE_PPM, SPACING, TICK, RANGES = 500, 10, 199_040, 60
OWNER, TAKER = (checksum("0x" + keccak(name)[12:].hex()) for name in (b"owner", b"taker"))
RATIO_MUST, RATE_MUST = 25.0, 30_000
_SWAP = Function("swap(address,bool,int256,uint160,bytes)")
# kind: share of exact outputs, most that is sold of token0 and token1 (raw units).
MIXES = {
    "exact input": (0.0, 10**10, 5 * 10**18),
    "one in eight exact output": (1 / 8, 10**10, 5 * 10**18),
    "large, across many ticks": (1 / 8, 10**12, 5 * 10**20),
}


def main(swaps: int = SWAPS, rounds: int = ROUNDS) -> None:
    """Print one table."""
    rows: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, mix) in enumerate(MIXES.items()):
            file = Path(folder) / f"{number}.json"
            file.write_text(json.dumps(task(swaps, *mix)))
            ours, theirs = [], []
            try:
                # In turns, so that a busy machine slows both.
                for _ in range(rounds):
                    theirs.append(_once("pyrevm", file))
                    ours.append(_once("ours", file))
            except (OSError, subprocess.SubprocessError) as error:
                print(f"pyrevm is left out: {error}")
                theirs, ours = [], [_once("ours", file) for _ in range(rounds)]
            rows.append(_row(name, ours, theirs))
    print(f"Must: ours / pyrevm >= {RATIO_MUST:.0f}, ours >= {RATE_MUST:,} swaps/s.")
    table(("swaps", "same amounts", "ours swaps/s", "pyrevm swaps/s", "ours / pyrevm"), rows)


def task(swaps: int, exact_output: float, most0: int, most1: int) -> dict[str, Any]:
    """What both sides do, as numbers and as calls. Nothing here is reached or emptied that would make a swap revert."""
    draw = random.Random(SEED)
    price = sqrt_price_at_tick(TICK) + 12_345
    wanted = [_range(draw) for _ in range(RANGES)] + [(TICK - 5_000, TICK + 5_000, 10**19)]
    ranges = [(*each[:2], *amounts_of_liquidity(price, *each, round_up=True)) for each in wanted]
    operations = []
    for _ in range(swaps):
        down = draw.random() < 0.5
        if draw.random() < exact_output:
            operations.append((down, -draw.randrange(1, most1 if down else most0)))
        else:
            operations.append((down, draw.randrange(1, most0 if down else most1)))
    numbers = {"fee": FEE_PPM, "spacing": SPACING, "price": price, "ranges": ranges, "swaps": operations}
    return numbers | _calls(price, ranges, operations)


def _range(draw: random.Random) -> tuple[int, int, int]:
    lower = TICK + draw.randrange(-60, 50) * SPACING
    return lower, lower + draw.randrange(1, 40) * SPACING, draw.randrange(10**17, 10**18)


def _calls(price: int, ranges: list[tuple[int, int, int, int]], operations: list[tuple[bool, int]]) -> dict[str, Any]:
    made = [created_address(OWNER, nonce) for nonce in range(4)]
    tokens, factory, manager = sort_tokens(*made[:2]), made[2], made[3]
    pool = pool_address(factory, *tokens, FEE_PPM)
    token = artifacts.creation_code(artifacts.PAPER_TOKEN) + abi_encode(["string", "string", "uint8"], ["T", "T", 18])
    manage = artifacts.creation_code(artifacts.POSITION_MANAGER)
    manage += abi_encode(["address"] * 3, [factory, ZERO_ADDRESS, ZERO_ADDRESS])
    setup: list[Call[Any]] = [mint_token(each, owner, 1 << 250) for each in tokens for owner in (OWNER, TAKER)]
    setup += [erc20.approve(each, manager, (1 << 256) - 1) for each in tokens]
    setup += [position_manager.create_pool(manager, *tokens, FEE_PPM, price)]
    setup += [position_manager.mint(manager, _mint(tokens, each)) for each in ranges]
    calls = [
        _SWAP.encode(TAKER, down, amount, MIN_SQRT_PRICE_X96 + 1 if down else MAX_SQRT_PRICE_X96 - 1, b"")
        for down, amount in operations
    ]
    return {
        "owner": OWNER, "taker": TAKER, "taker_code": _taker(pool, tokens).hex(),
        "creations": [code.hex() for code in (token, token, artifacts.creation_code(artifacts.FACTORY), manage)],
        "setup": [(call.to, call.data.hex()) for call in setup], "calls": [call.hex() for call in calls],
    }  # fmt: skip


def _mint(tokens: tuple[str, str], wanted: tuple[int, int, int, int]) -> MintParams:
    return MintParams(
        token0=tokens[0], token1=tokens[1], fee_ppm=FEE_PPM, tick_lower=wanted[0], tick_upper=wanted[1],
        amount0_desired=wanted[2], amount1_desired=wanted[3], amount0_min=0, amount1_min=0, recipient=OWNER,
        deadline_s=1 << 40,
    )  # fmt: skip


def _taker(pool: str, tokens: tuple[str, str]) -> bytes:
    """A contract that passes its call on to the pool and pays in the pool's callback: the least that can swap.

    Dearer takers (a router) would make the ratio look better than it is.
    """
    # Is this the pool's callback? Then pay. Else pass the call on, and return or revert as the pool did.
    head, forward = "60003560e01c63fa461e331460475736600060003760006000366000600073", "5af13d600060003e604257"
    # Pay: transfer(caller, amount) of token0 if its amount is positive, else of token1.
    pay = "3d6000fd5b3d6000f35b63a9059cbb60e01b6000523360045260006004351360885760243560245260006000604460006000" + "73"
    other, end = "5af1005b60043560245260006000604460006000" + "73", "5af100"
    parts = (head, pool, forward + pay, tokens[1], other, tokens[0], end)
    return b"".join(address_bytes(part) if part.startswith("0x") else bytes.fromhex(part) for part in parts)


def _once(side: str, file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(side, "amm_worker.py", side, file, 1))
    return found


def _row(name: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> tuple[object, ...]:
    rate = statistics.median(each["rates"][0] for each in ours)
    if not theirs:
        return name, "", round(rate), "", ""
    ratio = statistics.median(mine["rates"][0] / its["rates"][0] for mine, its in zip(ours, theirs, strict=True))
    same = "yes" if {each["crc"] for each in ours} == {each["crc"] for each in theirs} else "NO"
    return name, same, round(rate), round(statistics.median(each["rates"][0] for each in theirs)), ratio
