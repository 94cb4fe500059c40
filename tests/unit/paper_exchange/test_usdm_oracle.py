"""Where oracle prices come from: the outside world's middle on spot, else on the perpetual itself."""

from decimal import Decimal

import pytest

from common.exchange.commands import Deposit, PlaceOrder, SetLevels
from common.exchange.configuration import ExchangeConfig
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.commands import MoveCollateral, SetOracle
from common.exchange.margin.rules import PerpetualRules
from common.model.instrument import Instrument
from common.model.order import Side
from services.paper_exchange.usdm_oracle import OracleFeed


def instrument(symbol: str, tick: str, quote: str = "USDT") -> Instrument:
    """A market of ETH."""
    return Instrument(
        venue="paper", symbol=symbol, venue_symbol=symbol, base="ETH", quote=quote, tick_size=Decimal(tick),
        lot_size=Decimal("0.001"),
    )  # fmt: skip


SPOT, OTHER, PERP = instrument("S", "0.01"), instrument("O", "0.01", "USDC"), instrument("P", "0.1")


def feed(*spot: Instrument) -> tuple[Exchange, OracleFeed]:
    """An exchange with a perpetual and some spot markets."""
    config = ExchangeConfig(
        instruments=[*spot, PERP], fees=FeeSchedule.flat(0, 0), perpetuals={PERP.symbol: PerpetualRules()}
    )
    exchange = Exchange(config)
    return exchange, OracleFeed(exchange, {PERP.symbol: PERP})


def levels(exchange: Exchange, symbol: str, bid: int, ask: int) -> None:
    """The outside world's best prices."""
    bids, asks = ([(price, 1_000)] if price else [] for price in (bid, ask))
    exchange.execute(SetLevels(time_ns=1, symbol=symbol, bids=bids, asks=asks))


@pytest.mark.parametrize(
    ("bid", "ask", "price"),
    [(200_000, 200_100, 20_005), (200_000, 200_010, 20_001), (200_000, 200_009, 20_000), (1, 2, 0)],
)
def test_the_spot_middle_in_ticks_of_the_perpetual(bid: int, ask: int, price: int):
    exchange, oracle = feed(OTHER, SPOT)
    levels(exchange, "S", bid, ask)
    levels(exchange, "P", 19_000, 19_010)
    commands = oracle.commands(7)
    assert commands == ([SetOracle(time_ns=7, symbol="P", price_ticks=price)] if price else [])


def test_without_a_spot_market_the_perpetuals_own_middle():
    exchange, oracle = feed(OTHER)
    levels(exchange, "O", 100, 102)
    assert oracle.commands(1) == []
    levels(exchange, "P", 19_000, 0)
    assert oracle.commands(1) == []
    levels(exchange, "P", 0, 19_003)
    assert oracle.commands(1) == [SetOracle(time_ns=1, symbol="P", price_ticks=19_002)]
    assert oracle.anchor(PERP) is None


def test_nobody_moves_it_with_orders_of_his_own():
    exchange, oracle = feed()
    levels(exchange, "P", 19_000, 19_100)
    exchange.execute(Deposit(time_ns=1, account="a", asset="USDT", units=10**15))
    exchange.execute(MoveCollateral(time_ns=1, account="a", asset="USDT", units=10**15))
    exchange.execute(SetOracle(time_ns=1, symbol="P", price_ticks=19_050))
    order = PlaceOrder(
        time_ns=1, account="a", symbol="P", client_order_id="1", side=Side.BUY, price_ticks=19_099, quantity_lots=9
    )
    exchange.execute(order)
    best = exchange.markets["P"].book.bids.best()
    assert best is not None and best.price == 19_099
    assert oracle.commands(1)[0].price_ticks == 19_050


def test_the_anchor_of_a_synthetic_market_is_spot():
    exchange, oracle = feed(SPOT)
    anchor = oracle.anchor(PERP)
    assert anchor is not None and anchor() == 0
    levels(exchange, "S", 200_000, 200_100)
    assert anchor() == 20_005.0
