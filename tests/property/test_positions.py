"""Positions and profit: sums of trades whatever their order, and sources that add up to the whole."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.accounting.attribution import HedgeProfit, mark_hedge, trade_hedge
from common.accounting.positions import Position, Trade, apply_trade, average_price, unrealized
from common.accounting.statistics import TimeWeighted, add_sample
from common.model.instrument import Instrument
from common.model.order import Side

ETH = Instrument(
    venue="v", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"),
)  # fmt: skip

trades = st.builds(
    Trade,
    side=st.sampled_from(Side),
    price_ticks=st.integers(1, 10**6),
    quantity_lots=st.integers(1, 10**6),
    maker=st.booleans(),
    fee=st.decimals("-1", "1", places=8),
    base_fee=st.decimals("0", "1", places=8),
)
prices = st.floats(100, 5000)


def book(order: list[Trade]) -> Position:
    position = Position()
    for trade in order:
        position = apply_trade(position, trade, ETH)
    return position


@given(st.lists(trades, max_size=20), st.data())
def test_sums_do_not_depend_on_the_order_of_trades(done: list[Trade], data: st.DataObject) -> None:
    one, other = book(done), book(data.draw(st.permutations(done)))
    for name in ("quantity_lots", "cash", "fees", "base_fees", "turnover", "fill_count", "taker_fill_count"):
        assert getattr(one, name) == getattr(other, name)
    assert one.quantity_lots == sum(trade.side.sign * trade.quantity_lots for trade in done)
    value = [trade.side.sign * trade.price_ticks * trade.quantity_lots for trade in done]
    assert one.cash == -sum(value) * ETH.tick_size * ETH.lot_size


@given(st.lists(trades, max_size=20), prices)
def test_realized_and_unrealized_add_up_to_cash_and_holdings(done: list[Trade], mark: float) -> None:
    position = book(done)
    total = float(position.cash) + ETH.quantity(position.quantity_lots) * mark
    parts = float(position.realized) + unrealized(position, ETH, mark)
    assert parts == pytest.approx(total, rel=1e-9, abs=1e-6)
    if not position.quantity_lots:
        assert position.cost == 0 and average_price(position, ETH) == 0


def test_average_cost_by_hand() -> None:
    position = book(
        [
            Trade(side=Side.BUY, price_ticks=200_000, quantity_lots=10_000),
            Trade(side=Side.BUY, price_ticks=300_000, quantity_lots=10_000),
            Trade(side=Side.SELL, price_ticks=400_000, quantity_lots=5_000),
        ]
    )
    assert average_price(position, ETH) == 2500.0
    assert position.realized == Decimal("750")
    flipped = apply_trade(position, Trade(side=Side.SELL, price_ticks=100_000, quantity_lots=25_000), ETH)
    assert flipped.quantity_lots == -10_000 and average_price(flipped, ETH) == 1000.0
    assert flipped.realized == Decimal("750") + Decimal("-2250")
    assert unrealized(flipped, ETH, 900.0) == pytest.approx(100.0)


@given(
    st.lists(st.one_of(prices, st.tuples(st.sampled_from(Side), prices, st.floats(0.001, 100), prices)), max_size=30)
)
def test_trading_and_drift_explain_the_whole_profit_of_the_hedge(
    steps: list[float | tuple[Side, float, float, float]],
) -> None:
    profit, cash, quantity = HedgeProfit(), 0.0, 0.0
    scale = 1.0
    for step in steps:
        if isinstance(step, float):
            profit = mark_hedge(profit, step)
        else:
            side, price, lots, mid = step
            profit = trade_hedge(profit, side, price, lots, mid)
            cash, quantity = cash - side.sign * price * lots, quantity + side.sign * lots
            scale += price * lots
    if not math.isnan(profit.mark):
        total = cash + quantity * profit.mark
        assert profit.trading + profit.inventory == pytest.approx(total, rel=1e-9, abs=1e-9 * scale)
    assert profit.quantity == pytest.approx(quantity)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 10)), min_size=1, max_size=50))
def test_running_statistics_equal_those_of_the_whole_series(samples: list[tuple[float, float]]) -> None:
    running = TimeWeighted()
    for value, held_s in samples:
        running = add_sample(running, value, held_s)
    values, weights = np.array(samples).T
    mean = np.average(values, weights=weights)
    std = np.sqrt(np.average((values - mean) ** 2, weights=weights))
    assert running.samples == len(samples)
    assert running.mean == pytest.approx(mean, abs=1e-8)
    assert running.std == pytest.approx(std, abs=1e-6)
    assert running.abs_max == np.abs(values).max()


def test_statistics_refuse_what_is_no_number_and_ignore_no_time() -> None:
    assert add_sample(TimeWeighted(), 5.0, 0.0) == TimeWeighted() and TimeWeighted().std == 0.0
    for value, held_s in ((math.nan, 1.0), (math.inf, 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="expected"):
            add_sample(TimeWeighted(), value, held_s)
