"""What the oms writes into its journal, and the image of its state that a snapshot holds.

A record carries its own time, so that a replay ends in exactly the state that the live process had.
"""

import msgspec

from common.messages import ExecutionReported, OrderFilled, SubmitOrder
from common.model.order_life import OrderLife


class OrderAccepted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Intent: committed before the command leaves for the execution handler."""

    command: SubmitOrder
    at_ns: int


class OrderRefused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A check said no; nothing left. Kept so that a repeated id gets the same answer."""

    client_order_id: str
    code: str
    detail: str
    at_ns: int


class OrderReported(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A report that taught us something about an order; its trade, if any, is a record of its own."""

    report: ExecutionReported
    at_ns: int


class OrderAbsent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue does not know the order, and it can no longer be under way."""

    client_order_id: str
    at_ns: int


class FillBooked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One trade, numbered."""

    fill: OrderFilled
    at_ns: int


class TradesSettled(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All trades of a market up to this id are booked: older ids are repetitions."""

    venue: str
    symbol: str
    trade_id: int


Record = OrderAccepted | OrderRefused | OrderReported | OrderAbsent | FillBooked | TradesSettled


class MarketImage(msgspec.Struct, frozen=True, kw_only=True):
    """One market in a snapshot."""

    venue: str
    symbol: str
    position_lots: int
    settled_trade_id: int
    seen_trade_ids: list[int]


class LedgerImage(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of the ledger as of one journal entry."""

    live: list[OrderLife]
    finished: list[OrderLife]
    refused: list[OrderRefused]
    archived: dict[str, int]
    markets: list[MarketImage]
    fills: list[OrderFilled]
    fill_sequence: int
    fill_marks: list[tuple[int, int]]
