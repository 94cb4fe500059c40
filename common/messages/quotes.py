"""What the market maker wants to show, for screens, recorders and late joiners. Published by `market_maker`."""

from common.messages.base import Message
from common.model.order import Side


class WorkingQuote(Message, frozen=True, kw_only=True):
    """One resting or requested quote of ours."""

    client_order_id: str
    side: Side
    price_ticks: int
    quantity_lots: int
    state: str


class QuotesUpdated(Message, frozen=True, kw_only=True):
    """Topic `quotes.<venue>.<symbol>|`. `state` is "quoting", "flat" (nothing to hedge) or "pulled" with a `reason`."""

    venue: str
    symbol: str
    state: str
    reason: str
    mid_ticks: float
    reservation_ticks: float
    net_delta: float
    quotes: list[WorkingQuote]
