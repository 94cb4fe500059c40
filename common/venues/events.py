"""What a venue's public data means, the same for every venue: the output of market codecs."""

import msgspec

from common.model.order import Side

Level = tuple[int, int]


class MarketEvent(msgspec.Struct, frozen=True, gc=False):
    """Root of public events. Prices in ticks, quantities in lots, times in ns of the venue's clock (0 = not told)."""


class DepthSnapshot(MarketEvent, frozen=True, gc=False):
    """A whole book as of `update_id`."""

    symbol: str
    update_id: int
    bids: list[Level]
    asks: list[Level]


class DepthChanged(MarketEvent, frozen=True, gc=False):
    """New absolute quantities (0 = the level is gone) of updates `first_update_id`..`last_update_id`."""

    symbol: str
    first_update_id: int
    last_update_id: int
    event_time_ns: int
    bids: list[Level]
    asks: list[Level]


class TouchChanged(MarketEvent, frozen=True, gc=False):
    """Best bid and best ask as of `update_id`."""

    symbol: str
    update_id: int
    bid: Level
    ask: Level


class TradeSeen(MarketEvent, frozen=True, gc=False):
    """One public trade."""

    symbol: str
    trade_id: int
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    event_time_ns: int


class ConnectionEnding(MarketEvent, frozen=True, gc=False):
    """The venue announces that it will close this connection: dial a new one now."""


class Acknowledged(MarketEvent, frozen=True, gc=False):
    """An answer to a subscription or another control frame; nothing to do."""
