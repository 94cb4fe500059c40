"""From tokens in hand to the mints of a re-anchoring, without a swap.

What balances goes into the base range around the price; the surplus token goes one-sided into a range just beyond
the price, where the pool's flow trades it away (hedge.md: do not create jumps). Nothing is bought or sold, so what
is owned in all stays the same, and so does the hedge.
"""

import msgspec

from common.amm.liquidity import amounts_of_liquidity, amounts_to_mint, liquidity_of_amounts
from common.amm.pair import Pair
from common.amm.tick_math import sqrt_price_at_tick
from common.strategy.lp_holdings import Holdings, OwnedRange
from common.strategy.lp_range import BPS, RangeTarget

# The manager rounds liquidity down, which may cost a few raw units of a one-sided deposit, never a ten-thousandth.
_ROUNDING_PARTS = 10_000


class PlanRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a plan.

    `slippage_bps`: how far from the CeFi mid the pool may be when the transaction is mined. `drift_bps`: how far the
    pool may move between planning and mining without the tokens in hand falling short. `range_value_min` (quote):
    smaller ranges are not worth their gas; their tokens stay idle.
    """

    slippage_bps: float = 25.0
    drift_bps: float = 0.5
    range_value_min: float = 500.0

    def __post_init__(self) -> None:
        if not 0 < self.slippage_bps < BPS:
            raise ValueError(f"slippage_bps must lie in 0..{BPS}, got {self.slippage_bps}")
        if not 0 <= self.drift_bps < self.slippage_bps:
            raise ValueError(f"drift_bps must be at least 0 and below slippage_bps, got {self.drift_bps}")
        if self.range_value_min < 0:
            raise ValueError(f"range_value_min must be at least 0, got {self.range_value_min}")


class PlannedMint(msgspec.Struct, frozen=True, kw_only=True):
    """One range to open, in the pool's own order of tokens. `liquidity` is what it gives at the present price."""

    tick_lower: int
    tick_upper: int
    amount0: int
    amount1: int
    amount0_min: int
    amount1_min: int
    liquidity: int


class PlannedBurn(msgspec.Struct, frozen=True, kw_only=True):
    """One range to empty, collect and burn, with the least that it must return."""

    owned: OwnedRange
    amount0_min: int
    amount1_min: int


class MovePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one transaction: old ranges out, new ranges in, all or nothing."""

    burns: tuple[PlannedBurn, ...]
    mints: tuple[PlannedMint, ...]
    target: RangeTarget

    def deposits(self, pair: Pair) -> tuple[int, int]:
        """(base, quote) that all mints together may take."""
        return pair.unorder(sum(each.amount0 for each in self.mints), sum(each.amount1 for each in self.mints))


def plan_move(holdings: Holdings, target: RangeTarget, mid: float, rules: PlanRules) -> MovePlan:
    """The transaction that re-anchors everything owned at this target. No mints: nothing worth minting.

    `mid` is the CeFi price: all minimum amounts are anchored to it and not to the pool's own quote, which whoever
    moves the pool also moves.
    """
    low, high = band(holdings.pair, mid, rules.slippage_bps)
    pair, burns = holdings.pair, plan_burns(holdings, mid, rules)
    hand0, hand1 = tokens_in_hand(holdings, rules.drift_bps)
    mints = []
    base_ticks = target.base_ticks(pair)
    if base := _mint_balanced(holdings, base_ticks, hand0, hand1, (low, high), rules):
        mints.append(base)
        hand0, hand1 = hand0 - base.amount0, hand1 - base.amount1
    # The surplus is one token; what little is left of the other one stays idle.
    hand_base, hand_quote = pair.unorder(hand0, hand1)
    if _value(holdings, hand_base, 0) >= _value(holdings, 0, hand_quote):
        surplus, ticks = pair.order(hand_base, 0), target.ask_ticks(pair)
    else:
        surplus, ticks = pair.order(0, hand_quote), target.bid_ticks(pair)
    if _value(holdings, *pair.unorder(*surplus)) >= rules.range_value_min:
        mints.append(_mint_single(holdings.sqrt_price_x96, ticks, *surplus))
    return MovePlan(burns=burns, mints=tuple(mints), target=target)


def plan_burns(holdings: Holdings, mid: float, rules: PlanRules) -> tuple[PlannedBurn, ...]:
    """Every range out, each with the least that it returns while the pool is within the slippage of the CeFi mid."""
    low, high = band(holdings.pair, mid, rules.slippage_bps)
    return tuple(_burn(owned, low, high) for owned in holdings.ranges)


def tokens_in_hand(holdings: Holdings, drift_bps: float) -> tuple[int, int]:
    """(token0, token1) that the wallet surely holds once the old ranges are burned and collected.

    Burning returns another mix if the pool moves before the transaction is mined: of each token the least within the
    drift counts.
    """
    pair, price = holdings.pair, holdings.price
    low, high = band(pair, price, drift_bps)
    at_low, at_high = (pair.order(*holdings.totals_at(sqrt)) for sqrt in (low, high))
    # Two raw units a range cover the rounding of the burn and of the fees.
    spare = 2 * len(holdings.ranges)
    amount0 = min(at_low[0], at_high[0]) - spare
    return max(amount0, 0), max(min(at_low[1], at_high[1]) - spare, 0)


def band(pair: Pair, price: float, width_bps: float) -> tuple[int, int]:
    """(low, high) square-root prices around P; low and high by the pool's own order."""
    ends = (pair.sqrt_price_of(price * (1 + sign * width_bps / BPS)) for sign in (-1, 1))
    low, high = sorted(ends)
    return low, high


def _burn(owned: OwnedRange, low: int, high: int) -> PlannedBurn:
    position = owned.range
    amount0, _ = amounts_of_liquidity(high, position.tick_lower, position.tick_upper, position.liquidity)
    _, amount1 = amounts_of_liquidity(low, position.tick_lower, position.tick_upper, position.liquidity)
    return PlannedBurn(owned=owned, amount0_min=amount0, amount1_min=amount1)


def _mint_balanced(
    holdings: Holdings, ticks: tuple[int, int], hand0: int, hand1: int, limits: tuple[int, int], rules: PlanRules
) -> PlannedMint | None:
    """The base range from what balances, or None if that is too little."""
    sqrt_price = holdings.sqrt_price_x96
    liquidity = liquidity_of_amounts(sqrt_price, *ticks, hand0, hand1)
    amount0, amount1 = amounts_of_liquidity(sqrt_price, *ticks, liquidity, round_up=True)
    if not (amount0 and amount1) or _value(holdings, *holdings.pair.unorder(amount0, amount1)) < rules.range_value_min:
        return None
    low, high = limits
    # Within the band token0 taken falls and token1 taken rises with the price: the ends hold the least of each.
    # The band stops short of the range's own bounds, so neither minimum is 0 and no mint ends up one-sided.
    amount0_min = amounts_to_mint(min(high, _between(sqrt_price, ticks[1])), *ticks, amount0, amount1)[1]
    amount1_min = amounts_to_mint(max(low, _between(sqrt_price, ticks[0])), *ticks, amount0, amount1)[2]
    return PlannedMint(
        tick_lower=ticks[0], tick_upper=ticks[1], amount0=amount0, amount1=amount1,
        amount0_min=amount0_min, amount1_min=amount1_min, liquidity=liquidity,
    )  # fmt: skip


def _mint_single(sqrt_price: int, ticks: tuple[int, int], amount0: int, amount1: int) -> PlannedMint:
    liquidity = liquidity_of_amounts(sqrt_price, *ticks, amount0, amount1)
    return PlannedMint(
        tick_lower=ticks[0], tick_upper=ticks[1], amount0=amount0, amount1=amount1,
        amount0_min=amount0 - -(-amount0 // _ROUNDING_PARTS), amount1_min=amount1 - -(-amount1 // _ROUNDING_PARTS),
        liquidity=liquidity,
    )  # fmt: skip


def _between(sqrt_price: int, tick: int) -> int:
    """Four fifths of the way from the price to a bound."""
    return sqrt_price + (sqrt_price_at_tick(tick) - sqrt_price) * 4 // 5


def _value(holdings: Holdings, base: int, quote: int) -> float:
    return holdings.pair.whole_base(base) * holdings.price + holdings.pair.whole_quote(quote)
