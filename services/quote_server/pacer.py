"""How often images may go out: at once while the rate allows it, and a moved price before a changed size. Pure."""


class ImagePacer:
    """A bucket of tokens that refills at `per_s`, holds `burst` and keeps half of them for moved prices.

    So a touch whose size flickers cannot delay the news that its price has moved.
    """

    def __init__(self, per_s: float, burst: int) -> None:
        self._interval_ns = 1e9 / per_s
        self._burst, self._kept = burst, burst // 2
        self._tokens = float(burst)
        self._refilled_ns = 0

    def wait_ns(self, now_ns: int, price_moved: bool) -> int:
        """0 if an image may go now, else how long until it may. Times are monotonic."""
        self._refill(now_ns)
        missing = (1.0 if price_moved else 1.0 + self._kept) - self._tokens
        return 0 if missing <= 1e-9 else int(missing * self._interval_ns) + 1

    def spend(self, now_ns: int) -> None:
        """An image went out."""
        self._refill(now_ns)
        self._tokens = max(0.0, self._tokens - 1.0)

    def _refill(self, now_ns: int) -> None:
        self._tokens = min(float(self._burst), self._tokens + (now_ns - self._refilled_ns) / self._interval_ns)
        self._refilled_ns = now_ns
