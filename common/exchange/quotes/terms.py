"""What a quote asks for, and what its two orders are to be by that."""

import msgspec

from common.exchange.admission import WHOLE_MAX, is_whole
from common.exchange.events import RejectReason
from common.exchange.quotes.prices import (
    BPS,
    SPREAD_BPS_MAX,
    has_moved,
    keeps_spread,
    prices_around,
    room,
    skewed_middle,
)
from common.exchange.resting import PriceLots


class QuoteTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A bid and an ask of some lots, either at prices of their own or around a middle.

    bid_ticks, ask_ticks   both, or neither
    mid_ticks, spread_bps  otherwise: the middle, and the distance of the prices as a part of it, rounded up
    follows_mark           the middle is the mark, and both move when it has moved by `threshold_bps` (0 = by anything)
    spread_bps_min         the prices are never closer than this part of the middle between them
    held_lots_max          each side shrinks to what keeps the position in the market within this, either way; 0 = any
    skew_bps               the middle moves by so much of itself against the position, in full at `held_lots_max`
    linked                 when one side is filled or ends, the other one is cancelled
    refills                a trade puts both sides where and as large as the terms say, at once
    expires_ns             both end with the first command at or after it; 0 = never
    """

    bid_lots: int
    ask_lots: int
    bid_ticks: int = 0
    ask_ticks: int = 0
    mid_ticks: int = 0
    spread_bps: int = 0
    follows_mark: bool = False
    threshold_bps: int = 0
    spread_bps_min: int = 0
    held_lots_max: int = 0
    skew_bps: int = 0
    linked: bool = False
    refills: bool = False
    expires_ns: int = 0

    @property
    def has_prices(self) -> bool:
        """True when the prices are its own."""
        return bool(self.bid_ticks or self.ask_ticks)


class Sides(msgspec.Struct, frozen=True):
    """The two orders that a quote is to have; None = none on that side."""

    bid: PriceLots | None
    ask: PriceLots | None


Touch = tuple[int, int]
"""Best bid and ask of everybody but the quote; 0 = none."""


def terms_fault(terms: QuoteTerms, time_ns: int, venue_spread_bps_min: int) -> tuple[RejectReason, str] | None:
    """What is wrong with terms whatever the market is."""
    lots, ticks = (terms.bid_lots, terms.ask_lots), (terms.bid_ticks, terms.ask_ticks, terms.mid_ticks)
    rates = terms.skew_bps, terms.threshold_bps, terms.spread_bps_min, terms.spread_bps
    numbers = (*lots, *ticks, *rates, terms.held_lots_max)
    # Mixed types are looked for first: what is no integer may not even be compared.
    whole = all(map(_is_int, numbers)) and min(lots) > 0 and min(numbers) >= 0 and max(numbers) <= WHOLE_MAX
    if not whole or max(rates[:2]) >= BPS or max(rates[2:]) >= SPREAD_BPS_MAX:
        return RejectReason.QUOTE_INVALID, "a number is out of its bounds"
    return shape_fault(terms, time_ns, venue_spread_bps_min)


def shape_fault(terms: QuoteTerms, time_ns: int, venue_spread_bps_min: int) -> tuple[RejectReason, str] | None:
    """What is wrong with terms whose numbers are all within their bounds."""
    if terms.expires_ns and not is_whole(terms.expires_ns, time_ns + 1):
        return RejectReason.QUOTE_INVALID, f"expires_ns is {terms.expires_ns!r}, now is {time_ns}"
    if terms.has_prices:
        if not (terms.bid_ticks and terms.ask_ticks) or terms.mid_ticks or terms.spread_bps or terms.follows_mark:
            return RejectReason.QUOTE_INVALID, "both prices, or none and a middle and a spread"
        return None
    if not terms.spread_bps or bool(terms.mid_ticks) is terms.follows_mark:
        return RejectReason.QUOTE_INVALID, "a spread, and either a middle or the mark"
    if terms.skew_bps and not terms.held_lots_max:
        return RejectReason.QUOTE_INVALID, "skew_bps without held_lots_max"
    least = max(terms.spread_bps_min, venue_spread_bps_min)
    if terms.spread_bps < least:
        return RejectReason.SPREAD_TOO_NARROW, f"{terms.spread_bps} bps, at least {least}"
    return None


def aimed_prices(terms: QuoteTerms, mark_ticks: int, held_lots: int) -> Touch | None:
    """Bid and ask as terms say, whoever else is in the market; None = there is no mark to be around."""
    if terms.has_prices:
        return terms.bid_ticks, terms.ask_ticks
    middle = mark_ticks if terms.follows_mark else terms.mid_ticks
    if not middle:
        return None
    if terms.skew_bps:
        middle = skewed_middle(middle, held_lots, terms.held_lots_max, terms.skew_bps)
    return prices_around(middle, terms.spread_bps)


def sides_of(
    terms: QuoteTerms, aimed: Touch, others: Touch, held_lots: int, venue_spread_bps_min: int
) -> Sides | RejectReason:
    """The orders of a quote that aims at two prices, or what is wrong with them.

    Prices around a middle never meet the best price of others: they go one tick from it, which only widens the spread.
    """
    bid, ask = aimed
    if not terms.has_prices:
        if others[1] and bid >= others[1]:
            bid = others[1] - 1
        if ask <= others[0]:
            ask = others[0] + 1
    if not (is_whole(bid, 1) and is_whole(ask, 1)):
        return RejectReason.PRICE_INVALID
    if not keeps_spread(bid, ask, max(terms.spread_bps_min, venue_spread_bps_min)):
        return RejectReason.SPREAD_TOO_NARROW
    bid_lots, ask_lots = terms.bid_lots, terms.ask_lots
    if terms.held_lots_max:
        bid_lots = room(bid_lots, held_lots, terms.held_lots_max, 1)
        ask_lots = room(ask_lots, held_lots, terms.held_lots_max, -1)
    return Sides((bid, bid_lots) if bid_lots else None, (ask, ask_lots) if ask_lots else None)


def must_follow(terms: QuoteTerms, before_ticks: int, mark_ticks: int) -> bool:
    """True when a quote that was placed at one mark must move at another."""
    return terms.follows_mark and has_moved(before_ticks, mark_ticks, terms.threshold_bps)


def _is_int(value: object) -> bool:
    return type(value) is int
