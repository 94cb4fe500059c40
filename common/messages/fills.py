"""Fills as the oms numbers them: facts that add up, so each has its place in one gapless sequence."""

from common.messages.base import Message
from common.model.order import Side


class OrderFilled(Message, frozen=True, kw_only=True):
    """One trade of ours, exactly once. Topic `fill.<venue>.<symbol>|`, from the oms.

    `fill_sequence` counts all fills of the oms from 1 without a hole: a reader that misses one sees it and asks
    ListFills. (venue, symbol, trade_id) is the venue's own key. `fee` is a decimal text in `fee_asset`.
    """

    fill_sequence: int
    client_order_id: str
    strategy: str
    venue: str
    symbol: str
    trade_id: int
    side: Side
    price_ticks: int
    quantity_lots: int
    maker: bool
    fee: str
    fee_asset: str
    event_time_ns: int


class ListFills(Message, frozen=True, kw_only=True):
    """Ask the oms for fills after a sequence, at most `limit` (1 to 1,000)."""

    after_sequence: int
    limit: int = 1000


class FillsListed(Message, frozen=True, kw_only=True):
    """Answer to ListFills, ascending. `last_sequence` is the newest that exists."""

    fills: list[OrderFilled]
    last_sequence: int
