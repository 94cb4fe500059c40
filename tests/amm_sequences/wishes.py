"""Operations at random, shaped so that most of them are possible in the state that the pool is in.

A wish is a kind and four numbers below 2^32. Whoever draws them (a seeded generator, hypothesis) need not know the
pool; `operation` turns a wish into an operation for the present state. Extremes are frequent on purpose.
"""

from typing import NamedTuple

from common.amm.liquidity import amounts_of_liquidity
from common.amm.manager import PositionManager
from common.amm.pool import Pool
from common.amm.tick_math import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96, sqrt_price_at_tick, usable_bounds
from tests.amm_sequences.script import Burn, Collect, Mint, Op, Swap

WORD = 1 << 32
KINDS = ("mint", "swap", "swap", "swap", "burn", "collect")
SPACINGS = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
# At spacing 1 a walk over all words of an empty pool costs more gas than a block has.
WORDS_WALKED_MAX = 600


class Wish(NamedTuple):
    """`a` to `d` are uniform below WORD."""

    kind: str
    a: int
    b: int
    c: int
    d: int


def first_price(a: int, kind: int) -> int:
    """A price: mostly moderate, near an end of the range for two kinds of seven."""
    tick = (0, a % 20_001 - 10_000, a % 400_001 - 200_000, 199_000, -a % 90_001, -886_000, 886_000)[kind % 7]
    low, high = sqrt_price_at_tick(tick), sqrt_price_at_tick(tick + 1)
    return low + a * (high - low) // WORD


def operation(wish: Wish, manager: PositionManager, number: int) -> Op | None:
    """The operation without its results (they are 0), or None where this wish cannot be had."""
    if wish.kind == "mint":
        return _mint(wish, manager, number)
    if wish.kind == "swap":
        return _swap(wish, manager)
    if not manager.nfts:
        return None
    name = sorted(manager.nfts)[wish.a % len(manager.nfts)]
    if wish.kind == "collect":
        return Collect(id=name, amount0=0, amount1=0)
    owned = manager.nfts[name].holding.liquidity
    part = (owned, owned // 2, 1, owned * wish.b // WORD, owned + 1 if wish.c % 8 == 0 else owned)[wish.b % 5]
    return Burn(id=name, liquidity=part, amount0=0, amount1=0)


def _mint(wish: Wish, manager: PositionManager, number: int) -> Op:
    spacing, (lowest, highest) = manager.pool.spacing, usable_bounds(manager.pool.spacing)
    here = manager.pool.tick // spacing * spacing
    names = sorted(manager.nfts)
    name = f"nft{number}"
    if names and wish.a % 3 == 0:
        # The same range as an NFT that exists: a second one, or more liquidity for it.
        other = manager.nfts[names[wish.b % len(names)]]
        lower, upper = other.tick_lower, other.tick_upper
        name = names[wish.b % len(names)] if wish.a % 2 else name
    elif not names and abs(here) < 800_000:
        lower, upper = max(here - 60 * spacing, lowest), min(here + 60 * spacing, highest)
    elif wish.a % 11 == 1:
        lower, upper = lowest, highest
    else:
        lower = here + (wish.a % 9 - 5) * spacing * (1, 1, 2, 30)[wish.b % 4]
        upper = lower + (1 + wish.b % 7) * spacing * (1, 1, 3, 100)[wish.a % 4]
        lower, upper = max(lower, lowest), min(upper, highest)
    if wish.d % 40 == 7:
        upper += 1
    amounts = _amount(wish.c), _amount(wish.d)
    if wish.b % 8 and -887_272 <= lower < upper <= 887_272:
        # Amounts that some liquidity takes, so that extreme prices get some too.
        wanted = 1 + (wish.d << 8 + wish.c % 60)
        amounts = amounts_of_liquidity(manager.pool.sqrt_price, lower, upper, wanted, round_up=True)
        amounts = amounts[0] + wish.a % 3, amounts[1] + wish.c % 3
    return Mint(
        id=name, tickLower=lower, tickUpper=upper, amount0Desired=amounts[0], amount1Desired=amounts[1],
        liquidity=0, amount0=0, amount1=0,
    )  # fmt: skip


def _swap(wish: Wish, manager: PositionManager) -> Op:
    pool, down = manager.pool, wish.a % 2 == 0
    amount = _amount(wish.b)
    if pool.liquidity and wish.b % 9:
        # So much of the input as moves the price by some spacings.
        width = max(pool.spacing, 4) * (1 + wish.c % 40)
        root, span = pool.sqrt_price, max(1, pool.sqrt_price * width // 20_000)
        amount = (pool.liquidity * span >> 96) if not down else (pool.liquidity << 96) // root * span // root
        amount = 1 + amount * (wish.d % 1_000) // 1_000
    if wish.c % 3 == 0:
        amount = -(_output(amount, pool.sqrt_price, down) if wish.b % 9 else amount)
    return Swap(zeroForOne=down, amountSpecified=amount, sqrtPriceLimitX96=_limit(wish, pool), amount0=0, amount1=0)


def _output(amount: int, sqrt_price: int, down: bool) -> int:
    """About what this input gives at this price."""
    return 1 + (amount * sqrt_price**2 >> 192 if down else (amount << 192) // sqrt_price**2)


def _limit(wish: Wish, pool: Pool) -> int | None:
    far = pool.spacing * 256 * WORDS_WALKED_MAX
    ticks = (1 + wish.d % 60) * pool.spacing * (1, 10, 300)[wish.c % 3]
    if wish.d % 2 and far > 900_000:
        return None
    if wish.d % 29 == 1:
        return pool.sqrt_price  # the wrong side, by nothing
    sign = -1 if wish.a % 2 == 0 else 1
    tick = pool.tick + sign * min(ticks, far)
    if not -887_272 < tick < 887_272:
        return MIN_SQRT_PRICE_X96 + 1 if sign < 0 else MAX_SQRT_PRICE_X96 - 1
    return sqrt_price_at_tick(tick) + wish.b % 5


def _amount(number: int) -> int:
    return 1 + (number << (number % 90)) // (1 << 16)
