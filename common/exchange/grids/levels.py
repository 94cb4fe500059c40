"""The prices of a grid, in ticks: exact, rounded half up, the same on every machine."""

from bisect import bisect_left
from enum import StrEnum
from itertools import pairwise

from common.exchange.grids.roots import integer_root, rounded_root
from common.model.order import Side

LEVELS_MIN = 2
LEVELS_MAX = 200
TICKS_MAX = 2**63 - 1

GUARD_BITS = 32
"""Fraction bits of the ratio between neighbours beyond as many as the highest price has. The ratio is less than
2**-bits of itself too low and each product less than 2**-bits, which add up to less than 2 * LEVELS_MAX * 2**-bits of
a price: a computed level is less than 2**(9 - GUARD_BITS) = 2**-23 too low."""
DOUBTFUL_BITS = 20
"""A level closer than 2**-20 below a half is computed again, exactly."""


class GridSpacing(StrEnum):
    """How a grid's levels follow each other.

    ARITHMETIC  at equal distances
    GEOMETRIC   at equal ratios
    """

    ARITHMETIC = "arithmetic"
    GEOMETRIC = "geometric"


def grid_levels(spacing: GridSpacing, low_ticks: int, high_ticks: int, count: int) -> list[int]:
    """Prices from the lowest to the highest, both included. Raises ValueError for one that is no grid."""
    if not LEVELS_MIN <= count <= LEVELS_MAX:
        raise ValueError(f"a grid has {LEVELS_MIN} to {LEVELS_MAX} levels, not {count}")
    if not 1 <= low_ticks < high_ticks <= TICKS_MAX:
        raise ValueError(f"a grid goes up from at least 1 tick, not from {low_ticks} to {high_ticks}")
    levels = (_arithmetic if spacing is GridSpacing.ARITHMETIC else _geometric)(low_ticks, high_ticks, count)
    if any(lower >= upper for lower, upper in pairwise(levels)):
        raise ValueError(f"{count} levels between {low_ticks} and {high_ticks} ticks are closer than one tick")
    return levels


def neighbour(index: int, filled: Side, count: int) -> int | None:
    """Level where the opposite of an order that filled at level `index` goes: a bought lot is sold one level higher, a
    sold one bought one level lower. None at the edges, which have no neighbour."""
    other = index + filled.sign
    return other if 0 <= other < count else None


def empty_level(levels: list[int], reference_ticks: int) -> int:
    """The level nearest to a price, the lower one of two: a grid starts with buys below and sells above it."""
    above = bisect_left(levels, reference_ticks)
    if not above:
        return 0
    if above == len(levels):
        return above - 1
    return above - 1 if reference_ticks - levels[above - 1] <= levels[above] - reference_ticks else above


def _arithmetic(low: int, high: int, count: int) -> list[int]:
    gaps, width = count - 1, high - low
    return [low + (2 * index * width + gaps) // (2 * gaps) for index in range(count)]


def _geometric(low: int, high: int, count: int) -> list[int]:
    gaps, bits = count - 1, high.bit_length() + GUARD_BITS
    ratio = integer_root((high << bits * gaps) // low, gaps)
    half, fraction = 1 << (bits - 1), (1 << bits) - 1
    doubtful = fraction + 1 - (1 << (bits - DOUBTFUL_BITS))
    level, levels = low << bits, [low]
    for index in range(1, gaps):
        level = level * ratio >> bits
        rounded = level + half
        if rounded & fraction >= doubtful:
            levels.append(rounded_root(low ** (gaps - index) * high**index, gaps))
        else:
            levels.append(rounded >> bits)
    return [*levels, high]
