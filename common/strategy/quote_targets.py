"""Which quotes we would show if there were none yet: side, price and quantity from the need and the book. Pure."""

from math import ceil, floor
from typing import NamedTuple

from common.messages import BookImage
from common.model.order import Side
from common.pricing.glft import LinearQuotes
from common.strategy.quote_orders import Level
from common.strategy.quote_rules import QuoteMode, QuoteRules

BPS = 10_000.0


class Quote(NamedTuple):
    """A quote that we want to show."""

    price_ticks: int
    quantity_lots: int


class Touch(NamedTuple):
    """Best prices in ticks. `bid` and `ask` are shown by the venue; `outer_bid`, `outer_ask` are those of others."""

    bid: int
    ask: int
    outer_bid: int
    outer_ask: int
    bid_depth_lots: float
    ask_depth_lots: float

    @property
    def mid(self) -> float:
        """Middle between the quotes of others, so that our own quotes do not move it."""
        return (self.outer_bid + self.outer_ask) / 2


class Need(NamedTuple):
    """Lots to buy and to sell until the target is reached, either negative when it is passed, and the dead band.

    Both count a doubtful fill against themselves, so their sum is at most 0.
    """

    buy_lots: int
    sell_lots: int
    band_lots: int

    def lots(self, side: Side) -> int:
        """What one side needs."""
        return self.buy_lots if side is Side.BUY else self.sell_lots


def outer_level(levels: list[Level], own: list[Level]) -> Level:
    """Best level after our own orders (price, remaining lots) are taken off; the deepest one if nothing is left."""
    if not own:
        return levels[0]
    for price, quantity in levels:
        outer = quantity
        for own_price, own_lots in own:
            if own_price == price:
                outer -= own_lots
        if outer > 0:
            return price, outer
    return levels[-1]


def touch_of(book: BookImage, own_bids: list[Level], own_asks: list[Level]) -> Touch:
    """Best prices of a two-sided book with and without our own orders; depths are those of others."""
    bid, ask = outer_level(book.bids, own_bids), outer_level(book.asks, own_asks)
    return Touch(book.bids[0][0], book.asks[0][0], bid[0], ask[0], float(bid[1]), float(ask[1]))


def wanted_quote(
    rules: QuoteRules, line: LinearQuotes, touch: Touch, side: Side, need: Need, depth_lots: float
) -> Quote | None:
    """The quote of one side; None where none is wanted. `depth_lots` is the smoothed depth at its own touch."""
    need_lots = need.lots(side)
    if need_lots >= need.band_lots:
        quantity = hedge_quantity(rules, need_lots, depth_lots)
        price = hedge_price(rules, line, touch, side, need_lots)
    elif rules.mode is QuoteMode.TWO_SIDED and -need_lots < rules.other_inventory_lots_max:
        quantity = rules.other_lots
        price = other_price(rules, line, touch, side, need_lots)
    else:
        return None
    if price < 1 or quantity * price < rules.notional_min:
        return None
    return Quote(price, quantity)


def hedge_quantity(rules: QuoteRules, need_lots: int, depth_lots: float) -> int:
    """Never more than the need, one order's maximum, and the touch's depth (with a floor)."""
    return min(need_lots, rules.quantity_max_lots, max(int(rules.depth_multiple * depth_lots), rules.depth_floor_lots))


def hedge_price(rules: QuoteRules, line: LinearQuotes, touch: Touch, side: Side, need_lots: int) -> int:
    """GLFT's price, held between `behind_touch_bps` behind the touch and the touch itself: the larger the need, the
    nearer. In ticks."""
    mid = touch.mid
    behind = rules.behind_touch_bps * mid / BPS
    if side is Side.BUY:
        wanted = mid - line.bid_offset(-need_lots / rules.unit_lots)
        return _passive_bid(touch, floor(min(max(wanted, touch.outer_bid - behind), touch.outer_bid)))
    wanted = mid + line.ask_offset(need_lots / rules.unit_lots)
    return _passive_ask(touch, ceil(max(min(wanted, touch.outer_ask + behind), touch.outer_ask)))


def other_price(rules: QuoteRules, line: LinearQuotes, touch: Touch, side: Side, need_lots: int) -> int:
    """GLFT's price, but at least `other_bps` behind the touch. In ticks."""
    mid = touch.mid
    away = rules.other_bps * mid / BPS
    if side is Side.BUY:
        wanted = mid - line.bid_offset(-need_lots / rules.unit_lots)
        return _passive_bid(touch, floor(min(wanted, touch.outer_bid - away)))
    wanted = mid + line.ask_offset(need_lots / rules.unit_lots)
    return _passive_ask(touch, ceil(max(wanted, touch.outer_ask + away)))


def _passive_bid(touch: Touch, price: int) -> int:
    """Below every ask that is shown, ours included."""
    return min(price, touch.ask - 1)


def _passive_ask(touch: Touch, price: int) -> int:
    return max(price, touch.bid + 1)
