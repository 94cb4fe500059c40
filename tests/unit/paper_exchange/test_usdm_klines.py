"""Bars of a minute and longer ones, against sums over the same trades."""

from random import Random

from common.exchange.events import TradeExecuted, TradeParty
from common.model.order import Side
from services.paper_exchange.usdm_klines import BARS_KEPT, INTERVALS, MINUTE_MS, Klines

WORLD = TradeParty(account="market", order_id=0, client_order_id="", fee_units=0, fee_asset="USDT")
START_MS = 1_723_161_300_000  # full five minutes


def trade(number: int, at_ms: int, price: int, lots: int, side: Side = Side.BUY) -> TradeExecuted:
    """A trade of the outside world."""
    return TradeExecuted(
        time_ns=at_ms * 1_000_000, trade_id=number, symbol="X", price_ticks=price, quantity_lots=lots, aggressor=side,
        maker=WORLD, taker=WORLD,
    )  # fmt: skip


def test_bars_of_every_length_are_what_their_trades_say():
    random, klines, trades = Random(5), Klines(), list[TradeExecuted]()
    at_ms = START_MS
    for number in range(1, 600):
        at_ms += random.choice((5, 900, 12_000, 70_000))
        side = random.choice(list(Side))
        trades.append(trade(number, at_ms, 1_000 + random.randint(-50, 50), random.randint(1, 9), side))
        klines.add(trades[-1])
    for length_ms in INTERVALS.values():
        for bar in klines.bars(length_ms):
            inside = [each for each in trades if bar.open_ms <= each.time_ns // 10**6 < bar.open_ms + length_ms]
            assert bar.lots == sum(each.quantity_lots for each in inside) and bar.trades == len(inside)
            assert bar.cost == sum(each.quantity_lots * each.price_ticks for each in inside)
            bought = [each for each in inside if each.aggressor is Side.BUY]
            assert bar.bought == sum(each.quantity_lots for each in bought)
            if inside:
                prices = [each.price_ticks for each in inside]
                assert (bar.first_id, bar.last_id) == (inside[0].trade_id, inside[-1].trade_id)
                assert bar.close == prices[-1] and bar.high >= max(prices) and bar.low <= min(prices)
            if length_ms == MINUTE_MS and inside:
                assert (bar.open, bar.high, bar.low) == (prices[0], max(prices), min(prices))
        opens = [bar.open_ms for bar in klines.bars(length_ms)]
        assert opens == list(range(opens[0], opens[-1] + 1, length_ms))
        assert klines.newest(length_ms) == klines.bars(length_ms)[-1]
    day = klines.day()
    assert day is not None and day.trades == len(trades)


def test_minutes_without_a_trade_are_flat_at_the_last_price():
    klines = Klines()
    klines.add(trade(1, START_MS, 100, 5))
    klines.advance(START_MS + 3 * MINUTE_MS + 1)
    flat = klines.bars(MINUTE_MS)[1:]
    assert [(bar.open, bar.high, bar.low, bar.close, bar.trades, bar.first_id) for bar in flat] == [
        (100, 100, 100, 100, 0, -1)
    ] * 3
    klines.add(trade(2, START_MS + 3 * MINUTE_MS + 2, 90, 1))
    assert (klines.bars(MINUTE_MS)[-1].open, klines.bars(MINUTE_MS)[-1].high) == (90, 90)


def test_a_long_silence_costs_no_more_than_what_is_kept():
    klines = Klines()
    klines.add(trade(1, START_MS, 100, 5))
    klines.advance(START_MS + 10**12)
    bars = klines.bars(MINUTE_MS)
    assert len(bars) == BARS_KEPT and bars[-1].open_ms == (START_MS + 10**12) // MINUTE_MS * MINUTE_MS


def test_before_the_first_trade_there_is_nothing():
    klines = Klines()
    klines.advance(START_MS)
    assert klines.bars(MINUTE_MS) == [] and klines.newest(MINUTE_MS) is None and klines.day() is None
