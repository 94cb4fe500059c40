"""How much a client may ask: request weight a minute, new orders in 10 s and a day, in Binance's fixed windows."""

from collections.abc import Callable

from services.paper_exchange import refusals

MINUTE_MS, TEN_SECONDS_MS, DAY_MS = 60_000, 10_000, 86_400_000
ORDER_INTERVALS = ("SECOND", "DAY"), (10, 1)

Row = dict[str, str | int]


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


class OrderCounts:
    """The new orders of one account."""

    def __init__(self, ten_seconds_max: int, day_max: int) -> None:
        self.ten_seconds, self.day = Window(TEN_SECONDS_MS, ten_seconds_max), Window(DAY_MS, day_max)


class RequestLimits:
    """The windows of one venue, whose only clients are on this machine: one for weight, two for each account's orders.

    Rows are what exchangeInfo and answers of the WebSocket API tell of them.
    """

    def __init__(self, weight_max: int, orders_10s_max: int, orders_day_max: int, now_ms: Callable[[], int]) -> None:
        self.weight = Window(MINUTE_MS, weight_max)
        self._orders_max = orders_10s_max, orders_day_max
        self._orders = dict[str, OrderCounts]()
        self._now_ms = now_ms

    def spend(self, weight: int) -> None:
        """Count a request; raises VenueError (429) above the limit."""
        now_ms = self._now_ms()
        if not self.weight.add(weight, now_ms):
            raise refusals.too_many_requests(self.weight.limit, self.weight.retry_after_s(now_ms))

    def count_order(self, account: str) -> None:
        """Count a new order of an account; raises VenueError (429) above a limit."""
        now_ms, orders = self._now_ms(), self._counts(account)
        for window, name in ((orders.ten_seconds, "10 SECOND"), (orders.day, "1 DAY")):
            if not window.add(1, now_ms):
                raise refusals.too_many_orders(window.limit, name, window.retry_after_s(now_ms))

    def headers(self, account: str = "") -> dict[str, str]:
        """What Binance tells in every answer, and in those to new orders of an account."""
        told = {"X-MBX-USED-WEIGHT": str(self.weight.used), "X-MBX-USED-WEIGHT-1M": str(self.weight.used)}
        if account:
            orders = self._counts(account)
            told["X-MBX-ORDER-COUNT-10S"] = str(orders.ten_seconds.used)
            told["X-MBX-ORDER-COUNT-1D"] = str(orders.day.used)
        return told

    def rows(self) -> list[Row]:
        """All limits."""
        weight = _row("REQUEST_WEIGHT", "MINUTE", 1, self.weight.limit)
        return [weight, *(_row("ORDERS", *each) for each in zip(*ORDER_INTERVALS, self._orders_max, strict=True))]

    def used_weight(self) -> Row:
        """The weight and what is used of it."""
        self.weight.add(0, self._now_ms())
        return _row("REQUEST_WEIGHT", "MINUTE", 1, self.weight.limit) | {"count": self.weight.used}

    def used_orders(self, account: str) -> list[Row]:
        """An account's limits of new orders and what is used of them."""
        now_ms, orders = self._now_ms(), self._counts(account)
        rows = list[Row]()
        for window, interval, number in zip((orders.ten_seconds, orders.day), *ORDER_INTERVALS, strict=True):
            window.add(0, now_ms)
            rows.append(_row("ORDERS", interval, number, window.limit) | {"count": window.used})
        return rows

    def _counts(self, account: str) -> OrderCounts:
        counts = self._orders.get(account)
        if counts is None:
            counts = self._orders[account] = OrderCounts(*self._orders_max)
        return counts


def _row(kind: str, interval: str, number: int, limit: int) -> Row:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
