"""How much a client may ask: request weight a minute, new orders in 10 s and a day, in Binance's fixed windows."""

from collections.abc import Callable

from services.paper_exchange import refusals

MINUTE_MS, TEN_SECONDS_MS, DAY_MS = 60_000, 10_000, 86_400_000


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
    """The windows of one venue, whose only clients are on this machine."""

    def __init__(self, weight_max: int, orders_10s_max: int, orders_day_max: int, now_ms: Callable[[], int]) -> None:
        self.weight = Window(MINUTE_MS, weight_max)
        self.orders_10s = Window(TEN_SECONDS_MS, orders_10s_max)
        self.orders_day = Window(DAY_MS, orders_day_max)
        self._now_ms = now_ms

    def spend(self, weight: int) -> None:
        """Count a request; raises VenueError (429) above the limit."""
        now_ms = self._now_ms()
        if not self.weight.add(weight, now_ms):
            raise refusals.too_many_requests(self.weight.limit, self.weight.retry_after_s(now_ms))

    def count_order(self) -> None:
        """Count a new order; raises VenueError (429) above a limit."""
        now_ms = self._now_ms()
        for window, name in ((self.orders_10s, "10 SECOND"), (self.orders_day, "1 DAY")):
            if not window.add(1, now_ms):
                raise refusals.too_many_orders(window.limit, name, window.retry_after_s(now_ms))

    def headers(self, with_orders: bool) -> dict[str, str]:
        """What Binance tells in every answer."""
        told = {"X-MBX-USED-WEIGHT": str(self.weight.used), "X-MBX-USED-WEIGHT-1M": str(self.weight.used)}
        if with_orders:
            told["X-MBX-ORDER-COUNT-10S"] = str(self.orders_10s.used)
            told["X-MBX-ORDER-COUNT-1D"] = str(self.orders_day.used)
        return told
