"""How much a client may ask of USD-M: request weight a minute, new orders in 10 s and a minute, apart from spot's."""

from collections.abc import Callable

from services.paper_exchange import refusals
from services.paper_exchange.limits import MINUTE_MS, TEN_SECONDS_MS, Window
from services.paper_exchange.wire import Json


class UsdmLimits:
    """The windows of USD-M; the same face as spot's limits."""

    def __init__(self, weight_max: int, orders_10s_max: int, orders_minute_max: int, now_ms: Callable[[], int]) -> None:
        self.weight = Window(MINUTE_MS, weight_max)
        self.orders_10s = Window(TEN_SECONDS_MS, orders_10s_max)
        self.orders_minute = Window(MINUTE_MS, orders_minute_max)
        self._now_ms = now_ms

    def spend(self, weight: int) -> None:
        """Count a request; raises VenueError (429) above the limit."""
        now_ms = self._now_ms()
        if not self.weight.add(weight, now_ms):
            raise refusals.too_many_requests(self.weight.limit, self.weight.retry_after_s(now_ms))

    def count_order(self) -> None:
        """Count a new order; raises VenueError (429) above a limit."""
        now_ms = self._now_ms()
        for window, name in ((self.orders_10s, "10 SECOND"), (self.orders_minute, "1 MINUTE")):
            if not window.add(1, now_ms):
                raise refusals.too_many_orders(window.limit, name, window.retry_after_s(now_ms))

    def headers(self, with_orders: bool) -> dict[str, str]:
        """What Binance tells in every answer."""
        told = {"X-MBX-USED-WEIGHT-1M": str(self.weight.used)}
        if with_orders:
            told["X-MBX-ORDER-COUNT-10S"] = str(self.orders_10s.used)
            told["X-MBX-ORDER-COUNT-1M"] = str(self.orders_minute.used)
        return told

    def order_rows(self) -> list[Json]:
        """The limits on orders, as exchangeInfo and rateLimit/order list them."""
        rows = (("SECOND", 10, self.orders_10s.limit), ("MINUTE", 1, self.orders_minute.limit))
        return [
            {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit}
            for interval, number, limit in rows
        ]
