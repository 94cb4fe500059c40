"""A rolling day, against all of its trades."""

from hypothesis import given
from hypothesis import strategies as st

from common.exchange.analytics.day import BUCKET_NS, BUCKETS, RollingDay
from common.exchange.analytics.day_figures import DayFigures


def test_high_low_volume_and_average() -> None:
    day = RollingDay()
    for time_ns, price, lots in ((0, 100, 1), (1, 90, 2), (BUCKET_NS, 120, 3)):
        day.trade(time_ns, price, lots)
    told = day.figures(BUCKET_NS)
    assert told == DayFigures(
        open_ticks=100, high_ticks=120, low_ticks=90, close_ticks=120, lots=6, tick_lots=640, trades=3
    )
    assert told.average_ticks(1) == 107
    assert told.average_ticks(100) == 10_667


def test_a_day_passes_without_a_trade_too() -> None:
    day = RollingDay()
    day.trade(0, 100, 1)
    assert day.figures((BUCKETS - 1) * BUCKET_NS).lots == 1
    assert day.figures(BUCKETS * BUCKET_NS) == DayFigures()
    assert DayFigures().average_ticks(1) == 0


def test_a_trade_without_volume_moves_prices_only() -> None:
    day = RollingDay()
    day.trade(0, 100, 1)
    day.trade(1, 130, 0)
    told = day.figures(1)
    assert (told.high_ticks, told.close_ticks, told.lots, told.trades) == (130, 130, 1, 1)


@given(st.lists(st.tuples(st.integers(0, 3 * BUCKET_NS), st.integers(1, 50), st.integers(0, 9)), max_size=400))
def test_buckets_are_bounded_and_lose_nothing_of_the_day(steps: list[tuple[int, int, int]]) -> None:
    day, time_ns, done = RollingDay(), 0, []
    for pause, price, lots in steps:
        time_ns += pause
        day.trade(time_ns, price, lots)
        done.append((time_ns // BUCKET_NS, price, lots))
        assert len(day.buckets) <= BUCKETS
    within = [trade for trade in done if trade[0] > time_ns // BUCKET_NS - BUCKETS]
    told = day.figures(time_ns)
    assert told.lots == sum(lots for _, _, lots in within)
    assert told.tick_lots == sum(price * lots for _, price, lots in within)
    assert told.high_ticks == max((price for _, price, _ in within), default=0)
    assert told.low_ticks == min((price for _, price, _ in within), default=0)
