"""The protocol of the bus: every message, the envelope and the codec. README.md is its document."""

from common.messages.base import Message
from common.messages.control import (
    EngageKill,
    HealthReported,
    Heartbeat,
    KillStateChanged,
    QueryHealth,
    QuerySnapshot,
    RearmTrading,
    Rejected,
    SnapshotReported,
)
from common.messages.envelope import MESSAGE_TYPES, PROTOCOL_VERSION, Header, decode, decode_as, decode_header, encode
from common.messages.exchange import (
    ExchangeCommandExecuted,
    ExchangeEventOccurred,
    ExchangeReported,
    ExecuteExchangeCommand,
    QueryExchange,
)
from common.messages.fills import FillsListed, ListFills, OrderFilled
from common.messages.lp import LpInventoryChanged, LpRange, LpRebalanced
from common.messages.market import BookImage, FeedStatusChanged, TradePrinted
from common.messages.orders import (
    AccountReported,
    AllOrdersCanceled,
    CancelAllOrders,
    CancelOrder,
    ExecutionReported,
    ExecutionsListed,
    OrderChanged,
    QueryAccount,
    QueryExecutions,
    QueryOrder,
    SubmitOrder,
    VenueFill,
)
from common.messages.positions import NetExposureChanged, PositionChanged, ProfitReported
from common.messages.quotes import QuotesUpdated, WorkingQuote

__all__ = [
    "MESSAGE_TYPES",
    "PROTOCOL_VERSION",
    "AccountReported",
    "AllOrdersCanceled",
    "BookImage",
    "CancelAllOrders",
    "CancelOrder",
    "EngageKill",
    "ExchangeCommandExecuted",
    "ExchangeEventOccurred",
    "ExchangeReported",
    "ExecuteExchangeCommand",
    "ExecutionReported",
    "ExecutionsListed",
    "FeedStatusChanged",
    "FillsListed",
    "Header",
    "HealthReported",
    "Heartbeat",
    "KillStateChanged",
    "ListFills",
    "LpInventoryChanged",
    "LpRange",
    "LpRebalanced",
    "Message",
    "NetExposureChanged",
    "OrderChanged",
    "OrderFilled",
    "PositionChanged",
    "ProfitReported",
    "QueryAccount",
    "QueryExchange",
    "QueryExecutions",
    "QueryHealth",
    "QueryOrder",
    "QuerySnapshot",
    "QuotesUpdated",
    "RearmTrading",
    "Rejected",
    "SnapshotReported",
    "SubmitOrder",
    "TradePrinted",
    "VenueFill",
    "WorkingQuote",
    "decode",
    "decode_as",
    "decode_header",
    "encode",
]
