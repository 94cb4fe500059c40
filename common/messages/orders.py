"""Orders: commands on their way down (strategy -> oms -> execution_handler) and what became of them on the way up."""

from common.messages.base import Message
from common.model.order import OrderState, OrderType, Side, TimeInForce


class SubmitOrder(Message, frozen=True, kw_only=True):
    """Place an order. Strategy to oms, and oms to execution handler. Answered by OrderChanged / ExecutionReported.

    `client_order_id` makes it exactly-once: a repeated id answers with the order's present state and places nothing.
    After `expires_at_ns` it is refused. `trigger_received_ns` is when the market event that caused it reached our
    edge (0 = none): tick-to-order latency is measured from it.
    """

    client_order_id: str
    strategy: str
    venue: str
    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int
    expires_at_ns: int
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = True
    trigger_received_ns: int = 0


class CancelOrder(Message, frozen=True, kw_only=True):
    """Cancel one order by its client order id. Never expires: a late cancel is still wanted."""

    client_order_id: str
    venue: str
    symbol: str


class CancelAllOrders(Message, frozen=True, kw_only=True):
    """Cancel all of our resting orders at a venue. Answered by AllOrdersCanceled."""

    venue: str
    reason: str
    strategy: str = ""


class AllOrdersCanceled(Message, frozen=True, kw_only=True):
    """How many orders were resting and were cancelled; `failed` could not be confirmed and are being resolved."""

    venue: str
    canceled: int
    failed: int = 0


class OrderChanged(Message, frozen=True, kw_only=True):
    """The oms's word on one order, whole. Topic `order.<venue>.<symbol>|`. Also the reply to SubmitOrder.

    `tick_to_order_us` is -1 until the order left and when no market event caused it.
    """

    client_order_id: str
    strategy: str
    venue: str
    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int
    filled_lots: int
    state: OrderState
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = True
    venue_order_id: str = ""
    reason_code: str = ""
    reason: str = ""
    created_ns: int = 0
    changed_ns: int = 0
    tick_to_order_us: float = -1.0


class ExecutionReported(Message, frozen=True, kw_only=True):
    """A venue's word on one order, from its answer or its user stream. Topic `execution.<venue>.<symbol>|`.

    `filled_lots` is cumulative. `fill` is present when this report carries one trade. `sent_ns` is when the request
    left for the venue (0 = it did not). State UNKNOWN means that the outcome is being resolved.
    """

    client_order_id: str
    venue: str
    symbol: str
    state: OrderState
    filled_lots: int
    event_time_ns: int
    received_ns: int
    venue_order_id: str = ""
    side: Side | None = None
    price_ticks: int = 0
    quantity_lots: int = 0
    reason_code: str = ""
    reason: str = ""
    sent_ns: int = 0
    fill: "VenueFill | None" = None


class VenueFill(Message, frozen=True, kw_only=True):
    """One trade of ours as the venue numbers it. `fee` is a decimal text in `fee_asset`; negative = rebate."""

    trade_id: int
    client_order_id: str
    venue_order_id: str
    side: Side
    price_ticks: int
    quantity_lots: int
    maker: bool
    fee: str
    fee_asset: str
    event_time_ns: int


class QueryOrder(Message, frozen=True, kw_only=True):
    """Ask the venue, through its execution handler, what became of one order. Answered by ExecutionReported.

    An order that the venue does not know is answered with state REJECTED and reason_code "unknown_order".
    """

    client_order_id: str
    venue: str
    symbol: str


class QueryExecutions(Message, frozen=True, kw_only=True):
    """Ask the venue for all open orders and the fills after `after_trade_id` (-1 = from the first one)."""

    venue: str
    symbol: str
    after_trade_id: int


class ExecutionsListed(Message, frozen=True, kw_only=True):
    """Answer to QueryExecutions. `fills` ascend by trade id; when `complete` is false, ask again after the last."""

    venue: str
    symbol: str
    open_orders: list[ExecutionReported]
    fills: list[VenueFill]
    complete: bool


class QueryAccount(Message, frozen=True, kw_only=True):
    """Ask the venue for its balances, through its execution handler."""

    venue: str


class AccountReported(Message, frozen=True, kw_only=True):
    """Balances by asset, free plus locked, as decimal texts."""

    venue: str
    balances: dict[str, str]
    open_order_count: int
    received_ns: int
