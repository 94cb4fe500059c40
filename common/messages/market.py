"""What a venue shows everybody: book images, trades and the health of the feed.

Published by `quote_server-<venue>`.
"""

from common.messages.base import Message
from common.model.order import Side


class BookImage(Message, frozen=True, kw_only=True):
    """The best levels of one book, whole: a late joiner is right after one message.

    Topic `book.<venue>.<symbol>|`. Levels are `(price_ticks, quantity_lots)`, best first.
    """

    venue: str
    symbol: str
    update_id: int
    event_time_ns: int
    received_ns: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]

    @property
    def mid_ticks(self) -> float:
        """Middle of best bid and best ask, in ticks; needs both sides."""
        return (self.bids[0][0] + self.asks[0][0]) / 2


class TradePrinted(Message, frozen=True, kw_only=True):
    """One public trade. Topic `trade.<venue>.<symbol>|`. `aggressor` is the taker's side."""

    venue: str
    symbol: str
    trade_id: int
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    event_time_ns: int
    received_ns: int


class FeedStatusChanged(Message, frozen=True, kw_only=True):
    """Health of one feed. Topic `feed.<venue>.<symbol>|`, on change and each second.

    `state` is "syncing", "live" or "stale". `clock_offset_ns` estimates venue clock minus ours.
    """

    venue: str
    symbol: str
    state: str
    reason: str
    clock_offset_ns: int
    gaps: int
    resyncs: int
    event_time_ns: int
    received_ns: int
