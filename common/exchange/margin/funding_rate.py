"""How much a perpetual's price stands off its index, and what holders pay each other for it. Integers, rates at 1e-9.

The premium of one moment is (max(0, impact bid - index) - max(0, index - impact ask)) / index, where an impact price
is the average price of a market order for an impact notional. The funding rate of eight hours is the mean premium P
and clamp(I - P, +-0.05 %) with the interest I = 0.01 %; each hour an eighth of it is paid, at most 4 %.
"""

from collections.abc import Iterable

from common.exchange.money import RATE_SCALE

INTEREST_RATE = RATE_SCALE // 10_000
"""0.01 % in eight hours: what holding the quote asset is worth more than holding the base asset."""

CLAMP_RATE = 5 * RATE_SCALE // 10_000
"""0.05 %: the interest closes a gap to the premium of no more than this."""

HOURLY_RATE_MAX = 4 * RATE_SCALE // 100
"""4 % an hour, either way."""

HOURS_PER_RATE = 8
"""A funding rate is one of eight hours; each hour pays its eighth."""


def impact_price(levels: Iterable[tuple[int, int]], notional: int) -> tuple[int, int] | None:
    """Average price of a market order for `notional` (ticks x lots), as the fraction (ticks x lots, lots).

    `levels` are (price in ticks, lots), best first. The last level gives whole lots, as many as reach the notional.
    None when the levels do not hold so much: a book too thin to trade on says nothing of the price.
    """
    cost = taken = 0
    for price, lots in levels:
        part = min(lots, -(-(notional - cost) // price))
        cost, taken = cost + part * price, taken + part
        if cost >= notional:
            return cost, taken
    return None


def premium(index: int, bid: tuple[int, int] | None, ask: tuple[int, int] | None) -> int:
    """Premium of one moment as a rate at 1e-9, rounded towards zero; a side without an impact price counts nothing."""
    above = max(0, _distance(index, bid)) if bid else 0
    below = max(0, -_distance(index, ask)) if ask else 0
    return above - below


def funding_rate(mean_premium: int) -> int:
    """Rate of eight hours at 1e-9 for a mean premium at 1e-9; positive = long positions pay."""
    rate = mean_premium + max(-CLAMP_RATE, min(CLAMP_RATE, INTEREST_RATE - mean_premium))
    most = HOURLY_RATE_MAX * HOURS_PER_RATE
    return max(-most, min(most, rate))


def hourly_payment(value_units: int, rate: int) -> int:
    """Units that a position pays for one hour, negative = receives. `value_units` is signed: short = negative.

    Rounded up, which is against the holder both ways: who pays, pays the ceiling; who receives, gets the floor.
    """
    return -(-value_units * rate // (HOURS_PER_RATE * RATE_SCALE))


def mean(total: int, count: int) -> int:
    """Mean of samples, rounded towards zero so that both directions are treated alike."""
    return (abs(total) // count) * (-1 if total < 0 else 1)


def _distance(index: int, average: tuple[int, int]) -> int:
    cost, lots = average
    gap = cost - index * lots
    size = abs(gap) * RATE_SCALE // (index * lots)
    return -size if gap < 0 else size
