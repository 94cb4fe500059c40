"""Ranges as assets in both token orders, fees owed across the counters' wrap, and losses against closed forms."""

from math import sqrt

import pytest

from common.amm.fees import Growth, fees_owed, growth_inside
from common.amm.full_math import Q128, UINT256_MAX
from common.amm.loss import break_even_sigma, impermanent_loss, lvr_fraction_rate, lvr_rate
from common.amm.pair import Pair
from common.amm.position import Range, base_capacity, greeks
from common.model.errors import InputInvalid

PAIRS = [
    Pair(base_is_token0=order, base_decimals=18, quote_decimals=6, tick_spacing=10, fee_ppm=500)
    for order in (True, False)
]


@pytest.fixture(params=PAIRS, ids=["base is token0", "base is token1"])
def pair(request: pytest.FixtureRequest) -> Pair:
    return request.param


def test_prices_go_there_and_back(pair: Pair) -> None:
    assert pair.price_at(pair.sqrt_price_of(2700.25)) == pytest.approx(2700.25, rel=1e-14)
    assert pair.price_at_tick(round(pair.tick_of(2700))) == pytest.approx(2700, rel=1e-4)
    assert pair.price_at_step(pair.steps_of(2700)) == pytest.approx(2700, rel=1e-12)


@pytest.mark.parametrize("price", [0, -1.0, float("nan"), 1e60])
def test_a_price_that_cannot_be_is_refused(pair: Pair, price: float) -> None:
    with pytest.raises(InputInvalid, match=r"price|sqrtPrice"):
        pair.tick_of(price)


def a_range(pair: Pair, liquidity: int = 10**18) -> Range:
    step = round(pair.steps_of(2700))
    return Range(*pair.range_of(step - 4, step + 6), liquidity)


def test_floats_agree_with_exact_amounts(pair: Pair) -> None:
    position = a_range(pair)
    for price in (2500.0, 2695.0, 2700.0, 2710.0, 2900.0):
        figures = greeks(pair, position, price)
        base, quote = position.amounts(pair, pair.sqrt_price_of(price))
        assert figures.base == pytest.approx(pair.whole_base(base), rel=1e-8, abs=1e-8)
        assert figures.quote == pytest.approx(pair.whole_quote(quote), rel=1e-8, abs=1e-5)


def test_delta_and_gamma_are_derivatives_of_value(pair: Pair) -> None:
    position, step = a_range(pair), 0.01
    below, here, above = (greeks(pair, position, 2701.0 + shift) for shift in (-step, 0.0, step))
    assert (above.value - below.value) / (2 * step) == pytest.approx(here.delta, rel=1e-6)
    assert (above.delta - below.delta) / (2 * step) == pytest.approx(here.gamma, rel=1e-6)
    assert greeks(pair, position, 3000.0).gamma == 0 == greeks(pair, position, 3000.0).delta


def test_below_its_bounds_a_range_is_all_base(pair: Pair) -> None:
    position = a_range(pair)
    assert base_capacity(pair, position) == pytest.approx(greeks(pair, position, 1000.0).base)
    assert greeks(pair, position, 1000.0).quote == 0


def test_a_range_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputInvalid, match="tick_upper"):
        Range(10, 10, 1)
    with pytest.raises(InputInvalid, match="128-bit"):
        Range(0, 10, -1)


def test_growth_inside_for_a_price_below_inside_and_above() -> None:
    total, lower, upper = Growth(100, 1000), Growth(30, 300), Growth(20, 200)
    assert growth_inside(total, lower, upper, 0, 10, 5) == Growth(50, 500)
    assert growth_inside(total, lower, upper, 0, 10, -5) == lower - upper
    assert growth_inside(total, lower, upper, 0, 10, 10) == upper - lower


def test_fees_survive_the_wrap_of_the_counters() -> None:
    last = Growth(UINT256_MAX - 2 * Q128 + 1, 0)
    assert fees_owed(Growth(3 * Q128, 7 * Q128 + 1), last, 10, 4, 5) == (54, 75)


def test_impermanent_loss_equals_the_closed_form_inside_and_is_never_a_gain() -> None:
    start, low, high = 100.0, 90.0, 110.0
    for price in (91.0, 100.0, 104.0, 109.0):
        r = price / start
        expected = (2 * sqrt(r) - 1 - r) / (1 + r - sqrt(low / start) - r * sqrt(start / high))
        assert impermanent_loss(start, price, low, high) == pytest.approx(expected, abs=1e-14)
    assert impermanent_loss(start, 50.0, low, high) < impermanent_loss(start, 89.0, low, high) < 0
    with pytest.raises(InputInvalid, match="price_start"):
        impermanent_loss(80.0, 100.0, low, high)


def test_lvr_per_value_is_the_rate_over_the_value_and_a_wide_range_is_the_constant_product() -> None:
    value = 2 * sqrt(100) - 100 / sqrt(110) - sqrt(90)
    assert lvr_rate(1.0, 0.05, 100) / value == pytest.approx(lvr_fraction_rate(0.05, 100, 90, 110))
    assert lvr_fraction_rate(0.05, 120, 90, 110) == 0
    # A very wide range is the constant product: sigma^2 / 8.
    assert lvr_fraction_rate(0.05, 1.0, 1e-14, 1e14) == pytest.approx(0.05**2 / 8, rel=1e-5)


def test_at_break_even_volatility_fees_equal_lvr() -> None:
    sigma = break_even_sigma(3e-7, 2700.0)
    assert lvr_rate(1.0, sigma, 2700.0) == pytest.approx(3e-7)
