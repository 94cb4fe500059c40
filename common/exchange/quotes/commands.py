"""What owners do with quotes. An account has at most one quote in a market."""

from common.exchange.commands import Command
from common.exchange.quotes.terms import QuoteTerms


class SetQuote(Command, frozen=True, kw_only=True):
    """Place a quote, or give the one that there is other terms; both sides are as large as the terms say, or nothing.

    What may be amended is: an order whose price stays and whose size does not grow keeps its place in the queue.
    """

    account: str
    symbol: str
    terms: QuoteTerms


class MoveQuote(Command, frozen=True, kw_only=True):
    """Refresh a quote in place: another middle, or two other prices, or other sizes (None = as in its terms).

    Everything else of its terms stays, its minimum spread too; both sides are full again.
    """

    account: str
    symbol: str
    mid_ticks: int | None = None
    bid_ticks: int | None = None
    ask_ticks: int | None = None
    bid_lots: int | None = None
    ask_lots: int | None = None


class CancelQuote(Command, frozen=True, kw_only=True):
    """Take both sides off."""

    account: str
    symbol: str


QuoteCommand = SetQuote | MoveQuote | CancelQuote
"""All of them."""
