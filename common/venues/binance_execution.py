"""Binance spot, private side: commands to signed requests, answers and user-stream frames to reports. Pure."""

import re
from collections.abc import Iterable

import msgspec

from common.messages import ExecutionReported, SubmitOrder, VenueFill
from common.model.errors import MessageInvalid, OrderInvalid
from common.model.ids import CLIENT_ORDER_ID_PREFIX
from common.model.instrument import Instrument
from common.model.order import OrderState, OrderType, Side, TimeInForce
from common.venues import binance_rates as rates
from common.venues.grid import Grid
from common.venues.rate_pools import Cost
from common.venues.signer import HmacSigner

VENUE = "binance"
TRADES_PAGE_MAX = 1_000
KEY_HEADER = "X-MBX-APIKEY"
_CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9._-]{1,36}")
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_STATES = {
    "NEW": OrderState.OPEN,
    "PENDING_NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "PENDING_CANCEL": OrderState.OPEN,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}


class Request(msgspec.Struct, frozen=True):
    """One question before it is signed: what it asks and what it costs."""

    method: str
    path: str
    query: str
    cost: Cost


class Trade(msgspec.Struct, frozen=True):
    """One of our trades as REST lists it: without our client order id, only with the venue's own order id."""

    venue_order_id: str
    fill: VenueFill


class _Order(msgspec.Struct):
    symbol: str
    orderId: int
    clientOrderId: str
    status: str
    side: str
    price: str
    origQty: str
    executedQty: str
    origClientOrderId: str = ""
    transactTime: int = 0
    updateTime: int = 0


class _Trade(msgspec.Struct):
    id: int
    orderId: int
    price: str
    qty: str
    commission: str
    commissionAsset: str
    time: int
    isBuyer: bool
    isMaker: bool


class _Balance(msgspec.Struct):
    asset: str
    free: str
    locked: str


class _Account(msgspec.Struct):
    balances: list[_Balance]


_read_order = msgspec.json.Decoder(_Order).decode
_read_orders = msgspec.json.Decoder(list[_Order]).decode
_read_trades = msgspec.json.Decoder(list[_Trade]).decode
_read_account = msgspec.json.Decoder(_Account).decode


class BinanceExecution:
    """Codec of the private side for a set of instruments of this venue.

    `recv_window_ms`: the venue refuses a request that reaches it later than that, so an order that was delayed longer
    can never appear.
    """

    def __init__(self, instruments: Iterable[Instrument], signer: HmacSigner, recv_window_ms: int) -> None:
        grids = [Grid(each) for each in instruments]
        self._by_symbol = {each.instrument.symbol: each for each in grids}
        self._by_venue_symbol = {each.instrument.venue_symbol: each for each in grids}
        self._signer, self._window = signer, f"recvWindow={recv_window_ms}&timestamp="

    def target(self, request: Request, venue_time_ms: int) -> str:
        """Path and signed query, ready for the request line. `venue_time_ms` is the venue's clock at sending."""
        query = request.query
        text = f"{query}&{self._window}{venue_time_ms}" if query else f"{self._window}{venue_time_ms}"
        return f"{request.path}?{text}&signature={self._signer.sign(text)}"

    def place(self, order: SubmitOrder) -> Request:
        """A new order. Raises OrderInvalid for what this venue cannot express."""
        instrument = self._instrument(order.symbol)
        client_order_id = _checked_id(order.client_order_id)
        if order.quantity_lots <= 0 or (order.price_ticks <= 0 and order.order_type is OrderType.LIMIT):
            raise OrderInvalid("order", client_order_id, "a positive price and quantity", order.quantity_lots)
        query = (
            f"symbol={instrument.venue_symbol}&side={order.side.name}&{_kind(order)}"
            f"&quantity={instrument.quantity_text(order.quantity_lots)}"
        )
        if order.order_type is OrderType.LIMIT:
            query += f"&price={instrument.price_text(order.price_ticks)}"
        query += f"&newClientOrderId={client_order_id}&newOrderRespType=RESULT"
        return Request("POST", "/api/v3/order", query, rates.PLACE)

    def cancel(self, symbol: str, client_order_id: str) -> Request:
        """Take one order off."""
        return Request("DELETE", "/api/v3/order", self._one(symbol, client_order_id), rates.CANCEL)

    def query(self, symbol: str, client_order_id: str) -> Request:
        """Ask for one order by our id."""
        return Request("GET", "/api/v3/order", self._one(symbol, client_order_id), rates.QUERY)

    def query_by_venue_id(self, symbol: str, venue_order_id: str) -> Request:
        """Ask for one order by the venue's id."""
        query = f"symbol={self._instrument(symbol).venue_symbol}&orderId={venue_order_id}"
        return Request("GET", "/api/v3/order", query, rates.QUERY)

    def open_orders(self, symbol: str) -> Request:
        """Ask for all resting orders of one market."""
        query = f"symbol={self._instrument(symbol).venue_symbol}"
        return Request("GET", "/api/v3/openOrders", query, rates.OPEN_ORDERS)

    def trades(self, symbol: str, from_id: int | None, limit: int = TRADES_PAGE_MAX) -> Request:
        """Ask for our trades, ascending from `from_id` on, or the newest ones (None)."""
        query = f"symbol={self._instrument(symbol).venue_symbol}&limit={limit}"
        if from_id is not None:
            query += f"&fromId={from_id}"
        return Request("GET", "/api/v3/myTrades", query, rates.TRADES)

    def account(self) -> Request:
        """Ask for the balances."""
        return Request("GET", "/api/v3/account", "omitZeroBalances=true", rates.ACCOUNT)

    def read_order(self, body: bytes, received_ns: int, sent_ns: int = 0) -> ExecutionReported:
        """Answer to placing, cancelling or querying an order. Raises MessageInvalid."""
        try:
            return self._report(_read_order(body), received_ns, sent_ns)
        except _UNREADABLE as error:
            raise MessageInvalid("order", VENUE, "an order", str(error)) from None

    def read_open_orders(self, body: bytes, received_ns: int) -> list[ExecutionReported]:
        """Resting orders that carry our prefix; the others are somebody else's. Raises MessageInvalid."""
        try:
            orders = _read_orders(body)
        except _UNREADABLE as error:
            raise MessageInvalid("open orders", VENUE, "a list of orders", str(error)) from None
        return [self._report(each, received_ns, 0) for each in orders if is_ours(each.clientOrderId)]

    def read_trades(self, symbol: str, body: bytes) -> list[Trade]:
        """One page of trades, ascending; their client order ids are still empty. Raises MessageInvalid."""
        grid = self._by_symbol[symbol]
        try:
            trades = _read_trades(body)
        except _UNREADABLE as error:
            raise MessageInvalid("trades", VENUE, "a list of trades", str(error)) from None
        return sorted((_trade(each, grid) for each in trades), key=lambda trade: trade.fill.trade_id)

    def read_balances(self, body: bytes) -> dict[str, tuple[str, str]]:
        """Free and locked amounts by asset, as decimal texts. Raises MessageInvalid."""
        try:
            return {each.asset: (each.free, each.locked) for each in _read_account(body).balances}
        except _UNREADABLE as error:
            raise MessageInvalid("account", VENUE, "balances", str(error)) from None

    def grid(self, venue_symbol: str) -> Grid:
        """Grid of a market by the venue's name for it. Raises MessageInvalid for one that is not configured."""
        try:
            return self._by_venue_symbol[venue_symbol]
        except KeyError:
            raise MessageInvalid("symbol", VENUE, "a configured one", venue_symbol[:30]) from None

    def _instrument(self, symbol: str) -> Instrument:
        try:
            return self._by_symbol[symbol].instrument
        except KeyError:
            raise OrderInvalid("symbol", VENUE, f"one of {', '.join(self._by_symbol)}", symbol) from None

    def _one(self, symbol: str, client_order_id: str) -> str:
        return f"symbol={self._instrument(symbol).venue_symbol}&origClientOrderId={_checked_id(client_order_id)}"

    def _report(self, order: _Order, received_ns: int, sent_ns: int) -> ExecutionReported:
        grid = self.grid(order.symbol)
        # The answer to a cancel names the cancel in clientOrderId and the order in origClientOrderId.
        return ExecutionReported(
            client_order_id=order.origClientOrderId or order.clientOrderId, venue=VENUE,
            symbol=grid.instrument.symbol, state=state(order.status), filled_lots=grid.lots[order.executedQty],
            event_time_ns=(order.transactTime or order.updateTime) * 1_000_000, received_ns=received_ns,
            venue_order_id=str(order.orderId), side=side(order.side), price_ticks=grid.ticks[order.price],
            quantity_lots=grid.lots[order.origQty], sent_ns=sent_ns,
        )  # fmt: skip


def is_ours(client_order_id: str) -> bool:
    """True for orders that this project placed."""
    return client_order_id.startswith(CLIENT_ORDER_ID_PREFIX)


def state(status: str) -> OrderState:
    """The venue's word for a state. Raises MessageInvalid for an unheard one."""
    try:
        return _STATES[status]
    except KeyError:
        raise MessageInvalid("order status", VENUE, ", ".join(_STATES), status[:30]) from None


def side(text: str) -> Side:
    """BUY or SELL. Raises MessageInvalid for anything else."""
    try:
        return _SIDES[text]
    except KeyError:
        raise MessageInvalid("side", VENUE, "BUY or SELL", text[:30]) from None


def _kind(order: SubmitOrder) -> str:
    if order.order_type is OrderType.MARKET:
        return "type=MARKET"
    if not order.post_only:
        return f"type=LIMIT&timeInForce={order.time_in_force.name}"
    if order.time_in_force is not TimeInForce.GTC:
        raise OrderInvalid("time in force", order.client_order_id, "gtc for a post-only order", order.time_in_force)
    return "type=LIMIT_MAKER"


def _checked_id(client_order_id: str) -> str:
    if not _CLIENT_ORDER_ID.fullmatch(client_order_id):
        raise OrderInvalid("client order id", VENUE, "1 to 36 of a-z A-Z 0-9 . _ -", client_order_id[:60])
    return client_order_id


def _trade(trade: _Trade, grid: Grid) -> Trade:
    fill = VenueFill(
        trade_id=trade.id, client_order_id="", venue_order_id=str(trade.orderId),
        side=Side.BUY if trade.isBuyer else Side.SELL, price_ticks=grid.ticks[trade.price],
        quantity_lots=grid.lots[trade.qty], maker=trade.isMaker, fee=trade.commission,
        fee_asset=trade.commissionAsset, event_time_ns=trade.time * 1_000_000,
    )  # fmt: skip
    return Trade(fill.venue_order_id, fill)
