"""Ticks and square-root prices against numbers that the deployed pool is known to give, and against exact powers."""

from fractions import Fraction
from math import isqrt

import pytest

from common.amm.tick_math import (
    MAX_SQRT_PRICE_X96,
    MAX_TICK,
    MIN_SQRT_PRICE_X96,
    MIN_TICK,
    require_range,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
    usable_bounds,
)
from common.model.errors import InputInvalid


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        (MIN_TICK, 4295128739),
        (MIN_TICK + 1, 4295343490),
        (0, 1 << 96),
        (MAX_TICK - 1, 1461373636630004318706518188784493106690254656249),
        (MAX_TICK, 1461446703485210103287273052203988822378723970342),
    ],
)
def test_extreme_ticks_have_the_pools_own_prices(tick: int, expected: int) -> None:
    assert sqrt_price_at_tick(tick) == expected


@pytest.mark.parametrize("tick", [-500_000, -198_080, -1, 1, 50, 3_000, 198_079, 738_203])
def test_a_price_is_the_true_power_to_within_the_pools_own_precision(tick: int) -> None:
    true = isqrt(int(Fraction(10_001, 10_000) ** tick * (1 << 192) * 10**40)) / 10**20
    assert sqrt_price_at_tick(tick) == pytest.approx(true, rel=1e-9)


@pytest.mark.parametrize("tick", [MIN_TICK, MIN_TICK + 1, -198_080, -1, 0, 1, 79_999, MAX_TICK - 1])
def test_a_tick_begins_at_its_price_and_ends_just_below_the_next(tick: int) -> None:
    assert tick_at_sqrt_price(sqrt_price_at_tick(tick)) == tick
    assert tick_at_sqrt_price(sqrt_price_at_tick(tick + 1) - 1) == tick


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_a_tick_outside_the_range_is_refused_by_name(tick: int) -> None:
    with pytest.raises(InputInvalid, match=f"tick .*{MIN_TICK} <= tick <= {MAX_TICK}.*{tick}"):
        sqrt_price_at_tick(tick)


@pytest.mark.parametrize("price", [0, MIN_SQRT_PRICE_X96 - 1, MAX_SQRT_PRICE_X96, 1 << 160])
def test_a_price_outside_the_range_is_refused_by_name(price: int) -> None:
    with pytest.raises(InputInvalid, match=f"sqrtPriceX96 .*{price}"):
        tick_at_sqrt_price(price)


def test_bounds_must_be_aligned_in_order_and_in_range() -> None:
    assert require_range(-20, 30, 10) == (-20, 30)
    with pytest.raises(InputInvalid, match=r"tick_lower .*multiple of the tick spacing 10.*-21"):
        require_range(-21, 30, 10)
    with pytest.raises(InputInvalid, match=r"tick_upper .*above tick_lower 30"):
        require_range(30, 30, 10)
    with pytest.raises(InputInvalid, match="tick"):
        require_range(-900_000, 0, 10)


@pytest.mark.parametrize(
    ("spacing", "bounds"), [(1, (-887272, 887272)), (10, (-887270, 887270)), (60, (-887220, 887220))]
)
def test_usable_bounds_are_the_widest(spacing: int, bounds: tuple[int, int]) -> None:
    assert usable_bounds(spacing) == bounds
