"""How much of a surplus token to sell so that the range around the price takes everything. Off unless configured.

hedge.md measured what this costs: each swap at a re-centring makes the inventory jump (by about 220 ETH for 1M USD in
+-2 %), the passive hedge then removes 59 % of the 5-minute variance instead of 92 %, and the hedge costs 1.3 to 1.6 bps
instead of 1.05. A surplus that goes one-sided is traded away by the pool's own flow instead, and earns its fee.

The sale is computed with the pool's own integers, fee and price impact included, inside the liquidity that stands at
the present price: exact but for the pool's rounding where it crosses the edge of a word of its bitmap. Where a tick
with other liquidity lies within the impact that is allowed, the pool fills less or worse, and the least amount out,
which hangs on the CeFi mid, reverts what is too bad.
"""

from typing import NamedTuple

import msgspec

from common.amm.liquidity import liquidity_of_amount0, liquidity_of_amount1
from common.amm.pair import Pair
from common.amm.swap_math import swap_step
from common.amm.tick_math import sqrt_price_at_tick

BPS = 10_000


class SwapRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether and how far a surplus may be sold at a rebalance.

    `value_bps_max`: most that is sold at once, as a fraction of everything in hand. `impact_bps_max`: how far the sale
    may move the pool's price. `slippage_bps`: how much worse than the CeFi mid, the pool's fee apart, the sale may be.
    `jump_cost_bps`: what hedging the jump of the inventory costs, of its notional. `gas`: what burning, selling and
    minting one by one use more than a move in one transaction.
    """

    enabled: bool = False
    value_bps_max: float = 2_500.0
    impact_bps_max: float = 5.0
    slippage_bps: float = 15.0
    jump_cost_bps: float = 1.6
    gas: int = 250_000

    def __post_init__(self) -> None:
        for name in ("value_bps_max", "impact_bps_max", "slippage_bps"):
            if not 0 < getattr(self, name) <= BPS:
                raise ValueError(f"{name} must lie in 0..{BPS}, got {getattr(self, name)}")
        for name in ("jump_cost_bps", "gas"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")


class PlannedSwap(msgspec.Struct, frozen=True, kw_only=True):
    """One exact-input sale, in the pool's own order of tokens.

    `amount_out` and `sqrt_price_after` are what the pool gives if nothing moves before; `cost` is fee and impact in
    quote: what goes in less what comes out, both at the CeFi mid. `base_change` is in whole tokens.
    """

    pair: Pair
    zero_for_one: bool
    amount_in: int
    amount_out: int
    amount_out_min: int
    sqrt_price_limit_x96: int
    sqrt_price_after: int
    cost: float
    base_change: float

    @property
    def token_in_is_base(self) -> bool:
        """Whether the base is what is sold."""
        return self.zero_for_one == self.pair.base_is_token0


class Hand(NamedTuple):
    """Raw tokens in hand at a square-root price, in the pool's order."""

    sqrt_price: int
    amount0: int
    amount1: int


def plan_swap(
    pair: Pair, liquidity: int, ticks: tuple[int, int], hand: Hand, mid: float, rules: SwapRules
) -> PlannedSwap | None:
    """The sale after which a range over `ticks` takes everything in hand, or as much of it as the bounds allow.

    `liquidity` is what stands at the present price once our own ranges are gone. None: nothing to sell, no pool, or the
    pool would give less than the least that hangs on the mid.
    """
    if liquidity <= 0 or not sqrt_price_at_tick(ticks[0]) < hand.sqrt_price < sqrt_price_at_tick(ticks[1]):
        return None
    down = _surplus(hand, ticks) > 0
    limit = _limit(pair, hand.sqrt_price, ticks, down, rules.impact_bps_max)
    most = min(hand.amount0 if down else hand.amount1, _most_by_value(pair, hand, down, mid, rules.value_bps_max))
    # The greatest amount that leaves the sold token in surplus: each more sold leaves less of it.
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        after = _sell(hand, liquidity, limit, middle, pair.fee_ppm)[0]
        surplus = _surplus(after, ticks)
        if surplus > 0 if down else surplus < 0:
            low = middle
        else:
            high = middle - 1
    after, paid, got = _sell(hand, liquidity, limit, low, pair.fee_ppm)
    least_out = _least_out(pair, paid, down, mid, rules.slippage_bps)
    if not got or got < least_out:
        return None
    signed = (-paid, got) if down else (got, -paid)
    base, quote = pair.unorder(*signed)
    return PlannedSwap(
        pair=pair, zero_for_one=down, amount_in=paid, amount_out=got,
        amount_out_min=least_out, sqrt_price_limit_x96=limit,
        sqrt_price_after=after.sqrt_price, cost=-(pair.whole_base(base) * mid + pair.whole_quote(quote)),
        base_change=pair.whole_base(base),
    )  # fmt: skip


def _sell(hand: Hand, liquidity: int, limit: int, amount: int, fee_ppm: int) -> tuple[Hand, int, int]:
    """(what is in hand afterwards, paid, received)."""
    down = limit < hand.sqrt_price
    step = swap_step(hand.sqrt_price, limit, liquidity, amount, fee_ppm)
    paid, got = step.amount_in + step.fee, step.amount_out
    changes = (-paid, got) if down else (got, -paid)
    return Hand(step.sqrt_price, hand.amount0 + changes[0], hand.amount1 + changes[1]), paid, got


def _surplus(hand: Hand, ticks: tuple[int, int]) -> int:
    """Liquidity that token0 would carry less what token1 would: positive when token0 is left over."""
    lower, upper = sqrt_price_at_tick(ticks[0]), sqrt_price_at_tick(ticks[1])
    carried0 = liquidity_of_amount0(hand.sqrt_price, upper, hand.amount0)
    return carried0 - liquidity_of_amount1(lower, hand.sqrt_price, hand.amount1)


def _limit(pair: Pair, sqrt_price: int, ticks: tuple[int, int], down: bool, impact_bps: float) -> int:
    """The farthest square-root price of the sale: within the impact, and well inside the range."""
    lowers_p = down == pair.base_is_token0
    end = pair.sqrt_price_of(pair.price_at(sqrt_price) * (1 + (-impact_bps if lowers_p else impact_bps) / BPS))
    bound = sqrt_price_at_tick(ticks[0] if down else ticks[1])
    inside = sqrt_price + (bound - sqrt_price) // 2
    return max(end, inside) if down else min(end, inside)


def _most_by_value(pair: Pair, hand: Hand, down: bool, mid: float, value_bps: float) -> int:
    """Raw units of the sold token that are worth at most this fraction of everything in hand."""
    base, quote = pair.unorder(hand.amount0, hand.amount1)
    worth = (pair.whole_base(base) * mid + pair.whole_quote(quote)) * value_bps / BPS
    if down == pair.base_is_token0:
        return int(worth / mid * 10**pair.base_decimals)
    return int(worth * 10**pair.quote_decimals)


def _least_out(pair: Pair, paid: int, down: bool, mid: float, slippage_bps: float) -> int:
    """What must come out: the sale at the CeFi mid, less the pool's fee and the slippage that is allowed."""
    keep = (1 - pair.fee_ppm / 1e6) * (1 - slippage_bps / BPS)
    if down == pair.base_is_token0:
        return int(pair.whole_base(paid) * mid * keep * 10**pair.quote_decimals)
    return int(pair.whole_quote(paid) / mid * keep * 10**pair.base_decimals)
