"""How much a client may ask: request weight a minute, new orders in two intervals, in Binance's fixed windows."""

from collections.abc import Callable
from typing import NamedTuple

from services.paper_exchange import refusals

MINUTE_MS = 60_000

Row = dict[str, str | int]


class OrderInterval(NamedTuple):
    """In what time so many new orders are allowed, in Binance's words; `header` ends the name of the count's header."""

    unit: str
    number: int
    length_ms: int
    header: str


TEN_SECONDS = OrderInterval("SECOND", 10, 10_000, "10S")
MINUTE = OrderInterval("MINUTE", 1, MINUTE_MS, "1M")
DAY = OrderInterval("DAY", 1, 86_400_000, "1D")


class Window:
    """A counter that starts anew at each multiple of its length."""

    __slots__ = ("_length_ms", "_number", "limit", "used")

    def __init__(self, length_ms: int, limit: int) -> None:
        self._length_ms, self.limit = length_ms, limit
        self._number, self.used = -1, 0

    def add(self, amount: int, now_ms: int) -> bool:
        """Count; False when that is above the limit."""
        number = now_ms // self._length_ms
        if number != self._number:
            self._number, self.used = number, 0
        self.used += amount
        return self.used <= self.limit

    def retry_after_s(self, now_ms: int) -> int:
        """Whole seconds until the next window."""
        return -(-(self._length_ms - now_ms % self._length_ms) // 1000)


class RequestLimits:
    """The windows of one venue, whose only clients are on this machine: one for weight, others for orders by account.

    Rows are what exchangeInfo and answers of the WebSocket API tell of them.
    """

    def __init__(self, weight_max: int, orders_max: dict[OrderInterval, int], now_ms: Callable[[], int]) -> None:
        self.weight = Window(MINUTE_MS, weight_max)
        self._orders_max = orders_max
        self._orders = dict[str, dict[OrderInterval, Window]]()
        self._now_ms = now_ms

    def spend(self, weight: int) -> None:
        """Count a request; raises VenueError (429) above the limit."""
        now_ms = self._now_ms()
        if not self.weight.add(weight, now_ms):
            raise refusals.too_many_requests(self.weight.limit, self.weight.retry_after_s(now_ms))

    def count_order(self, account: str) -> None:
        """Count a new order of an account; raises VenueError (429) above a limit."""
        now_ms = self._now_ms()
        for interval, window in self._counts(account).items():
            if not window.add(1, now_ms):
                name = f"{interval.number} {interval.unit}"
                raise refusals.too_many_orders(window.limit, name, window.retry_after_s(now_ms))

    def headers(self, account: str = "") -> dict[str, str]:
        """What Binance tells in every answer, and in those to new orders of an account."""
        told = {"X-MBX-USED-WEIGHT": str(self.weight.used), "X-MBX-USED-WEIGHT-1M": str(self.weight.used)}
        if account:
            for interval, window in self._counts(account).items():
                told[f"X-MBX-ORDER-COUNT-{interval.header}"] = str(window.used)
        return told

    def rows(self) -> list[Row]:
        """All limits."""
        return [_row("REQUEST_WEIGHT", MINUTE, self.weight.limit), *self.order_rows()]

    def order_rows(self) -> list[Row]:
        """The limits of new orders."""
        return [_row("ORDERS", interval, limit) for interval, limit in self._orders_max.items()]

    def used_weight(self) -> Row:
        """The weight and what is used of it."""
        self.weight.add(0, self._now_ms())
        return _row("REQUEST_WEIGHT", MINUTE, self.weight.limit) | {"count": self.weight.used}

    def used_orders(self, account: str) -> list[Row]:
        """An account's limits of new orders and what is used of them."""
        now_ms, rows = self._now_ms(), list[Row]()
        for interval, window in self._counts(account).items():
            window.add(0, now_ms)
            rows.append(_row("ORDERS", interval, window.limit) | {"count": window.used})
        return rows

    def _counts(self, account: str) -> dict[OrderInterval, Window]:
        counts = self._orders.get(account)
        if counts is None:
            counts = {interval: Window(interval.length_ms, most) for interval, most in self._orders_max.items()}
            self._orders[account] = counts
        return counts


def _row(kind: str, interval: OrderInterval, limit: int) -> Row:
    return {"rateLimitType": kind, "interval": interval.unit, "intervalNum": interval.number, "limit": limit}
