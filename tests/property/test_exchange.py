"""The exchange against a slow reference and against conservation, over generated command sequences."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from common.exchange.commands import ExpireOpenOrders, TakeLiquidity
from common.exchange.events import (
    LevelChanged,
    OrderExpired,
    OrderRejected,
    TradeExecuted,
)
from common.exchange.money import units_from_text
from common.exchange.states import state_of
from common.model.order import OrderState, Side, TimeInForce
from tests.unit.exchange.desk import DEPOSITS, ETH, Desk
from tests.unit.exchange.reference import ReferenceBook

OWNERS = st.sampled_from(["me", "you"])
PRICES = st.integers(98, 103)
LOTS = st.integers(1, 8)
SIDES = st.sampled_from(list(Side))
SIZES = st.lists(st.tuples(SIDES, PRICES, st.integers(0, 8)), max_size=4, unique_by=lambda level: level[:2])
COMMANDS = st.one_of(
    st.tuples(
        st.just("place"), st.sampled_from(["me", "you"]), SIDES, PRICES, LOTS, st.sampled_from(list(TimeInForce))
    ),
    st.tuples(st.just("cancel"), st.integers(1, 40)),
    st.tuples(st.just("levels"), SIZES),
    st.tuples(st.just("touch"), st.tuples(PRICES, LOTS), st.tuples(PRICES, LOTS)),
    st.tuples(st.just("print"), SIDES, PRICES, LOTS),
    st.tuples(st.just("take"), SIDES, PRICES, LOTS),
)


class Pair:
    """The exchange and the reference, fed alike."""

    def __init__(self, maker_bps: str, taker_bps: str) -> None:
        self.desk = Desk(maker_bps, taker_bps)
        self.reference = ReferenceBook()
        self.orders = 0

    def step(self, command: tuple) -> None:  # type: ignore[type-arg]
        """Feed one command to both and compare all that can be seen of it."""
        events = getattr(self, "do_" + command[0])(*command[1:])
        self.check(events)

    def do_place(self, account, side, price, lots, tif):  # type: ignore[no-untyped-def]
        self.orders += 1
        events = self.desk.place(account, f"o{self.orders}", side, price, lots, tif)
        assert not any(isinstance(event, OrderRejected) for event in events)
        whole = self.reference.takeable(account, side, price) >= lots
        if tif is not TimeInForce.FOK or whole:
            self.reference.place(account, self.orders, side, price, lots, tif is TimeInForce.GTC)
        return events

    def do_cancel(self, order_id):  # type: ignore[no-untyped-def]
        record = self.desk.exchange.ledger.orders.get(order_id)
        events = self.desk.cancel(record.account if record else "me", order_id)
        rested = self.reference.cancel(order_id)
        assert rested == (record is not None and record.state is OrderState.CANCELED and len(events) > 1)
        return events

    def do_levels(self, sizes):  # type: ignore[no-untyped-def]
        # Both sides shrink first in this order, so the reference gets bids before asks as the command has them.
        ordered = [each for each in sizes if each[0] is Side.BUY] + [each for each in sizes if each[0] is Side.SELL]
        self.reference.set_levels(ordered)
        bids = [(price, lots) for side, price, lots in sizes if side is Side.BUY]
        return self.desk.levels(bids, [(price, lots) for side, price, lots in sizes if side is Side.SELL])

    def do_touch(self, bid, ask):  # type: ignore[no-untyped-def]
        if bid[0] >= ask[0]:
            bid, ask = (min(bid[0], ask[0]) - 1, bid[1]), ask
        self.reference.set_touch(bid, ask)
        return self.desk.touch(bid, ask)

    def do_print(self, side, price, lots):  # type: ignore[no-untyped-def]
        self.reference.print_trade(side, price, lots)
        return self.desk.print_trade(side, price, lots)

    def do_take(self, side, price, lots):  # type: ignore[no-untyped-def]
        self.reference.take("market", 0, side, price, lots)
        return self.desk.run(TakeLiquidity, symbol=ETH.symbol, side=side, price_ticks=price, quantity_lots=lots)

    def check(self, events) -> None:  # type: ignore[no-untyped-def]
        """Trades, self-trade expiries, queues and reported levels agree; the book is sound; money is conserved."""
        seen = [
            (t.maker.account, t.maker.order_id, t.taker.account, t.taker.order_id, t.price_ticks, t.quantity_lots)
            for t in events
            if isinstance(t, TradeExecuted)
        ]
        assert seen == self.reference.trades
        expired = [e.order_id for e in events if isinstance(e, OrderExpired) and e.reason == "self_trade"]
        assert expired == self.reference.expired
        self.reference.trades, self.reference.expired = [], []
        for side in Side:
            sizes = self.reference.sizes(side)
            assert dict(self.desk.book.side(side).top(1000)) == sizes
            for price in sizes:
                assert self.desk.queue(side, price) == self.reference.queue(side, price)
        for event in events:
            if isinstance(event, LevelChanged):
                assert event.quantity_lots == self.reference.sizes(event.side).get(event.price_ticks, 0)
        assert not self.desk.book.is_crossed
        self.check_money()

    def check_money(self) -> None:
        """All balances of an asset add up to what was deposited, and locks to what open orders need."""
        ledger = self.desk.exchange.ledger
        for asset, amount in DEPOSITS.items():
            assert ledger.accounts.total(asset) == 2 * units_from_text(amount)
        for account in ("me", "you"):
            locked = dict.fromkeys(DEPOSITS, 0)
            for order in ledger.open_of(account, ETH.symbol).values():
                asset = ledger.lockable(order.symbol, order.side)
                locked[asset] += ledger.cost_units(order.symbol, order.side, order.price_ticks, order.remaining_lots)
                resting = self.desk.queue(order.side, order.price_ticks)
                assert (account, order.order_id, order.remaining_lots) in resting
            assert locked == {asset: ledger.accounts.balance(account, asset).locked for asset in DEPOSITS}


@settings(max_examples=300, deadline=None)
@given(
    commands=st.lists(COMMANDS, min_size=8, max_size=50),
    fees=st.sampled_from([("0", "0"), ("-1", "4.5"), ("10", "10"), ("0.003", "7.77")]),
)
def test_fast_book_agrees_with_the_slow_reference(commands, fees):  # type: ignore[no-untyped-def]
    pair = Pair(*fees)
    for command in commands:
        pair.step(command)


@settings(max_examples=60, deadline=None)
@given(commands=st.lists(COMMANDS, min_size=8, max_size=50))
def test_commands_and_snapshots_restore_every_account_order_and_trade(commands):  # type: ignore[no-untyped-def]
    pair = Pair("-1", "4.5")
    for command in commands:
        pair.step(command)
    live = pair.desk.exchange
    whole = msgspec.msgpack.encode(live.state())
    for restored in (pair.desk.replayed(), pair.desk.loaded()):
        assert msgspec.msgpack.encode(restored.state()) == whole
        restored.execute(ExpireOpenOrders(time_ns=live.time_ns + 1, reason="venue_restart"))
        for order_id, order in restored.ledger.orders.items():
            assert not order.is_open
            assert order.reason == "venue_restart" or state_of(order) == state_of(live.ledger.orders[order_id])
        assert all(
            restored.ledger.accounts.balance(each, asset).locked == 0 for each in ("me", "you") for asset in DEPOSITS
        )
