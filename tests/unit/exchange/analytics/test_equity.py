"""Samples of equity on the hour."""

from common.exchange.analytics.equity import DAYS_KEPT, HOURS_KEPT, series_from


def test_every_hour_is_sampled_even_when_nothing_came() -> None:
    series = series_from(10)
    series.sample(10, 100, 100)
    series.sample(13, 90, 100)
    assert (series.hours.last, series.hours.equity) == (13, [100, 90, 90, 90])
    assert series.hours.flows == [100, 0, 0, 0]
    assert not series.days.equity, "no midnight yet"


def test_a_midnight_that_was_missed_is_the_equity_of_then() -> None:
    series = series_from(20)
    series.sample(20, 100, 100)
    series.sample(30, 110, 105)
    assert (series.days.last, series.days.equity, series.days.flows) == (1, [110], [105])
    series.sample(31, 500, 105)
    assert series.days.equity == [110]
    series.sample(48, 120, 95)
    assert (series.days.last, series.days.equity, series.days.flows) == (2, [110, 120], [105, -10])


def test_flows_of_the_day_are_those_of_its_hours() -> None:
    series = series_from(1)
    for hour in range(1, 49):
        series.sample(hour, 1000 + hour, hour * hour)
    assert sum(series.hours.flows) == 48 * 48
    assert series.days.flows == [24 * 24, 48 * 48 - 24 * 24]


def test_samples_are_bounded_and_without_a_gap() -> None:
    series = series_from(0)
    series.sample(0, 5, 0)
    series.sample(10**6, 7, 3)
    assert series.hours.equity == [7] * HOURS_KEPT
    assert series.days.equity == [7] * DAYS_KEPT
    assert len(series.hours.flows) == HOURS_KEPT
    for hour in range(10**6 + 1, 10**6 + 50):
        series.sample(hour, hour, 3)
    assert len(series.hours.equity) == len(series.hours.flows) == HOURS_KEPT
    assert series.hours.equity[-1] == series.hours.last == 10**6 + 49
