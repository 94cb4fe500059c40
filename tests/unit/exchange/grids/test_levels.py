"""A grid's prices, to the tick."""

from decimal import Decimal, getcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.exchange.grids.levels import (
    LEVELS_MAX,
    TICKS_MAX,
    GridSpacing,
    empty_level,
    grid_levels,
    neighbour,
)
from common.exchange.grids.roots import integer_root, rounded_root
from common.model.order import Side

ARITHMETIC, GEOMETRIC = GridSpacing.ARITHMETIC, GridSpacing.GEOMETRIC


def test_trap_32_levels_are_rounded_half_up_not_cut() -> None:
    assert grid_levels(ARITHMETIC, 100, 200, 4) == [100, 133, 167, 200]
    assert grid_levels(ARITHMETIC, 10, 15, 3) == [10, 13, 15], "12.5 goes up"


def test_trap_37_geometric_levels() -> None:
    assert grid_levels(GEOMETRIC, 100, 200, 5) == [100, 119, 141, 168, 200]


def test_trap_31_edges_have_no_neighbour() -> None:
    assert neighbour(3, Side.BUY, 4) is None
    assert neighbour(0, Side.SELL, 4) is None
    assert neighbour(0, Side.BUY, 4) == 1
    assert neighbour(3, Side.SELL, 4) == 2


@pytest.mark.parametrize("spacing", GridSpacing)
@pytest.mark.parametrize(
    ("low", "high", "count"),
    [
        (100, 200, 0),
        (100, 200, 1),
        (100, 200, -1),
        (100, 200, LEVELS_MAX + 1),
        (200, 100, 4),
        (100, 100, 2),
        (0, 100, 4),
        (-5, 100, 4),
        (100, TICKS_MAX + 1, 4),
        (100, 102, 4),
    ],
)
def test_trap_33_what_is_no_grid_is_refused(spacing: GridSpacing, low: int, high: int, count: int) -> None:
    with pytest.raises(ValueError):
        grid_levels(spacing, low, high, count)


@pytest.mark.parametrize("spacing", GridSpacing)
def test_two_levels_are_the_bounds(spacing: GridSpacing) -> None:
    assert grid_levels(spacing, 100, 101, 2) == [100, 101]


def test_a_level_a_hair_below_a_half_is_not_rounded_up() -> None:
    # sqrt(9 k (k + 1)) = 3k + 3/2 - 3/(8k) + ...: 2**-31 below a half at this k, too close for the fast way.
    k = 2**30
    assert grid_levels(GEOMETRIC, k, 9 * (k + 1), 3)[1] == 3 * k + 1


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(2, LEVELS_MAX), st.sampled_from(GridSpacing))
def test_levels_rise_between_the_bounds(low: int, width: int, count: int, spacing: GridSpacing) -> None:
    try:
        levels = grid_levels(spacing, low, low + width, count)
    except ValueError:
        assert width < count or spacing is GEOMETRIC, "an arithmetic grid this wide has distinct levels"
        return
    assert len(levels) == count
    assert (levels[0], levels[-1]) == (low, low + width)
    assert all(lower < upper for lower, upper in pairwise(levels))


@given(st.integers(1, TICKS_MAX - 1), st.integers(2, LEVELS_MAX), st.data())
def test_geometric_levels_are_the_exact_roots(low: int, count: int, data: st.DataObject) -> None:
    high = data.draw(st.integers(low + 1, TICKS_MAX))
    try:
        levels = grid_levels(GEOMETRIC, low, high, count)
    except ValueError:
        return
    gaps = count - 1
    for index in {1, gaps // 2, gaps - 1} - {0, gaps}:
        assert levels[index] == rounded_root(low ** (gaps - index) * high**index, gaps)


@given(st.integers(0, 2**600), st.integers(1, 300))
def test_integer_root_is_the_floor(value: int, degree: int) -> None:
    root = integer_root(value, degree)
    assert root**degree <= value < (root + 1) ** degree


@given(st.integers(0, 2**40), st.integers(1, 60))
def test_integer_root_of_a_power_and_beside_it(root: int, degree: int) -> None:
    assert integer_root(root**degree, degree) == root
    assert integer_root((root + 1) ** degree - 1, degree) == root


def test_roots_of_nothing_real_are_refused() -> None:
    for value, degree in ((-1, 2), (4, 0)):
        with pytest.raises(ValueError):
            integer_root(value, degree)


@given(st.integers(1, 10**12), st.integers(2, 20))
def test_rounded_root_agrees_with_decimals(value: int, degree: int) -> None:
    getcontext().prec = 60
    assert rounded_root(value, degree) == int(Decimal(value) ** (Decimal(1) / degree) + Decimal("0.5"))


def test_the_empty_level_is_the_nearest_and_of_two_the_lower() -> None:
    levels = [100, 110, 120, 130]
    nearest = {1: 0, 100: 0, 105: 0, 106: 1, 110: 1, 115: 1, 116: 2, 129: 3, 130: 3, 999: 3}
    assert {price: empty_level(levels, price) for price in nearest} == nearest
