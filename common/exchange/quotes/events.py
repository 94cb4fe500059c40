"""What happened to quotes."""

from common.exchange.events import Event


class QuotePlaced(Event, frozen=True, kw_only=True):
    """A quote's orders are where this says, with so many open lots; 0 = none on that side.

    They carry the link "quote:<quote_id>".
    """

    account: str
    symbol: str
    quote_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class QuoteEnded(Event, frozen=True, kw_only=True):
    """A quote is over and has no order any more."""

    account: str
    symbol: str
    quote_id: int
    reason: str
