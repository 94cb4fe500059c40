"""Puts a quote's two orders where they are to be: both, or neither moves."""

from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.orders import Orders
from common.exchange.quotes.events import QuotePlaced
from common.exchange.quotes.quote import Quote
from common.exchange.quotes.terms import QuoteTerms, Sides, Touch, aimed_prices, sides_of
from common.exchange.record import OrderRecord
from common.exchange.resting import PriceLots, resting_order
from common.model.order import OrderState, Side

SIDES = (Side.BUY, Side.SELL)


class Placing:
    """Knows which orders are which quote's."""

    def __init__(self, core: Core, orders: Orders) -> None:
        self._core, self._orders = core, orders
        self.quote_of: dict[int, Quote] = {}
        """Quotes by the numbers of their orders."""

    def wanted(self, quote: Quote, terms: QuoteTerms) -> tuple[Sides, Touch] | RejectReason:
        """The orders that a quote is to have by some terms, and the market without it; or what is wrong with them."""
        core, symbol = self._core, quote.symbol
        held = core.position(quote.account, symbol) if terms.held_lots_max else 0
        aimed = aimed_prices(terms, core.markets[symbol].facts.mark, held)
        if aimed is None:
            return RejectReason.NO_MARK_PRICE
        others = self._orders.resting.touch(symbol, [])
        if (others[1] and aimed[0] >= others[1]) or aimed[1] <= others[0]:
            # Those may be its own orders. To look behind them costs more, so it is done only where it matters.
            own = [order for side in SIDES if (order := self._record(quote, side)) is not None]
            others = self._orders.resting.touch(symbol, own)
        sides = sides_of(terms, aimed, others, held, core.config.quote_spread_bps_min)
        return sides if isinstance(sides, RejectReason) else (sides, others)

    def put(self, quote: Quote, sides: Sides, others: Touch) -> RejectReason | None:
        """Let a quote have these orders, or say why not; then nothing has changed."""
        bid, ask = self._record(quote, Side.BUY), self._record(quote, Side.SELL)
        bid_stays, ask_stays = _is(bid, sides.bid), _is(ask, sides.ask)
        if bid_stays and ask_stays:
            return None
        bids = [sides.bid] if sides.bid and not bid_stays else []
        asks = [sides.ask] if sides.ask and not ask_stays else []
        replaced = [order for order, stays in ((bid, bid_stays), (ask, ask_stays)) if order is not None and not stays]
        # An order of the quote that stays is no obstacle for the other one: its sides never meet.
        if reason := self._orders.resting.refusal(quote.account, quote.symbol, bids, asks, replaced, others):
            return reason
        # The side that makes room moves first, so that no bid of the quote meets its own ask.
        ask_first = ask is not None and sides.bid is not None and sides.bid[0] >= ask.price_ticks
        for side in reversed(SIDES) if ask_first else SIDES:
            is_bid = side is Side.BUY
            if not (bid_stays if is_bid else ask_stays):
                self._put_side(quote, side, bid if is_bid else ask, sides.bid if is_bid else sides.ask)
        self._tell(quote, sides)
        return None

    def withdraw(self, quote: Quote) -> None:
        """Take both orders off."""
        for side in SIDES:
            order = self._record(quote, side)
            self.forget(quote, side)
            if order is not None:
                self._orders.cancel(order)

    def forget(self, quote: Quote, side: Side) -> None:
        """A side's order is no more."""
        if order_id := quote.order(side):
            del self.quote_of[order_id]
            quote.hold(side, 0)

    def drop_ended(self, quote: Quote) -> list[tuple[str, bool]]:
        """Forget orders that are over; says of each how it ended, like "ask canceled", and whether it was filled."""
        ends = list[tuple[str, bool]]()
        for side, name in zip(SIDES, ("bid", "ask"), strict=True):
            if (order_id := quote.order(side)) and self._record(quote, side) is None:
                self.forget(quote, side)
                order = self._core.ledger.orders.get(order_id)
                if order is None:
                    ends.append((f"{name} forgotten", False))
                else:
                    detail = f": {order.reason}" if order.reason else ""
                    ends.append((f"{name} {order.state}{detail}", order.state is OrderState.FILLED))
        return ends

    def remaining(self, quote: Quote, sides: Sides) -> Sides:
        """Sides at their prices, but no larger than what is still open of the quote."""
        bid, ask = self._record(quote, Side.BUY), self._record(quote, Side.SELL)
        return Sides(_at_most(sides.bid, bid), _at_most(sides.ask, ask))

    def _put_side(self, quote: Quote, side: Side, order: OrderRecord | None, wanted: PriceLots | None) -> None:
        if order is not None and wanted is not None:
            self._orders.resting.move(order, *wanted)
        elif wanted is not None:
            self.forget(quote, side)
            quote.order_count += 1
            name = f"{quote.link}:{quote.order_count}"
            placed = self._orders.resting.place(
                resting_order(quote.account, quote.symbol, side, wanted, name, quote.link, self._core.time_ns)
            )
            quote.hold(side, placed.order_id)
            self.quote_of[placed.order_id] = quote
        elif order is not None:
            self.forget(quote, side)
            self._orders.cancel(order)

    def _record(self, quote: Quote, side: Side) -> OrderRecord | None:
        """A side's order while it is open."""
        return self._core.ledger.open_of(quote.account, quote.symbol).get(quote.order(side))

    def _tell(self, quote: Quote, sides: Sides) -> None:
        (bid, bid_lots), (ask, ask_lots) = sides.bid or (0, 0), sides.ask or (0, 0)
        self._core.tell(
            QuotePlaced(
                time_ns=self._core.time_ns, account=quote.account, symbol=quote.symbol, quote_id=quote.quote_id,
                bid_ticks=bid, bid_lots=bid_lots, ask_ticks=ask, ask_lots=ask_lots,
            )
        )  # fmt: skip


def _is(order: OrderRecord | None, wanted: PriceLots | None) -> bool:
    if order is None:
        return wanted is None
    return wanted is not None and (order.price_ticks, order.remaining_lots) == wanted


def _at_most(wanted: PriceLots | None, order: OrderRecord | None) -> PriceLots | None:
    return None if wanted is None or order is None else (wanted[0], min(wanted[1], order.remaining_lots))
