"""What all parts of the exchange share: the ledger, the markets, the time, and the events of the present command."""

from collections.abc import Callable, Iterable, Mapping
from heapq import heappush
from typing import Any

from common.exchange.book import RestingOrder
from common.exchange.commands import PriceReference
from common.exchange.events import (
    EXTERNAL_ACCOUNT,
    Event,
    LastChanged,
    LevelChanged,
    MarkChanged,
    OrderAmended,
    OrderExpired,
    PhaseChanged,
    StopMoved,
    TradeExecuted,
    TradeParty,
)
from common.exchange.facts import MarketFacts
from common.exchange.ledger import Ledger, OrderRecord
from common.exchange.matching import Market, Taker
from common.exchange.money import FeeRates, Scale, fee_units
from common.exchange.reduce_only import PositionOf
from common.exchange.rules import MarketRules
from common.model.instrument import Instrument
from common.model.order import Side

_FACTS: dict[type[Event], Callable[[MarketFacts, Any], None]] = {
    TradeExecuted: MarketFacts.trade,
    MarkChanged: MarketFacts.change_mark,
    LastChanged: MarketFacts.change_last,
    PhaseChanged: MarketFacts.change_phase,
}

Moved = tuple[int, int]
"""(price, the newest order at that time): a price fires nothing that was not there yet."""


class Core:
    """State, and the only way to change what is journaled: `emit`. It is the markets' clerk."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        fees: FeeRates,
        first_trade_id: int,
        rules: Mapping[str, MarketRules],
        trade_groups: Mapping[str, str],
        settles: bool,
    ) -> None:
        self.instruments = {each.symbol: each for each in instruments}
        self.fees, self.groups = fees, trade_groups
        self.ledger = Ledger({symbol: Scale(each) for symbol, each in self.instruments.items()}, settles)
        self.markets = {
            symbol: Market(symbol, self, rules.get(symbol, MarketRules()), self._positions(symbol))
            for symbol in self.instruments
        }
        self.time_ns = 0
        self.events: list[Event] = []
        self.involved: dict[str, None] = {}
        self.moved: dict[tuple[str, PriceReference], list[Moved]] = {}
        """Reference prices on which nothing was fired yet, in their order: each of a taker's trades is a last price."""
        self.agenda: list[tuple[int, int, str]] = []
        """What time will bring, a heap of (when, order or 0 for the market's phase, symbol)."""
        self._next_trade_id = first_trade_id

    def begin(self, time_ns: int, involved: dict[str, None]) -> None:
        """Start a command in some markets."""
        if time_ns > self.time_ns:
            self.time_ns = time_ns
        self.events, self.involved = [], involved

    def emit(self, event: Event) -> None:
        """Something happened: change the state by it, and tell."""
        self.events.append(event)
        self.apply(event)

    def tell(self, event: Event) -> None:
        """Say something that changes no state."""
        self.events.append(event)

    def note_price(self, symbol: str, reference: PriceReference, price: int) -> None:
        """A reference price is new; the same one twice in a row counts once."""
        prices = self.moved.setdefault((symbol, reference), [])
        if not prices or prices[-1][0] != price:
            prices.append((price, self.ledger.last_order_id))

    def take_moved(self) -> dict[tuple[str, PriceReference], list[Moved]]:
        """Prices by market and reference since the last call."""
        moved, self.moved = self.moved, {}
        return moved

    def apply(self, event: Event) -> None:
        """Change the state by an event, new or of a journal."""
        kind = type(event)
        if kind in _FACTS:
            _FACTS[kind](self.markets[event.symbol].facts, event)  # type: ignore[attr-defined]
        self.ledger.apply(event)

    def owner(self, account: str) -> str:
        """Whose orders an account's orders do not trade with: its trade group's, or its own."""
        return self.groups.get(account, account)

    def position(self, account: str, symbol: str) -> int:
        """Net lots that an account has traded in a market."""
        return self.ledger.positions[symbol].get(account, 0)

    def trade(self, symbol: str, taker: Taker, maker: RestingOrder, price: int, lots: int) -> None:
        """A taker and a maker have met."""
        self.note_price(symbol, PriceReference.LAST, price)
        quote_fee, base_fee = self._fees(symbol, taker.side, price, lots)
        maker_pays, taker_pays = (quote_fee, base_fee) if taker.side is Side.BUY else (base_fee, quote_fee)
        self._next_trade_id = max(self._next_trade_id, self.ledger.last_trade_id + 1)
        self.emit(
            TradeExecuted(
                time_ns=self.time_ns,
                trade_id=self._next_trade_id,
                symbol=symbol,
                price_ticks=price,
                quantity_lots=lots,
                aggressor=taker.side,
                maker=_party(maker, maker_pays),
                taker=_party(taker, taker_pays),
            )
        )

    def expire(self, order_id: int, reason: str) -> None:
        """The venue ends an order, which rests no more."""
        order = self.ledger.orders[order_id]
        self.emit(
            OrderExpired(
                time_ns=self.time_ns, order_id=order_id, account=order.account, symbol=order.symbol, reason=reason
            )
        )

    def shrink(self, order_id: int, lots: int, reason: str) -> None:
        """The venue takes some of the open lots of an order."""
        order = self.ledger.orders[order_id]
        self.amend(order, order.price_ticks, order.remaining_lots - lots, True, reason)

    def amend(self, order: OrderRecord, price: int, open_lots: int, keeps_place: bool, reason: str = "") -> None:
        """An order has another price or another open quantity."""
        self.emit(
            OrderAmended(
                time_ns=self.time_ns,
                order_id=order.order_id,
                account=order.account,
                symbol=order.symbol,
                price_ticks=price,
                quantity_lots=order.filled_lots + open_lots,
                keeps_place=keeps_place,
                reason=reason,
            )
        )

    def move_stop(self, order: OrderRecord, stop: int) -> None:
        """A trailing order's trigger price follows."""
        self.emit(
            StopMoved(
                time_ns=self.time_ns,
                order_id=order.order_id,
                account=order.account,
                symbol=order.symbol,
                stop_ticks=stop,
            )
        )

    def take_off(self, order: OrderRecord) -> None:
        """Let an open order neither rest nor wait."""
        market = self.markets[order.symbol]
        market.stops.remove(order.order_id)
        resting = market.book.orders.get(order.order_id)
        if resting is not None:
            market.reduce(resting, resting.quantity)

    def rest(self, order: OrderRecord) -> None:
        """Queue what is open of an order."""
        owner = self.owner(order.account)
        resting = RestingOrder(order.account, order.order_id, order.client_order_id, order.remaining_lots, owner)
        self.markets[order.symbol].rest(order.side, order.price_ticks, resting, order.reduce_only)

    def schedule(self, order: OrderRecord) -> None:
        """Remember when an order ends."""
        if order.expires_ns:
            heappush(self.agenda, (order.expires_ns, order.order_id, order.symbol))

    def report_levels(self) -> None:
        """Tell every level that the command changed."""
        for symbol in self.involved:
            market = self.markets[symbol]
            for side, price in market.take_touched():
                self.tell(
                    LevelChanged(
                        time_ns=self.time_ns,
                        symbol=symbol,
                        side=side,
                        price_ticks=price,
                        quantity_lots=market.book.side(side).quantity(price),
                    )
                )

    def _fees(self, symbol: str, taker_side: Side, price: int, lots: int) -> tuple[tuple[int, str], tuple[int, str]]:
        """(units, asset) that who receives the quote pays, and who receives the base."""
        scale = self.ledger.scales[symbol]
        if not self.ledger.settles:
            return (0, scale.quote), (0, scale.base)
        fees = self.fees
        on_quote, on_base = (fees.maker, fees.taker) if taker_side is Side.BUY else (fees.taker, fees.maker)
        quote_fee = fee_units(scale.quote_units(price, lots), on_quote)
        return (quote_fee, scale.quote), (fee_units(scale.base_units(lots), on_base), scale.base)

    def _positions(self, symbol: str) -> PositionOf:
        return lambda account: self.position(account, symbol)


def _party(order: Taker | RestingOrder, pays: tuple[int, str]) -> TradeParty:
    return TradeParty(
        account=order.account,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        fee_units=0 if order.account == EXTERNAL_ACCOUNT else pays[0],
        fee_asset=pays[1],
    )
