"""A and k come back from trades that were drawn with them; unusable samples are refused."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.pricing.calibration import TradeDepths, fit_intensity


def test_exact_rates_come_back_exactly() -> None:
    fit = fit_intensity([1.5 * math.exp(-0.12 * depth) for depth in range(1, 40)])
    assert fit is not None
    assert (fit.arrival_rate, fit.decay, fit.levels) == (pytest.approx(1.5), pytest.approx(0.12), 39)
    assert fit.r_squared == pytest.approx(1.0)


def test_trades_drawn_from_an_intensity_give_it_back() -> None:
    # P(deepest >= d in a step) = A exp(-k d) step, so the deepest trade is exponential with probability A step.
    rng, arrival, decay, step_s = random.Random(11), 2.0, 0.15, 0.1
    depths = TradeDepths(window=200_000, depth_ticks_max=60)
    for _ in range(200_000):
        depths.add_step(rng.expovariate(decay) if rng.random() < arrival * step_s else 0.0)
    fit = fit_intensity(depths.rates(step_s), levels_max=20)
    assert fit is not None
    assert fit.arrival_rate == pytest.approx(arrival, rel=0.03)
    assert fit.decay == pytest.approx(decay, rel=0.03)


def test_depths_are_true_ticks() -> None:
    depths = TradeDepths(window=10, depth_ticks_max=5)
    for deepest in (2.5, 1.0, 0.5, 9.0):
        depths.add_step(deepest)
    # 2.5 crosses quotes at 1 and 2 ticks, 1.0 the one at 1, 0.5 none, 9 all of the five.
    assert depths.rates(1.0) == [3 / 4, 2 / 4, 1 / 4, 1 / 4, 1 / 4]


@given(st.lists(st.floats(-5, 50) | st.just(math.nan), min_size=1, max_size=60), st.integers(1, 20))
def test_window_counts_exactly_its_own_steps(steps: list[float], window: int) -> None:
    sliding, fresh = TradeDepths(window, 10), TradeDepths(window, 10)
    for step in steps:
        sliding.add_step(step)
    for step in steps[-window:]:
        fresh.add_step(step)
    assert sliding.rates(0.1) == fresh.rates(0.1)
    rates = sliding.rates(0.1)
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(
    "rates",
    [[], [1.0, 0.5], [1.0, 0.5, 0.0, 0.2], [1.0, 1.0, 1.0], [0.5, 0.7, 0.9], [math.nan, 1.0, 0.5], [math.inf] * 4],
)
def test_unusable_rates_give_no_fit(rates: list[float]) -> None:
    assert fit_intensity(rates) is None


def test_no_step_no_rate() -> None:
    assert TradeDepths(5, 5).rates(0.1) == []
    with pytest.raises(ValueError, match="depth_ticks_max"):
        TradeDepths(5, 2)
