"""Cost of an order that joins the queue while many rest: `python book_inserts.py WHERE RESTING...`.

WHERE is `book` (our book alone), `exchange` (our exchange with checks, ledger and events) or `nautilus`
(NautilusTrader's OrderMatchingEngine; its orders are made outside of the timing and its events go into a list).
Prints one JSON object: microseconds per order by number of resting orders, the median of single orders.
"""

import json
import random
import statistics
import sys
import time
from pathlib import Path

ORDERS_TIMED = 400
PRICES = 500


def book():
    """Our book: a queue, a level and an entry in the map of orders."""
    _see_project()
    from common.exchange.book import OrderBook, RestingOrder

    bids = OrderBook().bids
    return lambda number, price: (price, RestingOrder("a", number, 1)), lambda made: bids.append(*made)


def exchange():
    """Our exchange: one customer's post-only orders, as commands."""
    _see_project()
    from decimal import Decimal

    from common.exchange.commands import Deposit, PlaceOrder
    from common.exchange.configuration import ExchangeConfig
    from common.exchange.events import OrderPlaced
    from common.exchange.exchange import Exchange
    from common.exchange.fees.schedule import FeeSchedule
    from common.exchange.rules import MarketRules
    from common.model.instrument import Instrument
    from common.model.order import Side

    instrument = Instrument(
        venue="bench", symbol="X-Y", venue_symbol="XY", base="X", quote="Y", tick_size=Decimal(1), lot_size=Decimal(1)
    )
    config = ExchangeConfig(
        instruments=[instrument],
        fees=FeeSchedule.flat(Decimal(2), Decimal(5)),
        rules={"X-Y": MarketRules(open_orders_max=10**6)},
    )
    venue = Exchange(config)
    venue.execute(Deposit(time_ns=1, account="a", asset="Y", units=9 * 10**18))

    def make(number, price):
        return PlaceOrder(
            time_ns=number, account="a", symbol="X-Y", client_order_id=str(number), side=Side.BUY,
            price_ticks=price, quantity_lots=1, post_only=True,
        )  # fmt: skip

    def place(order):
        if not isinstance(venue.execute(order)[0], OrderPlaced):
            raise RuntimeError(f"refused, so it measures nothing: {order}")

    return make, place


def nautilus():
    """NautilusTrader's engine for one market, with a quote above all orders."""
    from nautilus_trader.backtest.engine import OrderMatchingEngine
    from nautilus_trader.backtest.models import FillModel, MakerTakerFeeModel
    from nautilus_trader.cache.cache import Cache
    from nautilus_trader.common.component import MessageBus, TestClock
    from nautilus_trader.common.factories import OrderFactory
    from nautilus_trader.model.data import QuoteTick
    from nautilus_trader.model.enums import AccountType, BookType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import AccountId, StrategyId, TraderId
    from nautilus_trader.model.objects import Price, Quantity
    from nautilus_trader.test_kit.providers import TestInstrumentProvider

    clock, trader, account, one = TestClock(), TraderId("T-1"), AccountId("BINANCE-1"), Quantity.from_str("1.000")
    bus, cache, instrument = MessageBus(trader, clock), Cache(), TestInstrumentProvider.ethusdt_perp_binance()
    bus.register("ExecEngine.process", [].append)
    cache.add_instrument(instrument)
    engine = OrderMatchingEngine(
        instrument=instrument, raw_id=0, fill_model=FillModel(), fee_model=MakerTakerFeeModel(),
        book_type=BookType.L1_MBP, oms_type=OmsType.NETTING, account_type=AccountType.MARGIN, msgbus=bus,
        cache=cache, clock=clock,
    )  # fmt: skip
    engine.process_quote_tick(
        QuoteTick(instrument.id, Price.from_str("1000.00"), Price.from_str("1001.00"), one, one, 0, 0)
    )
    orders = OrderFactory(trader, StrategyId("S-1"), clock)

    def make(_number, price):
        return orders.limit(instrument.id, OrderSide.BUY, one, Price.from_str(f"{price}.00"))

    return make, lambda order: engine.process_order(order, account)


def main():
    draw, (make, insert), number = random.Random(7), globals()[sys.argv[1]](), 0
    found = {}
    for resting in map(int, sys.argv[2:]):
        while number < resting:
            number += 1
            insert(make(number, 1 + draw.randrange(PRICES)))
        times = []
        for _ in range(ORDERS_TIMED):
            number += 1
            order = make(number, 1 + draw.randrange(PRICES))
            started = time.perf_counter_ns()
            insert(order)
            times.append(time.perf_counter_ns() - started)
        found[resting] = statistics.median(times) / 1000
    print(json.dumps(found))


def _see_project():
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


main()
