"""One quote: its terms and its two orders."""

import msgspec

from common.exchange.quotes.terms import QuoteTerms
from common.model.order import Side


class Quote(msgspec.Struct, kw_only=True):
    """A quote of an account in a market. Order numbers are 0 where there is none.

    marked_ticks   the mark around which it was placed last, if it follows the mark
    retry_ns       when a market that is halted now is tried again; 0 = no need
    order_count    names of its orders so far
    """

    quote_id: int
    account: str
    symbol: str
    terms: QuoteTerms
    started_ns: int
    marked_ticks: int = 0
    retry_ns: int = 0
    bid_order: int = 0
    ask_order: int = 0
    order_count: int = 0

    @property
    def link(self) -> str:
        """What its orders carry."""
        return f"quote:{self.quote_id}"

    @property
    def has_orders(self) -> bool:
        """True while it has an order."""
        return bool(self.bid_order or self.ask_order)

    def order(self, side: Side) -> int:
        """Number of a side's order."""
        return self.bid_order if side is Side.BUY else self.ask_order

    def hold(self, side: Side, order_id: int) -> None:
        """Note a side's order."""
        if side is Side.BUY:
            self.bid_order = order_id
        else:
            self.ask_order = order_id
