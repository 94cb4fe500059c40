"""A sequence against common/amm, value by value."""

from collections.abc import Iterator

from common.amm.manager import PositionManager
from common.amm.pool import Pool
from common.model.errors import InputInvalid
from tests.amm_sequences.script import WATCHED, Burn, Collect, Mint, Op, PoolScript, Swap


def start(script: PoolScript) -> PositionManager:
    """The pool at its first price."""
    pool = Pool(script.fee, script.tickSpacing)
    pool.initialize(script.initialSqrtPriceX96)
    return PositionManager(pool)


def carry_out(manager: PositionManager, op: Op) -> dict[str, int]:
    """What the operation gives, by the file's names. Raises InputInvalid where the contracts revert."""
    if isinstance(op, Mint):
        desired = op.amount0Desired, op.amount1Desired
        if op.id in manager.nfts:
            liquidity, amount0, amount1 = manager.increase(op.id, *desired)
        else:
            liquidity, amount0, amount1 = manager.mint(op.id, op.tickLower, op.tickUpper, *desired)
        return {"liquidity": liquidity, "amount0": amount0, "amount1": amount1}
    if isinstance(op, Burn):
        amounts = manager.decrease(op.id, op.liquidity)
    elif isinstance(op, Collect):
        amounts = manager.collect(op.id)
    else:
        assert isinstance(op, Swap)
        amounts = manager.pool.swap(op.zeroForOne, op.amountSpecified, op.sqrtPriceLimitX96)
    return {"amount0": amounts[0], "amount1": amounts[1]}


def state(pool: Pool) -> dict[str, int]:
    """What `after` may name."""
    values = (pool.sqrt_price, pool.tick, pool.liquidity, pool.growth0, pool.growth1)
    return dict(zip(WATCHED, values, strict=True))


def play(script: PoolScript) -> Iterator[str]:
    """A line for each value that is not as expected. An operation that is refused ends the sequence."""
    try:
        manager = start(script)
    except InputInvalid as error:
        yield f"refused: {error}"
        return
    for number, op in enumerate(script.ops, 1):
        where = f"op {number} {type(op).__name__.lower()}"
        try:
            found = carry_out(manager, op)
        except InputInvalid as error:
            yield f"{where}: refused: {error}"
            return
        for name, value in found.items():
            yield from _compare(f"{where}: {name}", getattr(op, name), value)
        after = state(manager.pool)
        for name in WATCHED if op.after else ():
            if (expected := getattr(op.after, name)) is not None:
                yield from _compare(f"{where}: after.{name}", expected, after[name])


def count_values(script: PoolScript) -> int:
    """How many values `play` compares."""
    return sum(
        (3 if isinstance(op, Mint) else 2) + sum(getattr(op.after, name, None) is not None for name in WATCHED)
        for op in script.ops
    )


def _compare(where: str, expected: int, found: int) -> Iterator[str]:
    if expected != found:
        yield f"{where}: expected {expected}, got {found} ({found - expected:+d})"
