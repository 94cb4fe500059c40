"""Each trade of a sweep is a last price, but none for an order that came after it in the same batch."""

from decimal import Decimal

from common.exchange.commands import Batch, PlaceOrder, PriceReference, Trigger, TriggerKind
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Event, OrderTriggered, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce

INSTRUMENT = Instrument(
    venue="paper", symbol="X-Y", venue_symbol="XY", base="X", quote="Y", tick_size=Decimal(1), lot_size=Decimal(1)
)
STOP = Trigger(kind=TriggerKind.STOP_LOSS, reference=PriceReference.LAST, price_ticks=100)
TRAILING = Trigger(kind=TriggerKind.TRAILING, reference=PriceReference.LAST, offset_ticks=5)


def _order(name: str, side: Side, price: int, lots: int, trigger: Trigger | None = None) -> PlaceOrder:
    return PlaceOrder(
        time_ns=1, account=name, symbol="X-Y", client_order_id=name, side=side, quantity_lots=lots, price_ticks=price,
        order_type=OrderType.LIMIT if price else OrderType.MARKET, trigger=trigger,
        time_in_force=TimeInForce.GTC if price else TimeInForce.IOC,
    )  # fmt: skip


def _exchange() -> Exchange:
    """The last price is 103, asks wait at 100 and 104, a bid at 90."""
    exchange = Exchange(ExchangeConfig(instruments=[INSTRUMENT], fees=FeeSchedule.flat(0, 0), settles=False))
    for order in (
        _order("a", Side.SELL, 103, 1),
        _order("b", Side.BUY, 103, 1),
        _order("bid", Side.BUY, 90, 9),
        _order("low", Side.SELL, 100, 1),
        _order("high", Side.SELL, 104, 1),
    ):
        exchange.execute(order)
    return exchange


def _takers(events: list[Event]) -> list[str]:
    return [event.taker.account for event in events if isinstance(event, TradeExecuted)]


def test_a_price_in_the_middle_of_a_sweep_fires() -> None:
    exchange = _exchange()
    exchange.execute(_order("stop", Side.SELL, 0, 1, STOP))
    assert _takers(exchange.execute(_order("sweep", Side.BUY, 0, 2))) == ["sweep", "sweep", "stop"]


def test_prices_before_an_order_of_the_same_batch_do_not_fire_it() -> None:
    exchange = _exchange()
    items = [_order("sweep", Side.BUY, 0, 2), _order("stop", Side.SELL, 0, 1, STOP)]
    events = exchange.execute(Batch(time_ns=1, items=items))
    assert _takers(events) == ["sweep", "sweep"] and len(exchange.markets["X-Y"].stops) == 1
    exchange.execute(_order("ask", Side.SELL, 100, 1))
    assert _takers(exchange.execute(_order("buy", Side.BUY, 0, 1))) == ["buy", "stop"]


def test_a_trailing_order_follows_only_prices_after_it() -> None:
    exchange = _exchange()
    items = [_order("sweep", Side.BUY, 0, 2), _order("trail", Side.BUY, 0, 1, TRAILING)]
    events = exchange.execute(Batch(time_ns=1, items=items))
    # 104 + 5, not the 100 + 5 of the first trade.
    assert not [event for event in events if isinstance(event, OrderTriggered)]
    assert [stop for _, stop in exchange.markets["X-Y"].stops.prices()] == [109]
