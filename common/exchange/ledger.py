"""All that the exchange owes its customers: orders, trades, balances and positions."""

from collections import deque
from collections.abc import Callable
from typing import Final

from common.exchange.accounts import Accounts
from common.exchange.book import RestingOrder
from common.exchange.events import (
    EXTERNAL_ACCOUNT,
    FEE_ACCOUNT,
    SelfTradePrevented,
    TradeExecuted,
)
from common.exchange.fees.charges import Amount
from common.exchange.margin.margin import Margin
from common.exchange.matching import Taker
from common.exchange.money import Scale
from common.exchange.record import FILLED, OrderRecord
from common.exchange.seat import Seat
from common.exchange.states import LedgerState, record_from, state_of
from common.model.errors import InvariantBroken
from common.model.order import OrderState, Side

DIGEST_FACTOR: Final = 1_000_003
DIGEST_MASK: Final = (1 << 40) - 1
FINAL_ORDERS_KEPT: Final = 20_000
TRADES_KEPT: Final = 20_000
PREVENTED_KEPT: Final = 1_000
BUY: Final = Side.BUY
NOBODY: Final[dict[str, Seat]] = {}


class Ledger:
    """State of all customers. At most FINAL_ORDERS_KEPT ended orders and TRADES_KEPT trades stay in memory.

    Without `settles` no money moves: it only keeps orders, trades and positions. `on_linked` hears of every fill and
    end of an order that has a link. `digest` is folded from every order and trade: what happened otherwise has another.
    """

    def __init__(
        self, scales: dict[str, Scale], margin: Margin, settles: bool, on_linked: Callable[[OrderRecord], None]
    ) -> None:
        self.scales, self.margin, self.settles = scales, margin, settles
        self.accounts = Accounts()
        self.orders: dict[int, OrderRecord] = {}
        self.seats: dict[str, dict[str, Seat]] = {symbol: {} for symbol in scales}
        """By market and account."""
        self.trades: deque[TradeExecuted] = deque(maxlen=TRADES_KEPT)
        self.prevented: deque[SelfTradePrevented] = deque(maxlen=PREVENTED_KEPT)
        self.positions: dict[str, dict[str, int]] = {symbol: {} for symbol in scales}
        self.last_order_id = self.last_trade_id = self.last_place = self.digest = 0
        self._final: deque[int] = deque()
        self._on_linked = on_linked

    @property
    def state(self) -> LedgerState:
        """All of it, for snapshots."""
        return LedgerState(
            balances=self.accounts.state, orders=[state_of(order) for order in self.orders.values()],
            ended_order_ids=list(self._final),
            trades=list(self.trades), last_order_id=self.last_order_id, last_trade_id=self.last_trade_id,
            last_place=self.last_place, digest=self.digest, positions=self.positions, prevented=list(self.prevented),
        )  # fmt: skip

    def load(self, state: LedgerState) -> None:
        """Become what a ledger was. Only for one that has seen nothing yet."""
        self.accounts.load(state.balances)
        self.trades.extend(state.trades)
        self.prevented.extend(state.prevented)
        self.last_order_id, self.last_trade_id = state.last_order_id, state.last_trade_id
        self.last_place, self.digest = state.last_place, state.digest
        self.positions |= state.positions
        self._final.extend(state.ended_order_ids)
        for kept in state.orders:
            order = record_from(kept)
            self.orders[order.number] = order
            seat = self._take_seat(order.account, order.symbol)
            order.account = seat.account
            seat.names[order.client_order_id] = order.number
            if order.is_open:
                seat.orders[order.number] = order
        # An open order may have been given the name of a younger one that had ended.
        for seats in self.seats.values():
            for seat in seats.values():
                seat.names |= {order.client_order_id: order.order_id for order in seat.orders.values()}

    def find(self, account: str, symbol: str, order_id: int, client_order_id: str) -> OrderRecord | None:
        """An order by its number, or without one (0) the newest order of that client order id."""
        if not order_id:
            seat = self.seats.get(symbol, NOBODY).get(account)
            return None if seat is None else self.orders.get(seat.names.get(client_order_id, 0))
        order = self.orders.get(order_id)
        return order if order is not None and (order.account, order.symbol) == (account, symbol) else None

    def open_of(self, account: str, symbol: str) -> dict[int, OrderRecord]:
        """Open orders of an account in one market, oldest first."""
        seat = self.seats.get(symbol, NOBODY).get(account)
        return {} if seat is None else seat.orders

    def open_order_ids(self) -> list[int]:
        """All open orders of everybody, oldest first."""
        return sorted(number for seats in self.seats.values() for seat in seats.values() for number in seat.orders)

    def lockable(self, symbol: str, side: Side) -> str:
        """The asset with which an order of this side pays on spot."""
        scale = self.scales[symbol]
        return scale.quote if side is Side.BUY else scale.base

    def cost_units(self, symbol: str, side: Side, price_ticks: int, lots: int) -> int:
        """Units that an order of this side pays for some lots at a price on spot."""
        scale = self.scales[symbol]
        return scale.quote_units(price_ticks, lots) if side is Side.BUY else scale.base_units(lots)

    def open(self, order: OrderRecord, price_ticks: int, seat: Seat | None = None) -> Seat:
        """An order was accepted, at a price that may be another one than it asked for. Returns its account's seat."""
        if seat is None:
            seat = self._take_seat(order.account, order.symbol)
        order.price_ticks, order_id, number = price_ticks, order.order_id, order.number
        if not order.is_waiting:
            if seat.position is not None:
                self._note_loss(order)
            self.last_place = order.place = self.last_place + 1
        self._set_aside(order, seat, order.quantity_lots)
        self.orders[number] = seat.orders[number] = order
        seat.names[order.client_order_id] = number
        self.last_order_id = order_id
        self.digest = folded(self.digest, order_id + price_ticks)
        return seat

    def settle(
        self, trade: TradeExecuted, scale: Scale, maker: RestingOrder, taker: Taker, fees: tuple[Amount, Amount],
        price: int, lots: int, time_ns: int,
    ) -> None:  # fmt: skip
        """Two orders traded, as `trade` tells: count it for both, and on spot let money and goods change hands."""
        quote_units, (maker_pays, taker_pays) = price * lots * scale.tick_lot_units, fees
        self.last_trade_id += 1
        self.digest = folded(self.digest, price + lots)
        bought = lots if taker.side is BUY else -lots
        pays = self.settles and not scale.is_perpetual
        if maker.record is not None and maker.seat is not None:
            self._fill(maker.record, maker.seat, -bought, quote_units, maker_pays, time_ns)
        elif taker.record is None:
            return
        elif pays:
            self._settle_outside(scale, -bought, quote_units, maker_pays)
        if taker.record is not None and taker.seat is not None:
            self._fill(taker.record, taker.seat, bought, quote_units, taker_pays, time_ns)
        elif pays:
            self._settle_outside(scale, bought, quote_units, taker_pays)
        self.trades.append(trade)
        if pays:
            # Fees before rebates: the fee account owns what it pays out.
            first, second = (taker_pays, maker_pays) if maker_pays[0] < 0 else fees
            if first[0]:
                self.accounts.credit(FEE_ACCOUNT, first[1], first[0])
            if second[0]:
                self.accounts.credit(FEE_ACCOUNT, second[1], second[0])

    def prevent(self, event: SelfTradePrevented) -> None:
        """Two orders of one owner met: note it at those that lose something by it."""
        self.prevented.append(event)
        for order_id, lots in ((event.taker_order_id, event.taker_lots), (event.maker_order_id, event.maker_lots)):
            if lots:
                self.orders[order_id].prevented_id = event.match_id

    def amend(self, order: OrderRecord, price_ticks: int, open_lots: int, keeps_place: bool, time_ns: int) -> None:
        """An open order has another price or another open quantity."""
        seat, before = self.seats[order.symbol][order.account], order.quantity_lots - order.filled_lots
        moves = price_ticks != order.price_ticks
        if moves or open_lots != before:
            self._set_aside(order, seat, -before)
        order.price_ticks, order.quantity_lots = price_ticks, order.filled_lots + open_lots
        order.changed_ns = time_ns
        if seat.position is not None and moves and not order.is_waiting:
            self._note_loss(order)
        if moves or open_lots != before:
            self._set_aside(order, seat, open_lots)
        if not keeps_place and not order.is_waiting:
            self.last_place = order.place = self.last_place + 1

    def rename(self, order: OrderRecord, client_order_id: str) -> None:
        """An open order has another client order id."""
        names = self.seats[order.symbol][order.account].names
        if names.get(order.client_order_id) == order.order_id:
            del names[order.client_order_id]
        order.rename(client_order_id)
        names[client_order_id] = order.order_id

    def trigger(self, order: OrderRecord, time_ns: int) -> None:
        """A waiting order's trigger fired."""
        seat = self.seats[order.symbol][order.account]
        if seat.position is not None:
            self._set_aside(order, seat, -order.remaining_lots)
            self._note_loss(order)
            self._set_aside(order, seat, order.remaining_lots)
        order.is_waiting, order.changed_ns, order.working_ns = False, time_ns, time_ns
        self.last_place = order.place = self.last_place + 1

    def end(self, order: OrderRecord, seat: Seat, state: OrderState, time_ns: int, reason: str = "") -> None:
        """An open order ended without being filled."""
        if order.number not in seat.orders:
            raise InvariantBroken(f"order {order.order_id} ends but is not open")
        self._set_aside(order, seat, order.filled_lots - order.quantity_lots)
        order.state, order.changed_ns = state, time_ns
        if reason:
            order.reason = reason
        self.digest = folded(self.digest, order.order_id)
        self._close(order, seat)

    def _take_seat(self, account: str, symbol: str) -> Seat:
        seat = self.seats[symbol].get(account)
        if seat is None:
            scale = self.scales[symbol]
            if not self.settles:
                seat = Seat(account, scale)
            elif scale.is_perpetual:
                position = self.margin.held(account, symbol)
                seat = Seat(account, scale, None, None, self.margin.accounts.find(account, scale.quote), position)
            else:
                base = self.accounts.balance(account, scale.base)
                seat = Seat(account, scale, base, self.accounts.balance(account, scale.quote))
            self.seats[symbol][account] = seat
        return seat

    def _settle_outside(self, scale: Scale, bought: int, quote_units: int, fee: Amount) -> None:
        """The outside world's side of a trade on spot: goods against money, and the fee."""
        self.accounts.credit(EXTERNAL_ACCOUNT, scale.base, bought * scale.lot_units)
        self.accounts.credit(EXTERNAL_ACCOUNT, scale.quote, -quote_units if bought > 0 else quote_units)
        self.accounts.credit(EXTERNAL_ACCOUNT, fee[1], -fee[0])

    def _fill(self, order: OrderRecord, seat: Seat, bought: int, quote_units: int, fee: Amount, time_ns: int) -> None:
        """A customer's order bought (or with a negative number sold) lots: on spot goods against money, and the fee."""
        lots = bought if bought > 0 else -bought
        if lots > order.quantity_lots - order.filled_lots or order.number not in self.orders:
            raise InvariantBroken(f"a trade fills order {order.order_id} beyond what it has open")
        account = order.account
        self._set_aside(order, seat, -lots)
        base, quote, scale = seat.base, seat.quote, seat.scale
        if base is not None and quote is not None:
            goods, money = bought * scale.lot_units, -quote_units if bought > 0 else quote_units
            if fee[1] == scale.quote:
                money -= fee[0]
            else:
                goods -= fee[0]
            base.free = goods = base.free + goods
            quote.free = money = quote.free + money
            if goods < 0 or money < 0:
                raise InvariantBroken(f"{account} would own {goods} {scale.base} and {money} {scale.quote}")
        if not scale.is_perpetual:
            positions = self.positions[order.symbol]
            positions[account] = positions.get(account, 0) + bought
        order.fill(lots, quote_units, time_ns)
        if order.state is FILLED:
            self._close(order, seat)
        elif order.link:
            self._on_linked(order)

    def _note_loss(self, order: OrderRecord) -> None:
        """A perpetual's order goes to the book: what it may lose there is set aside like its margin."""
        if order.is_limit:
            order.lot_loss = self.margin.lot_loss(order.symbol, order.side, order.price_ticks)

    def _set_aside(self, order: OrderRecord, seat: Seat, lots: int) -> None:
        # A market order trades or ends within its own command, so it needs nothing set aside.
        if not order.is_limit:
            return
        position = seat.position
        if position is not None:
            if loss := order.lot_loss:
                position.order_loss += lots * loss
            if order.side is BUY:
                position.bid_lots += lots
            else:
                position.ask_lots += lots
            return
        size = lots if lots > 0 else -lots  # compiled code makes objects to multiply negative numbers
        if order.side is BUY:
            balance, units = seat.quote, order.price_ticks * size * seat.scale.tick_lot_units
        else:
            balance, units = seat.base, size * seat.scale.lot_units
        if balance is None:
            return  # no money moves here
        if lots < 0:
            units = -units
        balance.free = free = balance.free - units
        balance.locked = locked = balance.locked + units
        if free < 0 or locked < 0:
            raise InvariantBroken(f"order {order.order_id} of {order.account} leaves {free} free and {locked} locked")

    def _close(self, order: OrderRecord, seat: Seat) -> None:
        del seat.orders[order.number]
        self._final.append(order.number)
        if len(self._final) > FINAL_ORDERS_KEPT:
            self._forget(self._final.popleft())
        if order.link:
            self._on_linked(order)

    def _forget(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        names = self.seats[order.symbol][order.account].names
        if names.get(order.client_order_id) == order_id:
            del names[order.client_order_id]


def folded(digest: int, value: int) -> int:
    """A digest with one more value in it."""
    # digest * DIGEST_FACTOR + value, in two halves: so compiled code makes no objects, which it does from 2**30 on.
    high, low = digest >> 20, digest & 0xFFFFF
    return ((high * DIGEST_FACTOR << 20) + low * DIGEST_FACTOR + value) & DIGEST_MASK
