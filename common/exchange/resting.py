"""Several resting orders of one account in one market as one change: all of it is possible, or nothing is done.

Grids, quotes and strategies look here first (`refusal`) and then place, move and cancel without being refused.
"""

from collections.abc import Callable, Sequence
from typing import Final

from common.exchange.admission import WHOLE_MAX, Standing, is_whole, limit_refusal, locked_units, totals_refusal
from common.exchange.book import BookSide
from common.exchange.commands import PlaceOrder
from common.exchange.core import Core
from common.exchange.entry import OrderEntry
from common.exchange.events import MarketPhase, RejectReason
from common.exchange.margin.margin import OpenOrders
from common.exchange.record import OrderRecord
from common.model.order import OrderType, Side

BUY: Final = Side.BUY
SELL: Final = Side.SELL
PriceLots = tuple[int, int]
"""An order to be: price in ticks, lots."""


class WithoutOrders(Standing):
    """The standing as if some open orders in one market were not there, and some bids were already."""

    is_actual = False

    def __init__(self, core: Core, symbol: str, replaced: Sequence[OrderRecord]) -> None:
        super().__init__(core)
        self._symbol, self._replaced = symbol, replaced
        self.bid_lots = self._ask_lots = self.loss = 0
        for order in replaced:
            lots = order.quantity_lots - order.filled_lots
            self.loss -= lots * order.lot_loss
            if order.side is BUY:
                self.bid_lots -= lots
            else:
                self._ask_lots -= lots

    def free_units(self, account: str, asset: str) -> int:
        """What an account can spend."""
        units, ledger = super().free_units(account, asset), self._core.ledger
        for order in self._replaced:
            if ledger.lockable(order.symbol, order.side) == asset:
                units += locked_units(self._core, order)
        return units

    def open_lots(self, account: str, symbol: str) -> tuple[int, int]:
        """Lots of an account's open bids and asks."""
        bids, asks = super().open_lots(account, symbol)
        return (bids + self.bid_lots, asks + self._ask_lots) if symbol == self._symbol else (bids, asks)

    def open_in(self, account: str, symbol: str) -> OpenOrders:
        """An account's open orders in a perpetual."""
        bids, asks, loss, _elsewhere = super().open_in(account, symbol)
        return bids + self.bid_lots, asks + self._ask_lots, loss + self.loss, 0


class RestingOrders:
    """Checks and makes changes of post-only orders that stay until they are cancelled."""

    def __init__(self, core: Core, entry: OrderEntry) -> None:
        self._core, self._entry = core, entry
        self.place: Callable[[PlaceOrder], OrderRecord] = entry.rest
        """Lets an order rest that was looked at."""

    def refusal(
        self,
        account: str,
        symbol: str,
        bids: Sequence[PriceLots],
        asks: Sequence[PriceLots],
        replaced: Sequence[OrderRecord] = (),
        touch: tuple[int, int] | None = None,
    ) -> RejectReason | None:
        """Why an account may not have these orders in a market instead of `replaced`, which are open orders of it.

        Prices and lots must be integers already. Who knows the best bid and ask without `replaced` gives them (0 =
        nobody is there).
        """
        core = self._core
        market = core.markets[symbol]
        if not market.facts.is_open and market.facts.phase is MarketPhase.HALT:
            return RejectReason.MARKET_HALTED
        open_now = len(core.ledger.open_of(account, symbol)) - len(replaced)
        if open_now + len(bids) + len(asks) > market.facts.rules.open_orders_max:
            return RejectReason.TOO_MANY_OPEN_ORDERS
        return (
            self._terms_refusal(symbol, [*bids, *asks])
            or _book_refusal(bids, asks, touch or self.touch(symbol, replaced))
            or self._money_refusal(account, symbol, bids, asks, replaced)
        )

    def touch(self, symbol: str, replaced: Sequence[OrderRecord]) -> tuple[int, int]:
        """The best bid and ask of a market if some orders were not there; 0 = nobody is there."""
        book = self._core.markets[symbol].book
        return _best_without(book.bids, replaced), _best_without(book.asks, replaced)

    def affordable(self, account: str, symbol: str, side: Side, price_ticks: int, replaced: OrderRecord | None) -> int:
        """Lots that an account can pay for on spot at a price, if `replaced` were not there."""
        core = self._core
        standing = WithoutOrders(core, symbol, [] if replaced is None else [replaced])
        free = standing.free_units(account, core.ledger.lockable(symbol, side))
        return free // core.ledger.cost_units(symbol, side, price_ticks, 1)

    def move(self, order: OrderRecord, price_ticks: int, open_lots: int) -> None:
        """Give an open order another price and size; it was looked at. No more lots at the same price keep its place.

        When two sides move, the one that makes room goes first, so that the book is never crossed between them.
        """
        core, lots = self._core, order.remaining_lots
        if price_ticks != order.price_ticks or open_lots > lots:
            core.amend(order, price_ticks, open_lots, False)
            core.take_off(order)
            core.rest(order)
        elif open_lots < lots:
            core.amend(order, price_ticks, open_lots, True)
            market = core.markets[order.symbol]
            market.reduce(market.book.orders[order.order_id], lots - open_lots)

    def _terms_refusal(self, symbol: str, orders: Sequence[PriceLots]) -> RejectReason | None:
        if not orders:
            return None
        instrument, scale = self._core.instruments[symbol], self._core.ledger.scales[symbol]
        lots_min, lots_max = instrument.quantity_lots_min, instrument.quantity_lots_max
        unit, settles = scale.tick_lot_units, self._core.ledger.settles
        lowest, highest = min(orders)[0], max(orders)[0]
        if not (is_whole(lowest, 1) and is_whole(highest, 1)):
            return RejectReason.PRICE_INVALID
        sizes = [lots for _price, lots in orders]
        if not (is_whole(min(sizes), lots_min, lots_max) and is_whole(max(sizes), lots_min, lots_max)):
            return RejectReason.QUANTITY_INVALID
        if settles:
            values = [price * lots for price, lots in orders]
            if max(values) * unit > WHOLE_MAX:
                return RejectReason.NOTIONAL_TOO_LARGE
            if min(values) * unit < scale.notional_units_min:
                return RejectReason.NOTIONAL_TOO_SMALL
        if self._core.markets[symbol].facts.rules.price_band_bps:
            band = self._core.markets[symbol].facts.band()
            if band is not None and not (band[0] <= lowest and highest <= band[1]):
                return RejectReason.OUTSIDE_PRICE_BAND
        return None

    def _money_refusal(
        self,
        account: str,
        symbol: str,
        bids: Sequence[PriceLots],
        asks: Sequence[PriceLots],
        replaced: Sequence[OrderRecord],
    ) -> RejectReason | None:
        core, standing = self._core, WithoutOrders(self._core, symbol, replaced)
        settles, has_limits = core.ledger.settles, bool(core.limits or core.strategy_limits)
        facts, scale = core.markets[symbol].facts, core.ledger.scales[symbol]
        mark, unit = facts.reference if scale.is_perpetual else 0, scale.tick_lot_units
        for side, orders in ((BUY, bids), (SELL, asks)):
            if not orders:
                continue
            lots, value = 0, 0
            for price, each in orders:
                lots += each
                # What one order would win against the mark pays for no other's loss: only that one may fill.
                value += (mark if mark and (price < mark) is (side is BUY) else price) * each
            order = core.order_of(resting_order(account, symbol, side, orders[0], "", "", 0))
            if settles and (reason := totals_refusal(core, standing, core.markets[symbol], order, lots, value)):
                return reason
            if has_limits and (reason := limit_refusal(core, standing, order, lots)):
                return reason
            if side is BUY:
                standing.bid_lots += lots
                standing.loss += max(0, value - lots * mark) * unit if mark else 0
        return None


def resting_order(
    account: str, symbol: str, side: Side, order: PriceLots, name: str, link: str, time_ns: int
) -> PlaceOrder:
    """The command for a post-only order that stays until it is cancelled."""
    return PlaceOrder(
        time_ns=time_ns, account=account, symbol=symbol, client_order_id=name, side=side, price_ticks=order[0],
        quantity_lots=order[1], order_type=OrderType.LIMIT, post_only=True, link=link,
    )  # fmt: skip


def _best_without(side: BookSide, replaced: Sequence[OrderRecord]) -> int:
    best = side.best()
    if best is None or not replaced:
        return 0 if best is None else best.price
    own = dict[int, int]()
    for order in replaced:
        if order.side is side.side:
            own[order.price_ticks] = own.get(order.price_ticks, 0) + order.quantity_lots - order.filled_lots
    if best.quantity > own.get(best.price, 0):
        return best.price
    return next((level.price for level in side.best_first() if level.quantity > own.get(level.price, 0)), 0)


def _book_refusal(bids: Sequence[PriceLots], asks: Sequence[PriceLots], touch: tuple[int, int]) -> RejectReason | None:
    (best_bid, best_ask) = touch
    highest = max(bids)[0] if bids else 0
    lowest = min(asks)[0] if asks else 0
    if highest and lowest and highest >= lowest:
        return RejectReason.WOULD_TAKE
    takes = (highest and best_ask and highest >= best_ask) or (lowest and lowest <= best_bid)
    return RejectReason.WOULD_TAKE if takes else None
