"""Estimators recover a known sigma, and do not swallow holes, jumps across holes, or nonsense."""

import math
import random
import statistics

import pytest

from common.pricing.volatility import EwmaVolatility, WindowVolatility

S = 1_000_000_000


def test_ewma_recovers_sigma_from_irregular_samples() -> None:
    rng, price, time_s = random.Random(5), 2_700.0, 0.0
    estimate = EwmaVolatility(half_life_s=2_000, interval_s=0.5)
    for _ in range(20_000):
        step = rng.choice((0.7, 1.0, 2.0))
        time_s += step
        price += rng.gauss(0, 0.25 * math.sqrt(step))
        estimate.add(int(time_s * S), price)
    # About half_life / ln 2 / mean step = 2,300 effective samples: relative error 1/sqrt(2n) = 1.5 %.
    assert estimate.sigma() == pytest.approx(0.25, rel=0.06)


def test_ewma_of_a_hand_made_path() -> None:
    estimate = EwmaVolatility(half_life_s=1.0)
    for second, price in enumerate((100.0, 102.0, 101.0)):
        estimate.add(second * S, price)
    assert estimate.sigma(samples_min=2) == pytest.approx(math.sqrt((0.5 * 4 + 1) / (0.5 * 1 + 1)))


def test_ewma_waits_for_samples_and_skips_close_ones() -> None:
    estimate = EwmaVolatility(half_life_s=60)
    for step in range(100):
        estimate.add(step * S // 100, 100.0 + step % 2)
    assert estimate.samples == 0
    assert estimate.sigma(samples_min=1) is None


def test_ewma_does_not_count_the_jump_across_a_hole() -> None:
    estimate = EwmaVolatility(half_life_s=60, gap_s=5)
    for second in range(20):
        estimate.add(second * S, 100.0 + 0.1 * (second % 2))
    before = estimate.sigma()
    estimate.add(100 * S, 150.0)
    assert estimate.sigma() == before
    estimate.add(101 * S, 150.1)
    assert estimate.sigma() == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, 0.0, -5.0])
def test_nonsense_prices_are_skipped(nonsense: float) -> None:
    estimate, window = EwmaVolatility(half_life_s=60), WindowVolatility(1.0, 10)
    for second, price in enumerate((100.0, nonsense, 101.0, 100.0)):
        estimate.add(second * S, price)
        window.add(price)
    assert estimate.samples == 2
    assert window.sigma() is None


def test_window_is_the_textbook_deviation_per_sqrt_second() -> None:
    rng, prices = random.Random(3), [100.0]
    window = WindowVolatility(0.1, 50)
    for _ in range(200):
        prices.append(prices[-1] + rng.gauss(0, 0.05))
    for price in prices:
        window.add(price)
    changes = [b - a for a, b in zip(prices[-51:], prices[-50:], strict=False)]
    assert window.sigma() == pytest.approx(statistics.stdev(changes) / math.sqrt(0.1))


@pytest.mark.parametrize(
    "values", [{"half_life_s": 0}, {"half_life_s": 1, "interval_s": -1}, {"half_life_s": math.nan}]
)
def test_ewma_guards(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        EwmaVolatility(**values)


@pytest.mark.parametrize(("step_s", "window"), [(0.0, 10), (math.inf, 10), (1.0, 1)])
def test_window_guards(step_s: float, window: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        WindowVolatility(step_s, window)
