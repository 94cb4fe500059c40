"""Candles: what a minute holds, what longer ones are made of, and that time leaves no hole."""

from itertools import pairwise
from random import Random

import pytest

from common.exchange.events import TradeExecuted, TradeParty
from common.model.order import Side
from services.paper_exchange.agg_trades import AGGREGATES_KEPT, AggregateTrades
from services.paper_exchange.candles import CANDLES_KEPT, DAY_MS, INTERVALS_MS, MINUTE_MS, CandleSeries, opening_ms

START_MS = 1_700_000_040_000  # a whole minute


def trade(at_ms: int, price: int, lots: int, side: Side = Side.BUY, number: int = 1, taker: str = "t", order: int = 1):
    """A trade of a taker."""
    maker, party = (
        TradeParty(account=name, order_id=order, client_order_id="", fee_units=0, fee_asset="USDT")
        for name in ("m", taker)
    )
    return TradeExecuted(
        time_ns=at_ms * 1_000_000, trade_id=number, symbol="ETH-USDT", price_ticks=price, quantity_lots=lots,
        aggressor=side, maker=maker, taker=party,
    )  # fmt: skip


def series(*trades: TradeExecuted) -> CandleSeries:
    """Candles of some trades, 100 units for a tick and lot."""
    made = CandleSeries(100)
    for each in trades:
        made.add(each)
    return made


def test_a_minute_holds_its_first_highest_lowest_and_last_price_and_who_took():
    (minute,) = series(
        trade(START_MS, 100, 2, number=7),
        trade(START_MS + 1_000, 130, 3, Side.SELL, 8),
        trade(START_MS + 59_999, 90, 4, number=9),
    ).candles(MINUTE_MS, 0, START_MS)
    assert (minute.open, minute.high, minute.low, minute.close) == (100, 130, 90, 90)
    assert (minute.lots, minute.quote_units, minute.trades) == (9, (200 + 390 + 360) * 100, 3)
    assert (minute.bought_lots, minute.bought_units) == (6, (200 + 360) * 100)
    assert (minute.first_trade_id, minute.last_trade_id, minute.ends_ms) == (7, 9, START_MS + MINUTE_MS)


def test_minutes_without_trades_are_flat_at_the_price_before_them():
    made = series(trade(START_MS, 100, 2), trade(START_MS + 3 * MINUTE_MS + 5, 110, 1, number=2))
    shown = [(c.open, c.close, c.lots, c.first_trade_id) for c in made.candles(MINUTE_MS, 0, START_MS + DAY_MS)]
    assert shown == [(100, 100, 2, 1), (100, 100, 0, -1), (100, 100, 0, -1), (110, 110, 1, 2)]
    made.pass_time(START_MS + 5 * MINUTE_MS)
    assert [c.close for c in made.candles(MINUTE_MS, 0, START_MS + DAY_MS)][-2:] == [110, 110]
    made.pass_time(START_MS)  # the past changes nothing
    assert len(made.candles(MINUTE_MS, 0, START_MS + DAY_MS)) == 6


@pytest.mark.parametrize("interval", list(INTERVALS_MS))
def test_longer_candles_are_what_their_trades_make(interval: str):
    length, random = INTERVALS_MS[interval], Random(interval)
    trades, at_ms = [], START_MS
    for number in range(1, 200):
        at_ms += random.randrange(4 * MINUTE_MS)
        trades.append(trade(at_ms, random.randint(90, 110), random.randint(1, 9), random.choice(list(Side)), number))
    made = series(*trades)
    for candle in made.candles(length, 0, at_ms):
        within = [each for each in trades if candle.opened_ms <= each.time_ns // 10**6 < candle.ends_ms]
        prices = [each.price_ticks for each in within]
        assert candle.trades == len(within) and candle.lots == sum(each.quantity_lots for each in within)
        assert opening_ms(candle.opened_ms, length) == candle.opened_ms
        if within:
            assert (candle.open, candle.high, candle.low, candle.close) == (
                prices[0], max(prices), min(prices), prices[-1],
            )  # fmt: skip
            assert (candle.first_trade_id, candle.last_trade_id) == (within[0].trade_id, within[-1].trade_id)
        assert made.at(candle.opened_ms + length // 2, length) == candle
    assert sum(candle.trades for candle in made.candles(length, 0, at_ms)) == len(trades)


def test_weeks_begin_on_monday():
    assert opening_ms(1_700_000_000_000, INTERVALS_MS["1w"]) == 1_699_833_600_000  # 2023-11-13, a Monday


def test_a_day_forgets_what_is_older_than_24_hours():
    made = series(trade(START_MS, 500, 5), trade(START_MS + 2 * MINUTE_MS, 100, 1, number=2))
    day = made.day(START_MS + DAY_MS)
    assert (day.high, day.lots, day.opened_ms) == (500, 6, START_MS)
    day = made.day(START_MS + DAY_MS + MINUTE_MS)
    assert (day.high, day.lots, day.trades) == (100, 1, 1)
    quiet = made.day(START_MS + 2 * DAY_MS)
    assert (quiet.open, quiet.close, quiet.trades) == (100, 100, 0)
    assert CandleSeries(100).day(START_MS) is None and CandleSeries(100).at(START_MS, MINUTE_MS) is None


def test_a_long_silence_keeps_no_more_than_is_kept():
    made = series(trade(START_MS, 100, 2))
    made.pass_time(START_MS + 30 * DAY_MS)
    kept = made.candles(MINUTE_MS, 0, START_MS + 30 * DAY_MS)
    assert len(kept) == CANDLES_KEPT and kept[-1].opened_ms == START_MS + 30 * DAY_MS
    assert {c.opened_ms - b.opened_ms for b, c in pairwise(kept)} == {MINUTE_MS}


def test_trades_of_one_taker_at_one_price_are_one():
    made = AggregateTrades(40)
    told = list(
        made.absorb([
            trade(START_MS, 100, 1, number=1), trade(START_MS, 100, 2, number=2), trade(START_MS, 101, 3, number=3),
            trade(START_MS, 101, 4, number=4, order=2), trade(START_MS, 101, 5, number=5, taker="u", order=2),
        ])
    )  # fmt: skip
    shown = [(each.number, each.price_ticks, each.quantity_lots, each.first_id, each.last_id) for each in told]
    assert shown == [(41, 100, 3, 1, 2), (42, 101, 3, 3, 3), (43, 101, 4, 4, 4), (44, 101, 5, 5, 5)]
    assert list(made.newest) == told and list(made.absorb([])) == []
    for number in range(AGGREGATES_KEPT):
        list(made.absorb([trade(START_MS, 100, 1, number=number)]))
    assert len(made.newest) == AGGREGATES_KEPT and made.newest[-1].number == 44 + AGGREGATES_KEPT
