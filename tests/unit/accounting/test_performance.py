"""Figures of a record of equity, against hand-worked and published numbers."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.accounting.performance import (
    DAYS_PER_YEAR,
    HOURS_PER_YEAR,
    annualized,
    calmar_ratio,
    max_drawdown,
    performance,
    sharpe_error,
    sharpe_ratio,
    simple_returns,
    sortino_ratio,
    win_rate,
)

VECTOR = [0.01, -0.005, 0.02, 0.0, 0.015]


def test_trap_42_sharpe_is_of_the_sample_and_of_a_year_without_weekends() -> None:
    assert sharpe_ratio(VECTOR) == pytest.approx(0.771589, abs=5e-7)
    assert sharpe_ratio(VECTOR) * math.sqrt(DAYS_PER_YEAR) == pytest.approx(14.741178, abs=5e-7)
    long = VECTOR * 6
    year = annualized(sharpe_ratio(long), len(long), DAYS_PER_YEAR)
    assert year == pytest.approx(statistics.mean(long) / statistics.stdev(long) * math.sqrt(365))


@pytest.mark.parametrize("returns", [[], [0.1], [0.1] * 3, [0.0] * 5, [1e-9] * 100])
def test_trap_42_no_spread_is_no_ratio(returns: list[float]) -> None:
    assert sharpe_ratio(returns) is None
    assert sortino_ratio(returns) is None


def test_trap_43_no_trades_is_no_win_rate() -> None:
    assert win_rate(0, 0) is None
    assert win_rate(3, 1) == 0.75
    assert win_rate(0, 2) == 0.0


def test_sortino_counts_all_periods() -> None:
    # downside: one loss of 0.005 among five periods
    assert sortino_ratio(VECTOR) == pytest.approx(0.008 / math.sqrt(0.005**2 / 5))
    assert sortino_ratio([0.01, 0.02], wanted=0.015) == pytest.approx(0.0)


@pytest.mark.parametrize(("periods", "per_year", "said"), [(29, 365, False), (30, 365, True), (719, 8760, False)])
def test_a_short_record_is_not_annualized(periods: int, per_year: int, said: bool) -> None:
    returns = [0.01, -0.01] * (periods // 2) + [0.01] * (periods % 2)
    assert (annualized(sharpe_ratio(returns), periods, per_year) is not None) is said
    assert (calmar_ratio(returns, per_year) is not None) is said


def test_an_hourly_record_of_30_days_is_annualized_by_hours() -> None:
    returns = [0.001, -0.0005] * 360
    expected = statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(8760)
    assert annualized(sharpe_ratio(returns), 720, HOURS_PER_YEAR) == pytest.approx(expected)


def test_drawdown_begins_at_the_start() -> None:
    assert max_drawdown([-0.2, 0.1]) == pytest.approx(-0.2)
    assert max_drawdown([0.5, -0.5, 0.2, -0.5, 3.0]) == pytest.approx(1.5 * 0.5 * 1.2 * 0.5 / 1.5 - 1)
    assert max_drawdown([]) == 0.0 == max_drawdown([0.1, 0.2])


def test_calmar_is_a_years_growth_over_the_drawdown() -> None:
    returns = [0.1] + [0.0] * 363 + [-0.05]
    assert calmar_ratio(returns, DAYS_PER_YEAR) == pytest.approx((1.1 * 0.95 - 1) / 0.05)
    assert calmar_ratio([0.01] * 60, DAYS_PER_YEAR) is None, "no drawdown"
    assert calmar_ratio([-1.0] * 60, DAYS_PER_YEAR) is None, "all lost"


def test_growth_of_a_year_may_be_beyond_all_floats() -> None:
    assert calmar_ratio([1e9] * 29 + [-0.5], DAYS_PER_YEAR) is None


def test_error_of_sharpe() -> None:
    assert sharpe_error(0.25, 155) == pytest.approx(0.0816, abs=5e-5)


def test_flows_are_no_returns() -> None:
    assert simple_returns([100, 220, 110], [0, 100, -110]) == pytest.approx([0.1, 0.0])
    assert simple_returns([0, 100, 101], [0, 100, 0]) == pytest.approx([0.0, 0.01])
    assert simple_returns([0, 0, 0], [0, 0, 0]) == [0.0, 0.0]
    with pytest.raises(ValueError):
        simple_returns([1.0, 2.0], [0.0])


def test_all_figures_of_a_record() -> None:
    equity = [100.0]
    for index in range(60):
        equity.append(equity[-1] * (1.02 if index % 3 else 0.98))
    told = performance(equity, [0.0] * 61, DAYS_PER_YEAR, 6, 4)
    assert (told.periods, told.win_rate) == (60, 0.6)
    assert told.total_return == pytest.approx(1.02**40 * 0.98**20 - 1)
    assert told.drawdown_max == pytest.approx(-0.02)
    assert told.sharpe_year == pytest.approx(told.sharpe * math.sqrt(365))
    assert told.sharpe_error == pytest.approx(math.sqrt((1 + told.sharpe**2 / 2) / 60))
    assert told.sortino_year is not None and told.calmar is not None


def test_a_record_of_one_sample_says_what_it_can() -> None:
    told = performance([100.0], [0.0], HOURS_PER_YEAR, 0, 0)
    assert (told.periods, told.total_return, told.drawdown_max) == (0, 0.0, 0.0)
    assert {told.sharpe, told.sharpe_error, told.sharpe_year, told.sortino_year, told.calmar, told.win_rate} == {None}


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60))
def test_scale_does_not_matter_and_drawdown_is_a_fraction(returns: list[float]) -> None:
    sharpe = sharpe_ratio(returns)
    if sharpe is not None and abs(sharpe) > 1e-6 and statistics.stdev(returns) > 1e-6:
        assert sharpe_ratio([each * 0.25 for each in returns]) == pytest.approx(sharpe, rel=1e-6)
    assert -1.0 <= max_drawdown(returns) <= 0.0
