"""A small exchange with two funded customers, and the shortest way to speak to it in tests."""

from collections.abc import Iterable
from decimal import Decimal

from common.exchange.commands import CancelOrder, Deposit, PlaceOrder, PrintTrade, SetLevels, SetTouch
from common.exchange.events import Event
from common.exchange.exchange import Exchange
from common.exchange.money import FeeRates, units_from_text
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce

ETH = Instrument(
    venue="paper", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"), notional_min=Decimal("0.00001"),
)  # fmt: skip
BUY, SELL = Side.BUY, Side.SELL
DEPOSITS = {"ETH": "100", "USDT": "1000000"}


class Desk:
    """An exchange whose clock moves by 1 ns with each command."""

    def __init__(self, maker_bps: str = "0", taker_bps: str = "0", accounts: Iterable[str] = ("me", "you")) -> None:
        self.exchange = Exchange([ETH], FeeRates(Decimal(maker_bps), Decimal(taker_bps)))
        self.journal: list[Event] = []
        for account in accounts:
            for asset, amount in DEPOSITS.items():
                self.run(Deposit, account=account, asset=asset, units=units_from_text(amount))

    @property
    def book(self):  # type: ignore[no-untyped-def]
        """The only market's book."""
        return self.exchange.markets[ETH.symbol].book

    def run(self, kind, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """Execute one command and keep what happened."""
        events = self.exchange.execute(kind(time_ns=self.exchange.time_ns + 1, **terms))
        self.journal += events
        return events

    def place(
        self, account: str, name: str, side: Side, price: int, lots: int, tif: TimeInForce = TimeInForce.GTC, **terms
    ) -> list[Event]:
        """A limit order, or a market order at price 0."""
        kind = OrderType.LIMIT if price else OrderType.MARKET
        return self.run(
            PlaceOrder, account=account, symbol=ETH.symbol, client_order_id=name, side=side, price_ticks=price,
            quantity_lots=lots, order_type=kind, time_in_force=tif, **terms,
        )  # fmt: skip

    def cancel(self, account: str, order_id: int = 0, name: str = "") -> list[Event]:
        """Cancel by number or by name."""
        return self.run(CancelOrder, account=account, symbol=ETH.symbol, order_id=order_id, client_order_id=name)

    def levels(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> list[Event]:
        """The world's liquidity at some prices."""
        return self.run(SetLevels, symbol=ETH.symbol, bids=bids, asks=asks)

    def touch(self, bid: tuple[int, int], ask: tuple[int, int]) -> list[Event]:
        """The world's best bid and ask."""
        return self.run(SetTouch, symbol=ETH.symbol, bid=bid, ask=ask)

    def print_trade(self, aggressor: Side, price: int, lots: int) -> list[Event]:
        """A trade of the world."""
        return self.run(PrintTrade, symbol=ETH.symbol, aggressor=aggressor, price_ticks=price, quantity_lots=lots)

    def queue(self, side: Side, price: int) -> list[tuple[str, int, int]]:
        """(account, order, lots) at a price, front first."""
        level = self.book.side(side).level(price)
        return [] if level is None else [(o.account, o.order_id, o.quantity) for o in level]

    def order(self, account: str, name: str):  # type: ignore[no-untyped-def]
        """Record of an order by its client order id."""
        return self.exchange.ledger.find(account, ETH.symbol, 0, name)
