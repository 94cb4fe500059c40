"""A small exchange with two funded customers, and the shortest way to speak to it in tests."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import (
    AmendOrder,
    Batch,
    CancelOrder,
    Command,
    Deposit,
    PassTime,
    PlaceOrder,
    PriceReference,
    PrintTrade,
    ReduceOrder,
    SetLast,
    SetLevels,
    SetMark,
    SetTouch,
    Trigger,
    TriggerKind,
)
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Event, Refusal, RejectReason, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.money import units_from_text
from common.exchange.rules import MarketRules
from common.exchange.snapshot import ExchangeState
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

    def __init__(
        self, maker_bps: str = "0", taker_bps: str = "0", accounts: Iterable[str] = ("me", "you"), **options
    ) -> None:  # type: ignore[no-untyped-def]
        """`groups` and `settles` are the exchange's, all other options are rules of its only market."""
        fees, settles = FeeSchedule.flat(Decimal(maker_bps), Decimal(taker_bps)), options.pop("settles", True)
        self.config = ExchangeConfig(
            instruments=[ETH], fees=fees, trade_groups=options.pop("groups", {}), settles=settles,
            rules={ETH.symbol: MarketRules(**options)},
        )  # fmt: skip
        self.exchange = Exchange(self.config)
        self.commands: list[Command] = []
        self.journal: list[Event] = []
        accounts = accounts if settles else ()
        for account in accounts:
            for asset, amount in DEPOSITS.items():
                self.run(Deposit, account=account, asset=asset, units=units_from_text(amount))

    @property
    def book(self):  # type: ignore[no-untyped-def]
        """The only market's book."""
        return self.exchange.markets[ETH.symbol].book

    def run(self, kind, at: int = 0, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """Execute one command and keep what happened. A refusal must leave the state as it was."""
        time_ns = at or self.exchange.time_ns + 1
        before = "" if at else self.exchange.state_hash()
        events = self.execute(kind(time_ns=time_ns, **terms))
        if len(events) == 1 and isinstance(events[0], Refusal):
            assert not before or self.exchange.state_hash() == before
        return events

    def execute(self, command: Command) -> list[Event]:
        """Execute a command and keep it and what happened, changed levels too."""
        events = self.exchange.execute(command) + self.exchange.changed_levels()
        self.commands.append(command)
        self.journal += events
        return events

    def command(self, kind, **terms):  # type: ignore[no-untyped-def]
        """A command for a batch."""
        return kind(time_ns=0, symbol=ETH.symbol, **terms)

    def batch(self, *items, atomic: bool = False) -> list[Event]:  # type: ignore[no-untyped-def]
        """Several commands as one."""
        return self.run(Batch, items=list(items), atomic=atomic)

    def amend(self, account: str, name: str, price: int | None = None, lots: int | None = None) -> list[Event]:
        """Another price or open quantity."""
        terms = {"account": account, "client_order_id": name, "price_ticks": price, "open_lots": lots}
        return self.run(AmendOrder, symbol=ETH.symbol, **terms)

    def reduce(self, account: str, name: str, lots: int) -> list[Event]:
        """Fewer lots."""
        return self.run(ReduceOrder, symbol=ETH.symbol, account=account, client_order_id=name, quantity_lots=lots)

    def mark(self, price: int) -> list[Event]:
        """Another mark price."""
        return self.run(SetMark, symbol=ETH.symbol, price_ticks=price)

    def last(self, price: int) -> list[Event]:
        """A last price from elsewhere."""
        return self.run(SetLast, symbol=ETH.symbol, price_ticks=price)

    def wait_until(self, time_ns: int) -> list[Event]:
        """Let time pass."""
        return self.run(PassTime, at=time_ns)

    def state(self, account: str, name: str) -> tuple[str, int, int]:
        """(state or "waiting", filled lots, open lots) of an order."""
        order = self.order(account, name)
        return (
            ("waiting" if order.is_waiting and order.is_open else order.state.value),
            order.filled_lots,
            (order.remaining_lots if order.is_open else 0),
        )

    def replayed(self) -> Exchange:
        """An exchange that executed what a journal would hold, through its encoding."""
        stored = [msgspec.msgpack.encode(command) for command in self.commands]
        exchange = Exchange(self.config)
        for payload in stored:
            exchange.execute(msgspec.msgpack.decode(payload, type=AnyCommand))
        return exchange

    def loaded(self) -> Exchange:
        """An exchange that became what a snapshot holds, through its encoding."""
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(self.exchange.state()), type=ExchangeState)
        exchange = Exchange(kept.config)
        exchange.load(kept)
        return exchange

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


def stop(price: int, kind: TriggerKind = TriggerKind.STOP_LOSS, **terms) -> Trigger:  # type: ignore[no-untyped-def]
    """A trigger on the last price."""
    return Trigger(kind=kind, reference=terms.pop("reference", PriceReference.LAST), price_ticks=price, **terms)


def trailing(**terms) -> Trigger:  # type: ignore[no-untyped-def]
    """A trailing trigger on the last price."""
    return Trigger(kind=TriggerKind.TRAILING, reference=terms.pop("reference", PriceReference.LAST), **terms)


def trades(events: Iterable[Event]) -> list[tuple[str, str, int, int]]:
    """(maker, taker, price, lots) by client order id."""
    return [
        (e.maker.client_order_id, e.taker.client_order_id, e.price_ticks, e.quantity_lots)
        for e in events
        if isinstance(e, TradeExecuted)
    ]


def refusal(events: list[Event]) -> RejectReason:
    """The reason of the only event, a refusal."""
    (event,) = events
    assert isinstance(event, Refusal), event
    return event.reason
