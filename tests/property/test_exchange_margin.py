"""Perpetuals under anything that four accounts, the oracle and time may do: money, lots and margin always add up."""

from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.exchange.commands import (
    CancelOrder,
    Command,
    Deposit,
    PassTime,
    PlaceOrder,
    SetLevels,
    SetMark,
    Withdraw,
)
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import (
    INSURANCE_ACCOUNT,
    SPECIAL_ACCOUNTS,
    TREASURY_ACCOUNT,
    Deposited,
    Event,
    Refusal,
    Withdrawn,
)
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.backstop import BACKSTOP_ACCOUNT
from common.exchange.margin.commands import (
    FundInsurance,
    MergePosition,
    MoveCollateral,
    MoveIsolatedMargin,
    SetLeverage,
    SetMarginMode,
    SetOracle,
    SplitPosition,
    TransferPosition,
)
from common.exchange.margin.events import InsuranceFunded
from common.exchange.margin.parts import PARTS_MAX
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.exchange.margin.scope import scopes_of
from common.exchange.reduce_only import reducible
from common.exchange.snapshot import ExchangeState
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce

UNIT = 10**8
SECOND = 10**9
PERPETUALS = ("X-PERP", "Y-PERP")
CUSTOMERS = ("a", "b", "c", "d")
TIERS = (
    MarginTier(notional_units_min=0, leverage_max=20),
    MarginTier(notional_units_min=2_000 * UNIT, leverage_max=8),
)
RULES = PerpetualRules(tiers=TIERS, impact_units=300 * UNIT, large_units=1_500 * UNIT)


def instrument(symbol: str) -> Instrument:
    """Prices around 1000 ticks of 0.1, lots of 0.1: a lot is worth about 10."""
    return Instrument(
        venue="paper", symbol=symbol, venue_symbol=symbol, base=symbol[0], quote="USD", tick_size=Decimal("0.1"),
        lot_size=Decimal("0.1"),
    )  # fmt: skip


CONFIG = ExchangeConfig(
    instruments=[instrument(each) for each in (*PERPETUALS, "X-USD")],
    fees=FeeSchedule.flat(Decimal("-1.5"), Decimal("4.5")),
    perpetuals=dict.fromkeys(PERPETUALS, RULES),
    trade_groups={"a": "us", "b": "us"},
)

accounts = st.sampled_from(CUSTOMERS)
perpetuals = st.sampled_from(PERPETUALS)
sides = st.sampled_from(list(Side))
percents = st.one_of(st.integers(-6, 6), st.integers(-40, 40))
sizes = st.integers(1, 100)
"""Per cent of what an account can afford, or has."""


class Perpetuals(RuleBasedStateMachine):
    """Commands at random; `self.run` checks what holds for each, the invariants what holds after all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange(CONFIG)
        self.deposited = {"USD": 0, "X": 0}
        self.names = 0

    @initialize(
        backstop=st.integers(0, 300), insurance=st.integers(0, 100), isolated=st.sets(st.integers(0, 7)),
        deals=st.lists(sizes, min_size=4, max_size=4),
    )  # fmt: skip
    def begin(self, backstop: int, insurance: int, isolated: set[int], deals: list[int]) -> None:
        """Everybody has money on both sides and some positions; the backstop and the insurance have money or none."""
        for account in CUSTOMERS:
            for asset in ("USD", "X"):
                self.run(Deposit, account=account, asset=asset, units=200 * UNIT)
            self.run(MoveCollateral, account=account, asset="USD", units=100 * UNIT)
        if backstop:
            self.run(Deposit, account=BACKSTOP_ACCOUNT, asset="USD", units=backstop * UNIT)
            self.run(MoveCollateral, account=BACKSTOP_ACCOUNT, asset="USD", units=backstop * UNIT)
        if insurance:
            self.run(FundInsurance, asset="USD", units=insurance * UNIT)
        for symbol in PERPETUALS:
            self.run(SetOracle, symbol=symbol, price_ticks=1_000)
            self.run(SetLevels, symbol=symbol, bids=[(980, 40), (940, 100)], asks=[(1_020, 40), (1_060, 100)])
        for number in sorted(isolated):
            self.run(SetMarginMode, account=CUSTOMERS[number // 2], symbol=PERPETUALS[number % 2], isolated=True)
        for size, buyer, seller in zip(deals, "abca", "cdbd", strict=True):
            self.deal(buyer, seller, PERPETUALS[size % 2], size)

    def run(self, kind, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """Let a second pass, then execute one command; a refusal changes nothing."""
        time_ns = self.exchange.time_ns + SECOND
        self.note(self.exchange.execute(PassTime(time_ns=time_ns)))
        before = self.exchange.state_hash()
        events = self.exchange.execute(kind(time_ns=time_ns, **terms))
        if any(isinstance(event, Refusal) for event in events):
            assert len(events) == 1 and self.exchange.state_hash() == before, events
        self.note(events)
        return events

    def note(self, events: list[Event]) -> None:
        """Count what came in and went out."""
        for event in events:
            if isinstance(event, Deposited | InsuranceFunded):
                self.deposited[event.asset] += event.units
            elif isinstance(event, Withdrawn):
                self.deposited[event.asset] -= event.units

    def mark(self, symbol: str) -> int:
        """The present mark."""
        return self.exchange.markets[symbol].facts.mark or 1_000

    def affordable(self, account: str, symbol: str, percent: int) -> int:
        """Lots that so much of an account's free margin pays for, at the highest leverage."""
        margin = self.exchange.margin
        free = max(0, margin.available(margin.account(account, "USD")))
        return max(1, free * percent // 100 * 19 // (self.mark(symbol) * margin.markets[symbol].units_per_tick_lot))

    @rule(account=accounts, size=sizes, way=st.sampled_from(("in", "out", "to margin", "to spot", "isolate", "free")))
    def money(self, account: str, size: int, way: str) -> None:
        """Money comes in, goes out, and moves as far as it may, to the unit."""
        margin, free = self.exchange.margin, self.exchange.ledger.accounts.free(account, "USD")
        most = margin.withdrawable(margin.account(account, "USD")) + (size == 100)
        if way in ("in", "out"):
            amount = size * UNIT // 3 if way == "in" else free * size // 100
            self.run(Deposit if way == "in" else Withdraw, account=account, asset="USD", units=amount)
        elif way in ("to margin", "to spot"):
            amount = free * size // 100 if way == "to margin" else -(most * size // 100)
            self.run(MoveCollateral, account=account, asset="USD", units=amount)
        else:
            amount = most * size // 200 if way == "isolate" else -size * UNIT // 20
            self.run(MoveIsolatedMargin, account=account, symbol=PERPETUALS[size % 2], units=amount)

    @rule(buyer=accounts, seller=accounts, symbol=perpetuals, size=sizes)
    def deal(self, buyer: str, seller: str, symbol: str, size: int) -> None:
        """Two accounts trade at the mark, unless somebody else is in between."""
        lots = min(self.affordable(each, symbol, size) for each in (buyer, seller))
        for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
            self.place(account, symbol, side, lots, price_ticks=self.mark(symbol))

    @rule(
        account=accounts, symbol=st.sampled_from((*PERPETUALS, "X-USD")), side=sides, offset=st.integers(-30, 30),
        size=sizes, kind=st.sampled_from(("gtc", "gtc", "post", "ioc", "reduce")),
    )  # fmt: skip
    def order(self, account: str, symbol: str, side: Side, offset: int, size: int, kind: str) -> None:
        """A limit order near the mark."""
        lots = size if symbol == "X-USD" else self.affordable(account, symbol, size)
        self.place(
            account, symbol, side, lots, price_ticks=max(1, self.mark(symbol) * (1_000 + offset) // 1_000),
            post_only=kind == "post", reduce_only=kind == "reduce",
            time_in_force=TimeInForce.IOC if kind == "ioc" else TimeInForce.GTC,
        )  # fmt: skip

    @rule(account=accounts, symbol=perpetuals, side=sides, size=sizes, reduce_only=st.booleans())
    def market_order(self, account: str, symbol: str, side: Side, size: int, reduce_only: bool) -> None:
        """Whatever the book has."""
        self.place(
            account, symbol, side, self.affordable(account, symbol, size), reduce_only=reduce_only,
            order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC,
        )  # fmt: skip

    @precondition(lambda self: self.holders())
    @rule(index=st.integers(0, 7), size=sizes, way=st.sampled_from(("mark", "rest", "market")))
    def close(self, index: int, size: int, way: str) -> None:
        """Some of a position, reduce-only."""
        account, symbol = self.holder(index)
        lots, mark = self.exchange.margin.position(account, symbol).lots, self.mark(symbol)
        side = Side.SELL if lots > 0 else Side.BUY
        terms = {"price_ticks": max(1, mark + side.sign * -9 * (way == "rest"))}
        if way == "market":
            terms = {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC}
        self.place(account, symbol, side, -(-abs(lots) * size // 100), reduce_only=True, **terms)

    def holders(self) -> list[tuple[str, str]]:
        """Customers and the markets in which they have lots, in a fixed order."""
        found = [(account, symbol) for symbol in PERPETUALS for account in self.exchange.margin.holders[symbol]]
        return sorted(each for each in found if each[0] in CUSTOMERS)

    def holder(self, index: int) -> tuple[str, str]:
        """One of them."""
        holders = self.holders()
        return holders[index % len(holders)]

    def place(self, account: str, symbol: str, side: Side, lots: int, **terms) -> None:  # type: ignore[no-untyped-def]
        """One order under a name of its own."""
        self.names += 1
        terms |= {"client_order_id": str(self.names), "side": side, "quantity_lots": lots}
        self.run(PlaceOrder, account=account, symbol=symbol, **terms)

    @rule(back=st.integers(0, 12), account=accounts)
    def cancel(self, back: int, account: str) -> None:
        """An order of somebody, perhaps not of who asks."""
        order = self.exchange.ledger.orders.get(self.exchange.ledger.last_order_id - back)
        if order is not None:
            self.run(CancelOrder, account=account, symbol=order.symbol, order_id=order.order_id)

    @rule(symbol=perpetuals, percent=percents)
    def oracle(self, symbol: str, percent: int) -> None:
        """The world changes its mind."""
        price = self.mark(symbol) * (100 + percent) // 100
        self.run(SetOracle, symbol=symbol, price_ticks=min(max(price, 50), 20_000))

    @rule(symbol=perpetuals, percent=percents)
    def manual_mark(self, symbol: str, percent: int) -> None:
        """The operator overrides."""
        price = self.mark(symbol) * (100 + percent) // 100
        self.run(SetMark, symbol=symbol, price_ticks=min(max(price, 50), 20_000))

    @rule(symbol=perpetuals, spread=st.integers(1, 20), lots=st.integers(0, 50))
    def liquidity(self, symbol: str, spread: int, lots: int) -> None:
        """The outside world quotes around the mark."""
        mark = self.mark(symbol)
        width = max(1, mark * spread // 1_000)
        self.run(SetLevels, symbol=symbol, bids=[(max(1, mark - width), lots)], asks=[(mark + width, lots)])

    @rule(seconds=st.one_of(st.integers(1, 40), st.integers(1_000, 20_000)))
    def pass_time(self, seconds: int) -> None:
        """Pauses end; hours are full."""
        self.note(self.exchange.execute(PassTime(time_ns=self.exchange.time_ns + seconds * SECOND)))

    @precondition(lambda self: self.holders())
    @rule(index=st.integers(0, 7), size=sizes)
    def split(self, index: int, size: int) -> None:
        """A piece becomes a part."""
        account, symbol = self.holder(index)
        lots = abs(self.exchange.margin.position(account, symbol).lots) * size // 100
        self.run(SplitPosition, account=account, symbol=symbol, lots=lots)

    @precondition(lambda self: self.holders())
    @rule(index=st.integers(0, 7), number=st.integers(0, 9))
    def merge(self, index: int, number: int) -> None:
        """A part goes back."""
        account, symbol = self.holder(index)
        parts = [*self.exchange.margin.position(account, symbol).parts, "0"]
        self.run(MergePosition, account=account, symbol=symbol, part=parts[number % len(parts)])

    @precondition(lambda self: self.holders())
    @rule(index=st.integers(0, 7), receiver=st.sampled_from((*CUSTOMERS, "a", "b", "a", "b")), size=sizes)
    def transfer(self, index: int, receiver: str, size: int) -> None:
        """A piece goes to another account, of the same group or not."""
        account, symbol = self.holder(index)
        position = self.exchange.margin.position(account, symbol)
        part = next(iter(position.parts), "") if size % 2 else ""
        lots = 0 if part else abs(position.lots) * size // 100
        self.run(TransferPosition, account=account, symbol=symbol, receiver=receiver, lots=lots, part=part)

    @rule(account=accounts, symbol=perpetuals, leverage=st.integers(0, 21))
    def terms(self, account: str, symbol: str, leverage: int) -> None:
        """Cross or isolated, or another leverage."""
        if leverage % 3:
            self.run(SetMarginMode, account=account, symbol=symbol, isolated=leverage % 3 == 1)
        else:
            self.run(SetLeverage, account=account, symbol=symbol, leverage=leverage)

    @invariant()
    def money_is_conserved(self) -> None:
        """Spot, wallets, isolated collateral less costs: exactly what came in less what went out."""
        ledger, margin = self.exchange.ledger, self.exchange.margin
        for asset, deposited in self.deposited.items():
            assert ledger.accounts.total(asset) + margin.accounts.total(asset) == deposited
        for account in (*CUSTOMERS, BACKSTOP_ACCOUNT):
            for balance in ledger.accounts.balances(account).values():
                assert balance.free >= 0 and balance.locked >= 0
        assert margin.account(INSURANCE_ACCOUNT, "USD").wallet >= 0
        assert margin.account(TREASURY_ACCOUNT, "USD").wallet >= 0

    @invariant()
    def lots_add_up(self) -> None:
        """Whoever is long has somebody who is short; who holds lots is known; open orders are counted."""
        margin = self.exchange.margin
        held = margin.accounts.by_asset.get("USD", {})
        for symbol in PERPETUALS:
            positions = {name: each.positions[symbol] for name, each in held.items() if symbol in each.positions}
            assert sum(each.net_lots for each in positions.values()) == 0
            assert set(margin.holders[symbol]) == {name for name, each in positions.items() if each.is_open}
            for name, position in positions.items():
                assert len(position.parts) <= PARTS_MAX and all(part.lots for part in position.parts.values())
                orders = self.exchange.ledger.open_of(name, symbol).values()
                assert position.bid_lots == sum(each.remaining_lots for each in orders if each.side is Side.BUY)
                assert position.ask_lots == sum(each.remaining_lots for each in orders if each.side is Side.SELL)
                assert position.order_loss == sum(each.remaining_lots * each.lot_loss for each in orders)

    @invariant()
    def nobody_is_bankrupt_or_unwatched(self) -> None:
        """Whoever has less than the maintenance margin is in liquidation, and nobody is worth less than nothing."""
        pending = self.exchange.clearing.liquidation.state.pending
        known = set()
        for account in self.exchange.margin.accounts.by_asset.get("USD", {}):
            if account in SPECIAL_ACCOUNTS:
                continue
            for scope in scopes_of(self.exchange.margin, "USD", account):
                assert scope.equity >= 0, (account, scope.symbol, scope.equity)
                assert (scope.equity < scope.maintenance) is (scope.key in pending), (account, scope.symbol)
                known.add(scope.key)
                if scope.key in pending:
                    assert not any(position.parts for position in scope.positions.values())
        assert set(pending) <= known
        liquidating = {(each.asset, each.account) for each in pending.values()}
        assert set(self.exchange.margin.liquidating) == liquidating

    @invariant()
    def books_are_sound(self) -> None:
        """Levels are the sums of their orders, nothing crosses, reduce-only orders could only reduce."""
        for symbol, market in self.exchange.markets.items():
            assert not market.book.is_crossed
            for side in (market.book.bids, market.book.asks):
                for level in side.best_first():
                    assert level.quantity == sum(order.quantity for order in level)
            for order in market.reduce_only.orders.values():
                position = self.exchange._core.position(order.account, symbol)
                assert order.quantity <= reducible(position, order.key > 0)

    def teardown(self) -> None:
        """A snapshot is the same exchange, and goes on alike."""
        live = self.exchange
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(live.state()), type=ExchangeState)
        other = Exchange(kept.config)
        other.load(kept)
        assert other.state_hash() == live.state_hash()
        for command in self.ten_more():
            assert other.execute(command) == live.execute(command)
            assert other.state_hash() == live.state_hash()
        self.money_is_conserved()
        self.lots_add_up()

    def ten_more(self) -> list[Command]:
        """Commands that shake all that there is."""
        at = self.exchange.time_ns

        def order(number: int, account: str, symbol: str, side: Side) -> PlaceOrder:
            return PlaceOrder(
                time_ns=at + number * SECOND, account=account, symbol=symbol, client_order_id=f"more-{number}",
                side=side, quantity_lots=3, price_ticks=self.mark(symbol),
            )  # fmt: skip

        return [
            order(1, "a", "X-PERP", Side.BUY),
            order(2, "c", "X-PERP", Side.SELL),
            PassTime(time_ns=at + 31 * SECOND),
            SetOracle(time_ns=at + 32 * SECOND, symbol="X-PERP", price_ticks=self.mark("X-PERP") * 7 // 10),
            order(33, "d", "Y-PERP", Side.BUY),
            SetMark(time_ns=at + 34 * SECOND, symbol="Y-PERP", price_ticks=self.mark("Y-PERP") * 14 // 10),
            PassTime(time_ns=at + 70 * SECOND),
            MoveCollateral(time_ns=at + 71 * SECOND, account="b", asset="USD", units=-UNIT),
            SetOracle(time_ns=at + 72 * SECOND, symbol="Y-PERP", price_ticks=self.mark("Y-PERP") * 6 // 10),
            PassTime(time_ns=at + 9_000 * SECOND),
        ]


TestPerpetuals = Perpetuals.TestCase
TestPerpetuals.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
