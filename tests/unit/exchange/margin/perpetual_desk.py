"""A small exchange with one perpetual and one spot market, and the shortest way to speak to it in tests."""

from decimal import Decimal

import msgspec

from common.exchange.commands import CancelOrder, Deposit, PassTime, PlaceOrder, SetMark, Withdraw
from common.exchange.configuration import ExchangeConfig, Features
from common.exchange.events import Event, Refusal, RejectReason, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.accounts import Position
from common.exchange.margin.commands import FundInsurance, MoveCollateral
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.exchange.rules import MarketRules
from common.exchange.snapshot import ExchangeState
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
UNIT = 10**8
TIERS = (
    MarginTier(notional_units_min=0, leverage_max=10),
    MarginTier(notional_units_min=20_000 * UNIT, leverage_max=5),
    MarginTier(notional_units_min=100_000 * UNIT, leverage_max=3),
)


def instrument(symbol: str) -> Instrument:
    """Ticks and lots of one whole unit, so that numbers in tests are money."""
    base, quote = symbol.split("-")[0], "USD"
    return Instrument(
        venue="paper", symbol=symbol, venue_symbol=symbol, base=base, quote=quote, tick_size=Decimal(1),
        lot_size=Decimal(1),
    )  # fmt: skip


class PerpetualDesk:
    """Markets "X-PERP" and "Y-PERP" are perpetuals, "X-USD" is spot. Everybody named has money in the margin wallet."""

    def __init__(self, *accounts: str, money: int = 10_000, maker_bps: int = 0, taker_bps: int = 0, **options) -> None:  # type: ignore[no-untyped-def]
        """`rules`, `perpetual`, `groups`, `features`, `fees` as the configuration has them; `money` in whole units."""
        self.config = ExchangeConfig(
            instruments=[instrument("X-PERP"), instrument("Y-PERP"), instrument("X-USD")],
            fees=options.get("fees", FeeSchedule.flat(maker_bps, taker_bps)),
            perpetuals=dict.fromkeys(("X-PERP", "Y-PERP"), options.get("perpetual", PerpetualRules(tiers=TIERS))),
            rules={"X-PERP": options.get("rules", MarketRules())},
            trade_groups=options.get("groups", {}), features=options.get("features", Features()),
        )  # fmt: skip
        self.exchange = Exchange(self.config)
        self.deposited = 0
        self._names = 0
        for account in accounts:
            self.fund(account, money)

    def run(self, kind, at: int = 0, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """Execute one command; a refusal must leave the state as it was, and money is conserved."""
        before = "" if at else self.exchange.state_hash()
        events = self.exchange.execute(kind(time_ns=at or self.exchange.time_ns + 1, **terms))
        if len(events) == 1 and isinstance(events[0], Refusal):
            assert not before or self.exchange.state_hash() == before
        assert self.total() == self.deposited
        return events

    def fund(self, account: str, money: int) -> None:
        """Deposit whole units and move them to the margin wallet."""
        self.deposited += money * UNIT
        self.run(Deposit, account=account, asset="USD", units=money * UNIT)
        self.run(MoveCollateral, account=account, asset="USD", units=money * UNIT)

    def insure(self, money: int) -> list[Event]:
        """Pay whole units into the insurance."""
        self.deposited += money * UNIT
        return self.run(FundInsurance, asset="USD", units=money * UNIT)

    def withdraw(self, account: str, money: int) -> list[Event]:
        """Take whole units out of the exchange."""
        units, margin = money * UNIT, self.exchange.margin
        if self.exchange.ledger.accounts.free(account, "USD") >= units and not margin.is_liquidating(account):
            self.deposited -= units
        return self.run(Withdraw, account=account, asset="USD", units=units)

    def total(self) -> int:
        """All USD of the exchange, which must be what was deposited."""
        return self.exchange.ledger.accounts.total("USD") + self.exchange.margin.accounts.total("USD")

    def mark(self, price: int, symbol: str = "X-PERP") -> list[Event]:
        """Another mark."""
        return self.run(SetMark, symbol=symbol, price_ticks=price)

    def wait_until(self, time_ns: int) -> list[Event]:
        """Let time pass."""
        return self.run(PassTime, at=time_ns)

    def place(self, account: str, side: Side, price: int, lots: int, symbol: str = "X-PERP", **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """A limit order, or at price 0 a market order, under a name of its own."""
        self._names += 1
        if not price:
            terms |= {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC}
        terms.setdefault("client_order_id", str(self._names))
        return self.run(
            PlaceOrder, account=account, symbol=symbol, side=side, price_ticks=price, quantity_lots=lots, **terms
        )

    def cancel(self, account: str, name: str) -> list[Event]:
        """Take an order off by its client order id."""
        return self.run(CancelOrder, account=account, symbol="X-PERP", client_order_id=name)

    def deal(self, buyer: str, seller: str, price: int, lots: int, symbol: str = "X-PERP") -> list[Event]:
        """Let two accounts trade; the seller is the maker."""
        self.place(seller, SELL, price, lots, symbol)
        return self.place(buyer, BUY, price, lots, symbol)

    def position(self, account: str, symbol: str = "X-PERP") -> Position:
        """The position in a perpetual."""
        return self.exchange.margin.position(account, symbol)

    def wallet(self, account: str) -> float:
        """Whole units in the margin wallet."""
        return self.exchange.margin.account(account, "USD").wallet / UNIT

    def equity(self, account: str) -> float:
        """Whole units that the cross account is worth."""
        return self.exchange.margin.equity(self.exchange.margin.account(account, "USD")) / UNIT

    def loaded(self) -> Exchange:
        """An exchange that became what a snapshot holds, through its encoding."""
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(self.exchange.state()), type=ExchangeState)
        exchange = Exchange(kept.config)
        exchange.load(kept)
        return exchange


def refusal(events: list[Event]) -> RejectReason:
    """The reason of the only event, a refusal."""
    (event,) = events
    assert isinstance(event, Refusal), event
    return event.reason


def traded(events: list[Event]) -> list[tuple[int, int]]:
    """(price, lots) of the trades among events."""
    return [(event.price_ticks, event.quantity_lots) for event in events if isinstance(event, TradeExecuted)]
