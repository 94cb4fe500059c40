"""A desk around the pure decision: rules with round numbers, and an oms, venue and position server as plain objects.

The test delivers each piece of news when it wants, so every order of arrival can be played.
"""

from collections import deque
from collections.abc import Callable
from decimal import Decimal

import msgspec

from common.messages import (
    BookImage,
    CancelOrder,
    NetExposureChanged,
    OrderChanged,
    OrderFilled,
    PositionChanged,
    SubmitOrder,
)
from common.model.ids import client_order_ids
from common.model.instrument import Instrument
from common.model.order import OrderState, Side
from common.pricing.glft import LinearQuotes
from common.strategy.hedged_quotes import Command, QuoteIdentity, cancel_refused, decide, order_changed
from common.strategy.quote_rules import QuoteMode, QuoteRules
from common.strategy.quote_state import QuoteState

MS = 1_000_000
START_NS = 1_700_000_000_000_000_000
ETH = Instrument(
    venue="binance", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"), notional_min=Decimal(5),
)  # fmt: skip
RULES = QuoteRules(
    mode=QuoteMode.ONE_SIDED, unit_lots=1_000, behind_touch_bps=1.0, quantity_min_lots=200, notional_min=5_000_000,
    quantity_max_lots=60_000, depth_multiple=1.0, depth_floor_lots=20_000, depth_memory_ns=5_000 * MS,
    echo_ns=200 * MS,
    requote_bps=0.2, requote_fraction=0.25, order_age_ns_min=300 * MS, order_life_ns=500 * MS,
    cancel_retry_ns=1_000 * MS, unknown_grace_ns=1_000 * MS, post_only_backoff_ns=50 * MS,
    reject_backoff_ns=250 * MS, reject_backoff_ns_max=4_000 * MS, other_bps=3.0, other_lots=2_000,
    other_inventory_lots_max=20_000, spread_bps_max=50.0, book_age_ns_max=500 * MS, exposure_age_ns_max=2_000 * MS,
    lp_age_ns_max=3_500 * MS, fill_age_ns_max=2_000 * MS, oms_silence_s_max=2.0,
)  # fmt: skip
LINE = LinearQuotes(25.0, 5.0)  # Ticks, and ticks per unit of 0.1 ETH.


class TrueOrder(msgspec.Struct, kw_only=True):
    """An order as the venue has it."""

    command: SubmitOrder
    state: OrderState = OrderState.PENDING
    filled_lots: int = 0

    @property
    def worst_lots(self) -> int:
        return 0 if self.state.is_final else self.command.quantity_lots - self.filled_lots


class Desk:
    """State under test, and the truth around it. `news` are facts of the oms on their way to the market maker."""

    def __init__(self, rules: QuoteRules = RULES) -> None:
        self.now_ns = START_NS
        self.state = QuoteState(rules, LINE)
        self.identity = QuoteIdentity("market_maker", ETH, client_order_ids("mm", START_NS))
        self.orders: dict[str, TrueOrder] = {}
        self.canceling: list[str] = []
        self.news: deque[Callable[[], object]] = deque()
        self.position_lots, self.fill_sequence, self.target_lots = 0, 0, 0
        self.state.oms_silence_s, self.state.oms_synced, self.state.killed = 0.1, True, False
        self.state.feed_state = "live"
        self.sent: list[Command] = []
        self.fills: list[OrderFilled] = []
        self._shown = 0

    def show_book(self, bid: int = 268_380, ask: int = 268_381, lots: int = 50_000) -> None:
        levels = [[(price + step * away, lots) for away in range(5)] for price, step in ((bid, -1), (ask, 1))]
        self.state.see_book(
            BookImage(
                venue="binance", symbol="ETH-USDT", update_id=1, event_time_ns=self.now_ns, received_ns=self.now_ns,
                bids=levels[0], asks=levels[1],
            )
        )  # fmt: skip

    def show_exposure(self, target_lots: int, complete: bool = True, lp_age_ms: float = 100.0) -> None:
        self.target_lots = target_lots
        exposure = NetExposureChanged(
            base="ETH", lp_delta=-target_lots / 10_000, lp_gamma=0.0, cefi_delta=0.0, hedge_target=0.0, net_delta=0.0,
            cefi_position_lots=0, cefi_target_lots=target_lots, lp_age_ms=lp_age_ms, complete=complete, reason="",
            trigger_received_ns=self.now_ns,
        )  # fmt: skip
        self.state.see_exposure(exposure, self.now_ns)

    def show_position(self, behind: int = 0) -> None:
        """The position server's figure, lacking the last `behind` fills; it never goes back."""
        self._shown = sequence = max(self.fill_sequence - behind, self._shown)
        missing = sum(fill.side.sign * fill.quantity_lots for fill in self.fills if fill.fill_sequence > sequence)
        self.state.position.take(
            PositionChanged(
                venue="binance", symbol="ETH-USDT", quantity_lots=self.position_lots - missing, cash="0", fees="0",
                average_price=0.0, mark_price=0.0, realized_pnl=0.0, unrealized_pnl=0.0, fill_count=0,
                taker_fill_count=0, last_fill_sequence=sequence, reconciled_ns=0, venue_difference_lots=0,
            )
        )  # fmt: skip

    def ready(self, target_lots: int = 5_000) -> "Desk":
        self.show_position()
        self.show_exposure(target_lots)
        self.show_book()
        return self

    def refresh(self) -> None:
        """Everything is fresh again; nothing has changed."""
        self.show_exposure(self.target_lots)
        if (book := self.state.book) is not None:
            self.state.see_book(msgspec.structs.replace(book, received_ns=self.now_ns))

    def pass_time(self, ms: float) -> None:
        self.now_ns += int(ms * MS)

    def decide(self, trigger_ns: int = 0) -> list[Command]:
        commands = decide(self.state, self.identity, self.now_ns, trigger_ns)
        for command in commands:
            self.sent.append(command)
            if isinstance(command, SubmitOrder):
                self.orders[command.client_order_id] = TrueOrder(command=command)
            else:
                self.canceling.append(command.client_order_id)
        return commands

    def submit(self) -> SubmitOrder:
        """Decide, and expect exactly one new order."""
        (command,) = self.decide()
        assert isinstance(command, SubmitOrder)
        return command

    def cancel(self) -> CancelOrder:
        """Decide, and expect exactly one cancel."""
        (command,) = self.decide()
        assert isinstance(command, CancelOrder)
        return command

    def tell(self, client_order_id: str, code: str = "") -> None:
        """The oms publishes what an order is now."""
        order = self.orders[client_order_id]
        fact = OrderChanged(
            client_order_id=client_order_id, strategy="market_maker", venue="binance", symbol="ETH-USDT",
            side=order.command.side, price_ticks=order.command.price_ticks, quantity_lots=order.command.quantity_lots,
            filled_lots=order.filled_lots, state=order.state, reason_code=code,
        )  # fmt: skip
        self.news.append(lambda: order_changed(self.state, fact, self.now_ns))

    def move(self, client_order_id: str, state: OrderState, code: str = "") -> None:
        """The venue changes an order's state."""
        self.orders[client_order_id].state = state
        self.tell(client_order_id, code)

    def fill(self, client_order_id: str, lots: int, tell_fill: bool = True) -> None:
        """The venue trades an order; the fill is published before the order's new state."""
        order = self.orders[client_order_id]
        order.filled_lots += lots
        full = order.filled_lots == order.command.quantity_lots
        if not order.state.is_final:
            order.state = OrderState.FILLED if full else OrderState.PARTIALLY_FILLED
        self.fill_sequence += 1
        self.position_lots += order.command.side.sign * lots
        fill = OrderFilled(
            fill_sequence=self.fill_sequence, client_order_id=client_order_id, strategy="market_maker",
            venue="binance", symbol="ETH-USDT", trade_id=self.fill_sequence, side=order.command.side,
            price_ticks=order.command.price_ticks, quantity_lots=lots, maker=True, fee="0", fee_asset="USDT",
            event_time_ns=self.now_ns,
        )  # fmt: skip
        self.fills.append(fill)
        if tell_fill:
            self.news.append(lambda: self.state.fill(fill, self.now_ns))
        self.tell(client_order_id)

    def list_fills(self) -> None:
        """The oms's list of fills arrives."""
        after = self.state.position.heard_through
        self.state.needs_fills = False
        for fill in self.fills:
            if fill.fill_sequence > after:
                self.state.fill(fill, self.now_ns)

    def finish_cancel(self, client_order_id: str) -> None:
        """The venue carries a cancel out; an order that it never got is unknown to the oms."""
        order = self.orders[client_order_id]
        if not order.state.is_final:
            order.state = OrderState.CANCELED
        self.tell(client_order_id)

    def answer_unknown(self, client_order_id: str) -> bool:
        """The oms says that it does not know an order."""
        return cancel_refused(self.state, client_order_id, "unknown_order", self.now_ns)

    def deliver(self) -> None:
        """All news arrives, in order."""
        while self.news:
            self.news.popleft()()

    def worst_lots(self, side: Side) -> int:
        """What live orders of one side could still trade, in truth."""
        return sum(order.worst_lots for order in self.orders.values() if order.command.side is side)

    def live_orders(self, side: Side) -> int:
        """Orders of one side that are not final, in truth."""
        return sum(order.command.side is side and not order.state.is_final for order in self.orders.values())

    def rest(self, target_lots: int = 5_000) -> SubmitOrder:
        """One hedge order is resting."""
        self.ready(target_lots)
        command = self.submit()
        self.move(command.client_order_id, OrderState.OPEN)
        self.deliver()
        return command
