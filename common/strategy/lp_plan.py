"""From tokens in hand to the mints of a re-anchoring, in one of two shapes.

`base_limit`: what balances goes into the base range around the price; the surplus token goes one-sided into a range
just beyond the price, where the pool's flow trades it away (hedge.md: do not create jumps). `pair`: a bid range of
quote alone below the price and an ask range of base alone above it, as wide as the model's two offsets ask.

Nothing is bought or sold unless a sale was planned (lp_swap.py, off by default), so what is owned in all stays the
same, and so does the hedge. The new ranges may stand in another pool of the same two tokens than the old ones.
"""

from typing import Literal

import msgspec

from common.amm.liquidity import amounts_of_liquidity, amounts_to_mint, liquidity_of_amounts
from common.amm.pair import Pair
from common.amm.tick_math import sqrt_price_at_tick
from common.strategy.lp_holdings import Holdings, OwnedRange
from common.strategy.lp_pool import PoolView, home_of
from common.strategy.lp_range import BPS, RangeTarget
from common.strategy.lp_swap import Hand, PlannedSwap, SwapRules

# The manager rounds liquidity down, which may cost a few raw units of a one-sided deposit, never a ten-thousandth.
_ROUNDING_PARTS = 10_000


class PlanRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shape and limits of a plan.

    `slippage_bps`: how far from the CeFi mid the pool may be when the transaction is mined. `drift_bps`: how far the
    pool may move between planning and mining without the tokens in hand falling short. `range_value_min` (quote):
    smaller ranges are not worth their gas; their tokens stay idle.
    """

    shape: Literal["base_limit", "pair"] = "base_limit"
    slippage_bps: float = 25.0
    drift_bps: float = 0.5
    range_value_min: float = 500.0
    swap: SwapRules = SwapRules()

    def __post_init__(self) -> None:
        if not 0 < self.slippage_bps < BPS:
            raise ValueError(f"slippage_bps must lie in 0..{BPS}, got {self.slippage_bps}")
        if not 0 <= self.drift_bps < self.slippage_bps:
            raise ValueError(f"drift_bps must be at least 0 and below slippage_bps, got {self.drift_bps}")
        if self.range_value_min < 0:
            raise ValueError(f"range_value_min must be at least 0, got {self.range_value_min}")
        if self.swap.enabled and self.shape == "pair":
            raise ValueError("swap.enabled needs shape base_limit: a pair leaves no surplus to sell")


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
    """Old ranges out, new ranges in, all or nothing. `pair`, `pool_id`: the pool of the new ranges; "" = not named.

    With a `swap` between the two it takes three transactions: the mints then hold only after burns and sale.
    """

    pair: Pair
    burns: tuple[PlannedBurn, ...]
    mints: tuple[PlannedMint, ...]
    target: RangeTarget
    swap: PlannedSwap | None = None
    pool_id: str = ""

    def deposits(self, pair: Pair) -> tuple[int, int]:
        """(base, quote) that all mints together may take."""
        return pair.unorder(sum(each.amount0 for each in self.mints), sum(each.amount1 for each in self.mints))


def plan_move(
    holdings: Holdings, target: RangeTarget, mid: float, rules: PlanRules,
    pool: PoolView | None = None, swap: PlannedSwap | None = None,
) -> MovePlan:  # fmt: skip
    """What re-anchors everything owned at this target of `pool` (absent: where our ranges stand). No mints: nothing
    worth minting.

    `mid` is the CeFi price: all minimum amounts are anchored to it and not to the pool's own quote, which whoever
    moves the pool also moves.
    """
    pool = pool or home_of(holdings)
    burns = plan_burns(holdings, mid, rules)
    hand = Hand(pool.sqrt_price_x96, *tokens_in_hand(holdings, rules.drift_bps))
    if swap:
        signed = (-swap.amount_in, swap.amount_out) if swap.zero_for_one else (swap.amount_out, -swap.amount_in)
        hand = Hand(swap.sqrt_price_after, hand.amount0 + signed[0], hand.amount1 + signed[1])
    draw = _Drawing(pool.pair, mid, rules)
    mints = draw.pair_of(target, hand) if rules.shape == "pair" else draw.base_and_limit(target, hand)
    return MovePlan(pair=pool.pair, pool_id=pool.pool_id, burns=burns, mints=tuple(mints), target=target, swap=swap)


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
    # The price itself counts too: the ends are floats, and of a drift of 0 they miss it by their rounding.
    ends = (*band(pair, price, drift_bps), holdings.sqrt_price_x96)
    amounts = [pair.order(*holdings.totals_at(sqrt)) for sqrt in ends]
    # Two raw units a range cover the rounding of the burn and of the fees.
    spare = 2 * len(holdings.ranges)
    least0, least1 = (max(min(each) - spare, 0) for each in zip(*amounts, strict=True))
    return least0, least1


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


class _Drawing:
    """The mints of one plan. Values are at the CeFi mid."""

    def __init__(self, pair: Pair, mid: float, rules: PlanRules) -> None:
        self._pair, self._mid, self._rules = pair, mid, rules
        self._band = band(pair, mid, rules.slippage_bps)

    def base_and_limit(self, target: RangeTarget, hand: Hand) -> list[PlannedMint]:
        """What balances around the price, and the surplus just beyond it."""
        mints = []
        if base := self._balanced(hand, target.base_ticks(self._pair)):
            mints.append(base)
            hand = Hand(hand.sqrt_price, hand.amount0 - base.amount0, hand.amount1 - base.amount1)
        # The surplus is one token; what little is left of the other one stays idle.
        hand_base, hand_quote = self._pair.unorder(hand.amount0, hand.amount1)
        if self._worth(hand_base, 0) >= self._worth(0, hand_quote):
            mints += self._single(hand.sqrt_price, target.ask_ticks(self._pair), hand_base, 0)
        else:
            mints += self._single(hand.sqrt_price, target.bid_ticks(self._pair), 0, hand_quote)
        return mints

    def pair_of(self, target: RangeTarget, hand: Hand) -> list[PlannedMint]:
        """All quote below the price and all base above it."""
        base, quote = self._pair.unorder(hand.amount0, hand.amount1)
        return [
            *self._single(hand.sqrt_price, target.bid_ticks(self._pair), 0, quote),
            *self._single(hand.sqrt_price, target.ask_ticks(self._pair), base, 0),
        ]

    def _balanced(self, hand: Hand, ticks: tuple[int, int]) -> PlannedMint | None:
        """The base range from what balances, or None if that is too little."""
        sqrt_price = hand.sqrt_price
        liquidity = liquidity_of_amounts(sqrt_price, *ticks, hand.amount0, hand.amount1)
        amount0, amount1 = amounts_of_liquidity(sqrt_price, *ticks, liquidity, round_up=True)
        # The manager finds liquidity from these amounts anew, and may lose a unit of it to its rounding.
        liquidity = liquidity_of_amounts(sqrt_price, *ticks, amount0, amount1)
        worth = self._worth(*self._pair.unorder(amount0, amount1))
        if not (amount0 and amount1) or worth < self._rules.range_value_min:
            return None
        low, high = self._band
        # Within the band token0 taken falls and token1 taken rises with the price: the ends hold the least of each.
        # The band stops short of the range's own bounds, so neither minimum is 0 and no mint ends up one-sided.
        amount0_min = amounts_to_mint(min(high, _between(sqrt_price, ticks[1])), *ticks, amount0, amount1)[1]
        amount1_min = amounts_to_mint(max(low, _between(sqrt_price, ticks[0])), *ticks, amount0, amount1)[2]
        return PlannedMint(
            tick_lower=ticks[0], tick_upper=ticks[1], amount0=amount0, amount1=amount1,
            amount0_min=amount0_min, amount1_min=amount1_min, liquidity=liquidity,
        )  # fmt: skip

    def _single(self, sqrt_price: int, ticks: tuple[int, int], base: int, quote: int) -> list[PlannedMint]:
        """A range of one token alone; none if it is not worth it, or if the price stands inside after all."""
        if self._worth(base, quote) < self._rules.range_value_min:
            return []
        amount0, amount1 = self._pair.order(base, quote)
        liquidity = liquidity_of_amounts(sqrt_price, *ticks, amount0, amount1)
        if not liquidity:
            return []
        return [PlannedMint(
            tick_lower=ticks[0], tick_upper=ticks[1], amount0=amount0, amount1=amount1,
            amount0_min=amount0 - -(-amount0 // _ROUNDING_PARTS), amount1_min=amount1 - -(-amount1 // _ROUNDING_PARTS),
            liquidity=liquidity,
        )]  # fmt: skip

    def _worth(self, base: int, quote: int) -> float:
        return self._pair.whole_base(base) * self._mid + self._pair.whole_quote(quote)


def _between(sqrt_price: int, tick: int) -> int:
    """Four fifths of the way from the price to a bound."""
    return sqrt_price + (sqrt_price_at_tick(tick) - sqrt_price) * 4 // 5
